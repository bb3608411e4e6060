#pragma once
// What a profile adds to a plan: its CPU sets on this node, the kernel arguments by the ledger, and what stands against
// it.

#include "profile/arguments/cpu_sets.hpp"
#include "profile/gate/acceptance_record.hpp"
#include "profile/gate/ledger.hpp"
#include "state/plan.hpp"
#include "state/request.hpp"
#include "state/topology.hpp"
#include "worker/reporter.hpp"

#include <nlohmann/json_fwd.hpp>

#include <string>
#include <vector>

namespace rtnode::worker {

/// A Ledger or an AcceptanceRecord; that it was damaged is said as a warning of the job.
template <typename Record>
Record load_record(const WorkOrder& order, Reporter& reporter) {
    std::vector<std::string> damaged;
    auto record = Record::load(order.state_dir, damaged);
    for (const auto& warning : damaged)
        reporter.warn(warning);
    return record;
}

class ProfileChange {
  public:
    /// Reads the node's processors, the ledger and what was accepted. @throws Error{ProfileRefused} when its CPU sets
    /// don't fit this node
    ProfileChange(const WorkOrder& order, Reporter& reporter);

    /// Puts the profile's kernel arguments into the plan and looks at what comes of it. @param kernel_release of the
    /// kernel that the plan leads to @throws Error{ProtectedKernelArgument, InvalidKernelArgument}
    void fill(Plan& plan, const std::string& kernel_release);

    /// What stands against the plan is an error, in a dry run a part of the result.
    /// @throws Error{ProfileRefused, PlanFailedBefore}
    void check(const Plan& plan, nlohmann::json& result);

    /// Notes in the ledger whose arguments are whose, before the deployment is made. @param commit that it will have
    /// @throws Error{NoSpace, Internal}
    void intend(const Plan& plan, const std::string& commit);

  private:
    void look_at(const Plan& plan, const std::string& kernel_release);
    void look_at_owners(const Plan& plan);

    const WorkOrder& order_;
    const Profile& profile_;
    Reporter& reporter_;
    NodeTopology topology_;
    profile::CpuSets sets_;
    profile::Ledger ledger_;
    profile::AcceptanceRecord record_;
    std::vector<std::string> wanted_, owned_;
    std::vector<std::string> blockers_, warnings_, facts_;
};

} // namespace rtnode::worker
