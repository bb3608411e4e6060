#pragma once
// The objects of a document. Private to daemon/export.

#include "export/node_state.hpp"
#include "export/options.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace rtnode::exports {

struct Part {
    const char* kind;
    std::string yaml;               ///< one object; "" = this node has nothing to say there
    std::vector<std::string> notes; ///< what to know about it, for people: a line each
};

Part machine_config(const NodeState& state, const Options& options);
Part kubelet_config(const NodeState& state, const Options& options);
Part tuned(const NodeState& state, const Options& options);

/// The name that the objects get.
std::string name_of_objects(const Options& options);

/// The row of that name; null when Verify had none.
const Check* check_named(const NodeState& state, std::string_view name);

} // namespace rtnode::exports
