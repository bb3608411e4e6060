#pragma once
// Why the kernel refuses real-time scheduling, in words that say what to change. It only ever says EPERM, for four
// different reasons (sched_setscheduler(2), and kernel/sched/syscalls.c for CONFIG_RT_GROUP_SCHED).

#include "latency/options.hpp"

#include <cstdint>
#include <optional>
#include <string>

namespace rtnode::latency {

struct Permissions {
    bool sys_nice = false;                     ///< CAP_SYS_NICE is effective
    bool ipc_lock = false;                     ///< CAP_IPC_LOCK is effective
    bool seccomp = false;                      ///< a seccomp filter is active (systemd's RestrictRealtime=yes is one)
    std::uint64_t rtprio_limit = 0;            ///< RLIMIT_RTPRIO, soft
    std::optional<bool> group_scheduling;      ///< CONFIG_RT_GROUP_SCHED, where the kernel's configuration can be read
    std::string cgroup;                        ///< "/system.slice/rtnoded.service"
    std::optional<std::int64_t> rt_runtime_us; ///< kernel.sched_rt_runtime_us; -1 = unlimited

    /// Of this process, from proc/self and the kernel's configuration below `root`.
    static Permissions read(const std::string& root = "/");
};

/// Of this process in the unified hierarchy (version 2), "" without one; from proc/self/cgroup below `root`.
/// @param controller in its hierarchy of version 1 instead, as "cpuset", which it must have for itself
std::string cgroup_of(const std::string& root = "/", std::string_view controller = {});

/// A message that stands alone, for Reason::RealTimeDenied.
std::string explain_denied(const Permissions& permissions, Policy policy, int priority);

} // namespace rtnode::latency
