#pragma once
// A node of the how-to's kind: 8 CPUs, two of them reserved, converged by a profile.

#include "export/document.hpp"
#include "state/error.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace rtnode::exports {

inline Profile profile_of_node() {
    Profile profile;
    profile.name = "worker-rt";
    profile.sysctls = {{"kernel.hung_task_timeout_secs", "600"}, {"net.ipv4.tcp_rmem", "4096 87380 6291456"}};
    profile.timer_migration = true;
    profile.ignore_corrected_errors = true;
    profile.housekeeping_workqueues = true;
    profile.huge_pages = {{1048576, 4, 1U}};
    return profile;
}

inline NodeState node() {
    NodeState state;
    state.version = "0.1.0";
    state.time_s = 1'600'000'000;
    state.deployment.checksum = std::string(64, 'a');
    state.deployment.version = "46.82.202010091720-0";
    state.deployment.booted = true;
    state.deployment.real_time = true;
    state.deployment.kernel = "4.18.0-193.rt13.51.el8.x86_64";
    state.deployment.layered_packages = {{.name = "kernel-rt-core"}};
    state.deployment.kernel_arguments = KernelArguments::parse(
        "random.trust_cpu=on console=tty0 console=ttyS0,115200n8 rootflags=defaults,prjquota rw ignition.platform.id=qemu "
        "ostree=/ostree/boot.1/rhcos/0 nohz_full=2-7 isolcpus=managed_irq,2-7 skew_tick=1 nohz=on mitigations=off");
    state.kernel_release = state.deployment.kernel;
    state.real_time = true;
    state.profile = profile_of_node();
    state.condition = "converged";
    state.planned_by = "worker-rt";
    state.plan = std::string(64, 'b');
    state.ours = {"nohz_full=2-7", "isolcpus=managed_irq,2-7", "skew_tick=1", "nohz=on"};
    state.cpus = {{0, 1}, {2, 3, 4, 5, 6, 7}};
    for (const auto* row :
         {"kernel", "kernel-argument nohz=on", "sysctl kernel.hung_task_timeout_secs", "sysctl net.ipv4.tcp_rmem",
          "timer-migration", "ignore-corrected-errors", "workqueues", "huge-pages-1G-node-1"})
        state.checks.push_back({.name = row});
    state.files = {{"/etc/rtnode/profiles.d/worker-rt.toml", "[packages]\nkernel = \"rt\" # 100 % ü\n"},
                   {"/etc/rtnode/rtnoded.conf.d/50-exported.toml", "[profile]\nname = \"worker-rt\"\n"}};
    return state;
}

inline Check failed(const std::string& name, const std::string& expected, const std::string& actual,
                    const std::string& remedy) {
    return {name, CheckState::failed, expected, actual, remedy};
}

/// The message of the error, which must be of that reason.
template <typename F>
std::string refusal(Reason reason, F work) {
    try {
        work();
    } catch (const Error& e) {
        EXPECT_EQ(e.reason(), reason) << e.what();
        return e.what();
    }
    return "went well";
}

} // namespace rtnode::exports
