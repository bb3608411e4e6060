// rtnode-boot-guard [FOLDER]: runs while a deployment is staged, and longer than ostree-finalize-staged.service.

#include "boot/loader_guard.hpp"
#include "loop/journal.hpp"
#include "state/error.hpp"

#include <fmt/format.h>
#include <systemd/sd-daemon.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <string_view>

#include <sched.h>
#include <sys/mount.h>
#include <sys/signalfd.h>
#include <sys/statvfs.h>

namespace {

using namespace rtnode;
using journal::Priority;

/// /boot is mounted read-only on many nodes. As libostree does, writable for this process alone.
void make_writable(const std::string& boot) {
    struct statvfs facts {};
    if (::statvfs(boot.c_str(), &facts) != 0 || (facts.f_flag & ST_RDONLY) == 0) return;
    if (::unshare(CLONE_NEWNS) != 0 || ::mount(nullptr, "/", nullptr, MS_REC | MS_SLAVE | MS_SILENT, nullptr) != 0 ||
        ::mount(nullptr, boot.c_str(), nullptr, MS_REMOUNT | MS_SILENT, nullptr) != 0)
        journal::log(Priority::warning, fmt::format("{} stays read-only: {}", boot, std::strerror(errno)));
}

UniqueFd end_signals() {
    sigset_t signals;
    sigemptyset(&signals);
    for (const int signal : {SIGTERM, SIGINT})
        sigaddset(&signals, signal);
    sigprocmask(SIG_BLOCK, &signals, nullptr);
    return UniqueFd(::signalfd(-1, &signals, SFD_CLOEXEC));
}

int guard(const std::string& boot) {
    const auto stop = end_signals();
    make_writable(boot);
    try {
        boot::LoaderGuard guard(boot);
        ::sd_notify(0, fmt::format("READY=1\nSTATUS=Guarding {}/{}", boot, guard.entries()).c_str());
        guard.run(stop.get());
    } catch (const Error& error) {
        // A node of another make boots as it always did; that isn't this unit's failure.
        journal::log(Priority::notice, error.what());
        ::sd_notify(0, "READY=1");
    }
    return 0;
}

} // namespace

int main(int argc, char** argv) {
    const std::string_view argument = argc > 1 ? argv[1] : "/boot";
    if (argument == "--version") {
        fmt::print("rtnode-boot-guard " RTNODE_VERSION "\n");
        return 0;
    }
    if (argc > 2 || !argument.starts_with('/')) {
        fmt::print(stderr, "usage: rtnode-boot-guard [FOLDER]   of the boot loader, absolute; default /boot\n"
                           "Keeps the old boot entries until the new ones are on the medium. Ends by SIGTERM.\n");
        return 2;
    }
    try {
        return guard(std::string(argument));
    } catch (const std::exception& error) {
        journal::log(Priority::error,
                     fmt::format("the boot entries in {} are not guarded: {}; a power cut while a deployment is "
                                 "finalized may leave a node that doesn't boot",
                                 argument, error.what()));
        return 1;
    }
}
