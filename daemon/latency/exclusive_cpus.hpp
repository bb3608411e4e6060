#pragma once
// CPUs that kubelet's static CPU manager has given to one container alone: whoever measures there disturbs what the
// node was made for.

#include "latency/options.hpp"

#include <string>
#include <vector>

namespace rtnode::latency {

struct ExclusiveCpus {
    CpuList cpus;
    std::string pod, container; ///< the pod's uid, the container's name
};

/// Of those that share a CPU with `wanted`. Reads var/lib/kubelet/cpu_manager_state below `root`
/// (k8s.io/kubernetes/pkg/kubelet/cm/cpumanager/state: policyName, defaultCpuSet, entries pod → container → CPU list).
/// None when there is no such file (no kubelet) or the policy isn't static. A file that can't be understood is no
/// reason to refuse a measurement: @param doubt is set then and says so; else it is "".
std::vector<ExclusiveCpus> exclusive_cpus(const CpuList& wanted, std::string& doubt, const std::string& root = "/");

/// "CPU 4-5 belongs to container db of pod 1234… alone"
std::string describe(const ExclusiveCpus& exclusive);

} // namespace rtnode::latency
