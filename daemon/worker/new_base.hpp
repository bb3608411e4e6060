#pragma once
// Of an update: the base that the node's changes are to stand on, and the changes that somebody else's deployment lost.

#include "ostree/pull.hpp"
#include "state/desired_packages.hpp"
#include "worker/node.hpp"

#include <map>
#include <memory>
#include <string>

namespace rtnode::worker {

struct NewBase {
    std::string before;                         ///< base of the starting point
    std::unique_ptr<ostree::PulledBase> pulled; ///< holds the commit; null when nothing was pulled
    std::map<std::string, std::string> refs;    ///< for DeployRequest

    bool moved(const Node& node) const { return before != node.ground.start.base_checksum; }
};

/// Pulls where the request says so, and makes the result the base of `node`'s starting point. For other requests than
/// updates, nothing.
/// @throws what ostree::remote_of(), ostree::pull() and the checks of a base commit throw
NewBase move_to_new_base(const WorkOrder& order, Node& node, Reporter& reporter);

/// What the starting point wants. @throws Error{UnusableOrigin, ForeignLayering}
DesiredPackages desired_of(const Node& node, const NewBase& new_base);

/// Adds what Request::restore says that the starting point lost; what is there already wins.
/// @throws Error{DeploymentsChanged}
void put_back(DesiredPackages& desired, const Node& node, const Request& request, Reporter& reporter);

} // namespace rtnode::worker
