#pragma once
// What this node's kubelet was told.

#include <string>

namespace rtnode::exports {

/// topologyManagerPolicy of a KubeletConfiguration (kubelet.config.k8s.io/v1beta1) in YAML or JSON; "" when it says
/// none of those that there are, or can't be read.
std::string topology_manager_of(const std::string& kubelet_configuration);

} // namespace rtnode::exports
