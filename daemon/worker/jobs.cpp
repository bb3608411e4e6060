#include "worker/jobs.hpp"

#include "ostree/base.hpp"
#include "ostree/boot_order.hpp"
#include "ostree/deploy.hpp"
#include "worker/finish.hpp"
#include "worker/node.hpp"
#include "worker/profile_change.hpp"

#include <nlohmann/json.hpp>

namespace rtnode::worker {
namespace {

/// The part that rollback and drop-pending share: the deployments are only put in another order, or dropped.
nlohmann::json move_deployments(const WorkOrder& order, Reporter& reporter, const char* step,
                                Deployment (*move)(ostree::Sysroot&, const std::string&)) {
    const PackageStore store(order.state_dir / "packages");
    auto node = open_node(order, reporter, store, false);
    auto plan = plan_for(node);
    const auto target = node.sysroot.deployments();
    if (order.request.dry_run) return {{"dry-run", true}, {"deployments", target.size()}};
    check_unchanged(node);
    reporter.step(step);
    reporter.deploying();
    const auto& merge = node.ground.merge; // booted, or its stand-in
    const auto first = move(node.sysroot, node.ground.stateroot);
    reporter.end_step();
    return {{"dry-run", false},
            {"checksum", first.checksum},
            {"staged", first.staged},
            {"kernel-arguments-before", plan.kernel_arguments_before.tokens()},
            {"kernel-arguments", first.kernel_arguments.without_ostree().tokens()},
            {"freed", clean_up(node, store, reporter)},
            {"reboot-required", first.checksum != merge.checksum || first.serial != merge.serial}};
}

} // namespace

nlohmann::json run(const WorkOrder& order, Reporter& reporter) {
    switch (order.request.kind) {
    case JobKind::override_packages:
    case JobKind::reset_overrides:
    case JobKind::update:
        return change_packages(order, reporter);
    case JobKind::kernel_arguments:
        return set_kernel_arguments(order, reporter);
    case JobKind::rollback:
        return rollback(order, reporter);
    case JobKind::drop_pending:
        return drop_pending(order, reporter);
    case JobKind::import_repository:
        return import_repository(order, reporter);
    case JobKind::apply:
        return apply(order, reporter);
    case JobKind::accept:
        return accept(order, reporter);
    }
    throw fail(Reason::Internal, "the daemon asked for a job that this worker doesn't know; are both of one version?");
}

nlohmann::json set_kernel_arguments(const WorkOrder& order, Reporter& reporter) {
    const PackageStore store(order.state_dir / "packages");
    auto node = open_node(order, reporter, store, false);
    auto plan = plan_for(node);
    std::optional<ProfileChange> profile;
    if (order.request.profile)
        profile.emplace(order, reporter).fill(plan, node.ground.start.kernel);
    else
        plan.kernel_arguments_after = plan.kernel_arguments_before.changed(order.request.append_kernel_arguments,
                                                                           order.request.remove_kernel_arguments);
    plan.same_packages_as_start = true;
    plan.reboots = plan.nothing_to_do() ? 0 : 1;
    check_expected(order, plan);
    auto result = result_of(plan, order);
    if (profile) profile->check(plan, result);
    if (order.request.dry_run || plan.nothing_to_do()) return result;

    if (profile) profile->intend(plan, node.ground.start.checksum);
    deploy(order, node,
           {.stateroot = plan.stateroot,
            .checksum = node.ground.start.checksum,
            .origin = node.ground.start.origin.raw,
            .kernel_arguments = plan.kernel_arguments_after},
           nullptr, reporter, result);
    result["freed"] = clean_up(node, store, reporter);
    return result;
}

nlohmann::json rollback(const WorkOrder& order, Reporter& reporter) {
    return move_deployments(order, reporter, "Rolling back", ostree::rollback);
}

nlohmann::json drop_pending(const WorkOrder& order, Reporter& reporter) {
    return move_deployments(order, reporter, "Dropping the pending deployment", ostree::drop_pending);
}

void clean(const WorkOrder& order, Reporter& reporter) {
    std::error_code error;
    if (std::filesystem::remove_all(import_staging(order), error) > 0 && !error)
        reporter.log("removed what an interrupted import left: " + import_staging(order).string());
    ostree::Sysroot sysroot(order.sysroot, order.private_node);
    const auto lock = sysroot.lock(std::chrono::seconds(order.lock_wait_s), canceled);
    for (const auto& leftover : ostree::remove_leftovers(sysroot))
        reporter.log("removed what an interrupted job left: " + leftover);
}

} // namespace rtnode::worker
