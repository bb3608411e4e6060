#pragma once
// What a caller asks for.

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace rtnode::exports {

/// Kubelet's (Kubernetes' "Control Topology Management Policies on a node").
inline constexpr std::array<std::string_view, 4> topology_manager_policies{"none", "best-effort", "restricted",
                                                                           "single-numa-node"};

struct Options {
    std::string role = "worker-rt";    ///< of the nodes, and the name of their MachineConfigPool
    std::string name;                  ///< of the objects; "" = 50-rtnode-ROLE
    std::string ignition = "3.2.0";    ///< "2.2.0" (OpenShift 4.3 to 4.5), "3.1.0" (4.6) or "3.2.0"
    std::string pool_label;            ///< KEY or KEY=VALUE by which the KubeletConfig finds the pool; "" = the role
    std::string topology_manager;      ///< kubelet's policy; "" = this node's, else best-effort
    std::uint32_t tuned_priority = 20; ///< 0 is the highest; the node tuning operator's own begin at 30
    bool files = true;                 ///< the MachineConfig has the node's profile and settings
    bool allow_unverified = false;     ///< export also what failed its check

    /// OpenShift 4.3: no kernelType, no reservedSystemCPUs, no topology manager.
    bool oldest() const { return ignition == "2.2.0"; }
};

/// @throws Error{InvalidArgument}, which names what there is, for a format other than "machineconfig",
///         "kubeletconfig", "tuned" and "all", and for options that can't be meant
void check(const std::string& format, const Options& options);

} // namespace rtnode::exports
