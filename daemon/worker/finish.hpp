#pragma once
// The end that all jobs share: plan, deploy, clean up, result.

#include "ostree/deploy.hpp"
#include "state/plan.hpp"
#include "state/request.hpp"
#include "worker/node.hpp"
#include "worker/reporter.hpp"

#include <nlohmann/json_fwd.hpp>

#include <string>

namespace rtnode::worker {

/// A plan that changes nothing yet: stateroot, base, starting point and its kernel arguments.
Plan plan_for(const Node& node);

/// @throws Error{StalePlan} when the caller expects another plan
void check_expected(const WorkOrder& order, const Plan& plan);

/// The result's keys that a plan gives.
nlohmann::json result_of(const Plan& plan, const WorkOrder& order);

/// The last, atomic step; afterwards checksum, staged, kernel-arguments and reboot-required stand in `result`. What was
/// staged will be finalized by a reboot from now on, however soon it comes.
/// @throws Error{DeployFailed} also when it is staged, but systemd doesn't start what finalizes it
void deploy(const WorkOrder& order, Node& node, ostree::DeployRequest request, ostree::Transaction* transaction,
            Reporter& reporter, nlohmann::json& result);

/// What no deployment needs any more: refs, objects, stored packages. The change is done by then, so a failure here
/// is a warning. @returns "36.1 MB (pkgcache branches: 2)"
std::string clean_up(Node& node, const PackageStore& store, Reporter& reporter);

} // namespace rtnode::worker
