#include "host/node.hpp"

#include <sys/stat.h>
#include <sys/utsname.h>
#include <systemd/sd-daemon.h>
#include <systemd/sd-login.h>

#include <cstdlib>
#include <fstream>
#include <memory>

namespace rtnode::host {
namespace {

std::string first_line(const char* path) {
    std::ifstream file(path);
    std::string line;
    std::getline(file, line);
    return line;
}

struct Free {
    void operator()(char* text) const { std::free(text); }
};

} // namespace

std::string boot_id() {
    return first_line("/proc/sys/kernel/random/boot_id");
}

std::string command_line() {
    return first_line("/proc/cmdline");
}

std::string kernel_release() {
    utsname name{};
    ::uname(&name);
    return name.release;
}

bool real_time_kernel() {
    return first_line("/sys/kernel/realtime") == "1";
}

bool in_our_user_namespace(pid_t pid) {
    struct stat ours {
    }, theirs{};
    const auto path = "/proc/" + std::to_string(pid) + "/ns/user";
    return pid > 0 && ::stat("/proc/self/ns/user", &ours) == 0 && ::stat(path.c_str(), &theirs) == 0 &&
           ours.st_dev == theirs.st_dev && ours.st_ino == theirs.st_ino;
}

std::string unit_of(pid_t pid) {
    char* unit = nullptr;
    if (pid <= 0 || ::sd_pid_get_unit(pid, &unit) < 0) return {};
    const std::unique_ptr<char, Free> owned(unit);
    return unit;
}

void notify(const std::string& text) {
    ::sd_notify(0, text.c_str());
}

} // namespace rtnode::host
