#pragma once
// Which of a node's kernel arguments are for other nodes, too.

#include "export/node_state.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace rtnode::exports {

struct ExportedArguments {
    std::vector<std::string> tokens; ///< in the order in which they are booted
    std::vector<std::string> notes;  ///< what was left out, by names only, and why
};

/// The booted arguments but for
/// - what is this machine's own, or its image's: root and its kin, consoles, networks, rd.*, ignition.*;
/// - what others set (host::kernel_owners()), who set it again or have it in a MachineConfig already;
/// both unless a profile of ours wants it. Of equal ones the last are ours.
/// Never exported is what may be a secret (by its name), and what holds blanks: the machine-config daemon splits its
/// check at them, and would find the node degraded.
ExportedArguments exported_arguments(const NodeState& state);

/// Whether an argument's value may be a password or the like, by its name.
bool is_secret(std::string_view token);

} // namespace rtnode::exports
