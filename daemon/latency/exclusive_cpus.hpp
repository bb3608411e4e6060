#pragma once
// CPUs that somebody has for himself, a container by kubelet's static CPU manager or a cgroup by a partition of its
// cpuset: whoever measures there disturbs what the node was made for.

#include "latency/options.hpp"

#include <string>
#include <vector>

namespace rtnode::latency {

struct ExclusiveCpus {
    CpuList cpus;
    std::string pod, container; ///< the pod's uid, the container's name; "" when a cgroup has them
    std::string cgroup;         ///< its path, as "/machine.slice/vm.scope"
};

/// Of those that share a CPU with `wanted`. Reads var/lib/kubelet/cpu_manager_state below `root`
/// (k8s.io/kubernetes/pkg/kubelet/cm/cpumanager/state: policyName, defaultCpuSet, entries pod → container → CPU list).
/// None when there is no such file (no kubelet) or the policy isn't static. A file that can't be understood is no
/// reason to refuse a measurement: @param doubt is set then and says so; else it is "".
std::vector<ExclusiveCpus> exclusive_cpus(const CpuList& wanted, std::string& doubt, const std::string& root = "/");

/// Of the cgroups that processes run in and that have CPUs of `wanted` for themselves: partition roots (version 2,
/// cpuset.cpus.partition: root or isolated), and those with cpuset.cpu_exclusive below version 1's root. Not the one
/// that this process is in, nor those around it. Looks at every cgroup: some milliseconds on a full node. One that
/// comes later takes its CPUs out of everybody's affinity, which the run notices by that.
std::vector<ExclusiveCpus> partitioned_cpus(const CpuList& wanted, const std::string& root = "/");

/// Both of these, for who is about to start something.
std::vector<ExclusiveCpus> owned_cpus(const CpuList& wanted, std::string& doubt, const std::string& root = "/");

/// "CPU 4-5 belongs to container db of pod 1234… alone"
std::string describe(const ExclusiveCpus& exclusive);

} // namespace rtnode::latency
