#pragma once
// Writes a boot order. Private to daemon/ostree.

#include "ostree/sysroot_impl.hpp"

#include <string>
#include <vector>

namespace rtnode::ostree {

/// Writes the boot order, without the clean-up that libostree would do: refs are ours to settle first.
/// @throws Error{DeployFailed} beginning with the context
void write_deployments(Sysroot& sysroot, const std::vector<GObj<OstreeDeployment>>& deployments,
                       const std::string& context);

/// "<stateroot> <checksum>.<serial>", for messages.
std::string label_of(OstreeDeployment* deployment);

} // namespace rtnode::ostree
