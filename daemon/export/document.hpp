#pragma once
// A node's state as objects of OpenShift.

#include "export/node_state.hpp"
#include "export/options.hpp"

#include <string>

namespace rtnode::exports {

/// "machineconfig", "kubeletconfig", "tuned", or "all" of them that have something to say, as one document of YAML
/// each. Comments before them name the node's state, each check that failed or could not be made, what was left out and
/// why. The same values are the same bytes.
/// @throws Error{InvalidArgument} as check(); Error{NotVerified} when a check failed, unless that is allowed;
///         Error{NothingToExport}
std::string document(const std::string& format, const NodeState& state, const Options& options);

} // namespace rtnode::exports
