#include "latency/machine/environment.hpp"

#include "latency/permission.hpp"
#include "state/kernel_arguments.hpp"
#include "state/machine_files.hpp"

#include <fmt/format.h>
#include <sys/utsname.h>

#include <filesystem>
#include <fstream>
#include <system_error>
#include <utility>

namespace rtnode::latency {
namespace {

namespace fs = std::filesystem;

/// `ostree=/ostree/boot.1/OS/BOOTCSUM/0` names a link to ../../../deploy/OS/deploy/CHECKSUM.SERIAL (libostree's
/// ostree-sysroot-deploy.c makes it).
std::string deployment_of(const std::string& root, const std::string& command_line) {
    const auto arguments = KernelArguments::parse(command_line);
    for (const auto& token : arguments.tokens()) {
        if (!token.starts_with("ostree=/")) continue;
        std::error_code missing;
        const auto name = fs::read_symlink(root + token.substr(token.find('/')), missing).filename().string();
        const auto checksum = name.substr(0, name.find('.'));
        if (checksum.size() == 64 && checksum.find_first_not_of("0123456789abcdef") == std::string::npos)
            return checksum;
    }
    return "";
}

} // namespace

std::string microcode_of(const std::string& root) {
    const auto online = cpus_in(root + "/sys/devices/system/cpu/online").value_or(CpuList{});
    const auto lowest = online.empty() ? 0u : online.front();
    if (const auto version = line_of(cpu_file(root, lowest, "microcode/version"))) return trimmed(*version);
    return first_processor(root)["microcode"]; // a guest has no microcode driver
}

std::string bios_of(const std::string& root) {
    std::string bios;
    for (const auto* part : {"vendor", "version", "date"})
        bios += trimmed(line_of(root + "/sys/class/dmi/id/bios_" + part).value_or("")) + ' ';
    return trimmed(bios);
}

Environment Environment::read(const std::string& root) {
    Environment environment;
    if (utsname name{}; ::uname(&name) == 0) {
        environment.sysname = name.sysname;
        environment.nodename = name.nodename;
        environment.release = name.release;
        environment.version = name.version;
        environment.machine = name.machine;
    }
    environment.realtime = line_of(root + "/sys/kernel/realtime") == "1";
    environment.command_line = line_of(root + "/proc/cmdline").value_or("");
    environment.clocksource =
        line_of(root + "/sys/devices/system/clocksource/clocksource0/current_clocksource").value_or("");
    environment.cpus_online = line_of(root + "/sys/devices/system/cpu/online").value_or("");
    environment.microcode = microcode_of(root);
    environment.bios = bios_of(root);
    environment.cpu_model = first_processor(root)["model name"];
    environment.deployment = deployment_of(root, environment.command_line);
    return environment;
}

std::vector<IdleState> deep_idle_states(const std::string& root, unsigned cpu) {
    constexpr std::int64_t noticed_us = 2; // C1 of current processors takes 1 or 2
    std::vector<IdleState> states;
    for (unsigned i = 2;; ++i) {
        IdleState state;
        state.folder = cpu_file(root, cpu, fmt::format("cpuidle/state{}", i)).string();
        const auto name = line_of(state.folder + "/name");
        if (!name) return states;
        state.name = *name;
        state.latency_us = number_in(state.folder + "/latency");
        state.disabled = number_in(state.folder + "/disable").value_or(0) != 0;
        if (state.latency_us.value_or(noticed_us + 1) > noticed_us) states.push_back(std::move(state));
    }
}

std::vector<std::string> cgroup_folders(const std::string& root) {
    const auto hierarchy = root + "/sys/fs/cgroup";
    std::string path = cgroup_of(root);
    // A path that climbs is of a cgroup outside the namespace's root, which has no folder here.
    if (!path.starts_with('/') || path.find("/..") != std::string::npos || !line_of(hierarchy + "/cgroup.controllers"))
        return {};
    std::vector<std::string> folders;
    for (; path.size() > 1; path.erase(path.rfind('/')))
        folders.push_back(hierarchy + path);
    folders.push_back(hierarchy);
    return folders;
}

} // namespace rtnode::latency
