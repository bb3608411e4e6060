#include "latency/permission.hpp"

#include <fmt/format.h>
#include <sys/resource.h>
#include <sys/utsname.h>

#include <charconv>
#include <fstream>

namespace rtnode::latency {
namespace {

constexpr unsigned cap_ipc_lock = 14, cap_sys_nice = 23; // linux/capability.h

std::optional<bool> group_scheduling_of(const std::string& root) {
    utsname name{};
    ::uname(&name);
    const std::string release = name.release;
    for (const auto& path : {"/usr/lib/modules/" + release + "/config", "/lib/modules/" + release + "/config",
                             "/boot/config-" + release}) {
        std::ifstream file(root + path);
        if (!file) continue;
        for (std::string line; std::getline(file, line);)
            if (line == "CONFIG_RT_GROUP_SCHED=y") return true;
        return false;
    }
    return std::nullopt;
}

} // namespace

Permissions Permissions::read(const std::string& root) {
    Permissions permissions;
    std::ifstream status(root + "/proc/self/status");
    for (std::string line; std::getline(status, line);) {
        const auto value = line.substr(std::min(line.find('\t') + 1, line.size()));
        if (line.starts_with("CapEff:")) {
            std::uint64_t mask = 0;
            std::from_chars(value.data(), value.data() + value.size(), mask, 16);
            permissions.sys_nice = (mask >> cap_sys_nice & 1) != 0;
            permissions.ipc_lock = (mask >> cap_ipc_lock & 1) != 0;
        } else if (line.starts_with("Seccomp:")) {
            permissions.seccomp = value != "0";
        }
    }
    rlimit limit{};
    if (::getrlimit(RLIMIT_RTPRIO, &limit) == 0) permissions.rtprio_limit = limit.rlim_cur;

    permissions.cgroup = cgroup_of(root);
    std::ifstream runtime(root + "/proc/sys/kernel/sched_rt_runtime_us");
    if (std::int64_t value = 0; runtime >> value) permissions.rt_runtime_us = value;
    permissions.group_scheduling = group_scheduling_of(root);
    return permissions;
}

std::string cgroup_of(const std::string& root, std::string_view controller) {
    const auto before = fmt::format(":{}:", controller); // cgroups(7): hierarchy, controllers, path
    std::string cgroup;
    std::ifstream file(root + "/proc/self/cgroup");
    for (std::string line; std::getline(file, line);)
        if (const auto at = line.find(':'); at != line.npos && line.compare(at, before.size(), before) == 0)
            cgroup = line.substr(at + before.size());
    return cgroup;
}

std::string explain_denied(const Permissions& permissions, Policy policy, int priority) {
    auto message = fmt::format("the kernel refuses scheduling policy {} with priority {}: ", name_of(policy), priority);
    const bool by_limit = permissions.rtprio_limit >= static_cast<std::uint64_t>(priority);
    if (!permissions.sys_nice && !by_limit)
        return message +
               fmt::format("the daemon has neither the capability CAP_SYS_NICE nor a limit RLIMIT_RTPRIO of at least "
                           "{} (it is {}); have CAP_SYS_NICE in its unit's CapabilityBoundingSet= (and, unless it runs "
                           "as root, in AmbientCapabilities=), or LimitRTPRIO=99, or measure with policy other",
                           priority, permissions.rtprio_limit);
    message += permissions.sys_nice ? "the capability CAP_SYS_NICE is there, "
                                    : fmt::format("the limit RLIMIT_RTPRIO is {}, ", permissions.rtprio_limit);
    // The kernel looks at the group's runtime only while real-time bandwidth is limited at all.
    const bool group_possible =
        permissions.group_scheduling.value_or(true) && permissions.rt_runtime_us.value_or(0) >= 0;
    const auto group = fmt::format("the kernel is built with CONFIG_RT_GROUP_SCHED and cgroup {} has no real-time "
                                   "runtime; allow it for all groups with sysctl kernel.sched_rt_runtime_us=-1, or run "
                                   "the daemon in the root cgroup",
                                   permissions.cgroup.empty() ? "of the daemon" : permissions.cgroup);
    const std::string filter = "a seccomp filter forbids it; set RestrictRealtime=no in the daemon's unit";
    if (group_possible && permissions.group_scheduling.has_value() && !permissions.seccomp)
        return message + "but " + group;
    if (permissions.seccomp && !group_possible) return message + "but " + filter;
    if (permissions.seccomp) return message + "so either " + filter + "; or " + group;
    if (group_possible) return message + "so probably " + group;
    return message + "and no known reason applies; look for a security module's denial in the journal, or measure with "
                     "policy other";
}

} // namespace rtnode::latency
