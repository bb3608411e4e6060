#include "worker/finish.hpp"

#include "host/systemd_unit.hpp"
#include "state/desired_packages.hpp"
#include "worker/failpoint.hpp"

#include <nlohmann/json.hpp>

#include <chrono>
#include <set>

namespace rtnode::worker {

Plan plan_for(const Node& node) {
    Plan plan;
    plan.stateroot = node.ground.stateroot;
    plan.base_checksum = node.ground.start.base_checksum;
    plan.base_version = node.ground.start.base_version;
    plan.from_checksum = node.ground.start.checksum;
    plan.kernel_arguments_before = node.ground.start.kernel_arguments.without_ostree();
    plan.kernel_arguments_after = plan.kernel_arguments_before;
    return plan;
}

void check_expected(const WorkOrder& order, const Plan& plan) {
    if (order.request.expected_plan.empty() || order.request.expected_plan == plan.hash()) return;
    throw fail(Reason::StalePlan,
               "the plan is {} now, not {}: the node or the repositories have changed since the dry run. Look at a new "
               "dry run and pass its plan",
               plan.hash(), order.request.expected_plan);
}

nlohmann::json result_of(const Plan& plan, const WorkOrder& order) {
    nlohmann::json result = plan;
    result["dry-run"] = order.request.dry_run;
    result["checksum"] = plan.from_checksum;
    result["from"] = plan.from_checksum;
    result["kernel-arguments"] = result.at("kernel-arguments-after");
    result.erase("kernel-arguments-after");
    return result;
}

namespace {

/// ostree-finalize-staged.service does its work when it is stopped, and systemd stops only what it has started. Its
/// path unit starts it as well, but nobody knows when; with a reboot before that the deployment is lost without a word.
void arm_finalization(const WorkOrder& order, Reporter& reporter) {
    if (order.bus_address.empty()) return; // without systemd
    constexpr std::chrono::seconds patience(60);
    constexpr const char *finalization = "ostree-finalize-staged.service", *guard = "rtnode-boot-guard.service";
    if (const auto why = host::start_unit(order.bus_address, finalization, patience); !why.empty())
        throw fail(
            Reason::DeployFailed,
            "the new deployment is staged, but {} can't be started, so that no reboot would finalize it: {}; look at "
            "'systemctl status {}', start it, and reboot then",
            finalization, why, finalization);
    if (const auto why = host::start_unit(order.bus_address, guard, patience); !why.empty())
        reporter.warn(
            fmt::format("{} can't be started: {}; a power cut while the deployment is finalized may leave a node "
                        "that doesn't boot",
                        guard, why));
}

} // namespace

void deploy(const WorkOrder& order, Node& node, ostree::DeployRequest request, ostree::Transaction* transaction,
            Reporter& reporter, nlohmann::json& result) {
    throw_if_canceled();
    check_unchanged(node);
    reporter.step(node.sysroot.booted() ? "Staging deployment" : "Writing deployment");
    request.last_call = [&] {
        throw_if_canceled();
        failpoint("before-deploy");
        reporter.deploying();
    };
    const auto deployment = ostree::deploy(node.sysroot, request, transaction);
    if (deployment.staged) arm_finalization(order, reporter);
    failpoint("after-deploy");
    reporter.end_step();
    result["checksum"] = deployment.checksum;
    result["staged"] = deployment.staged;
    result["reboot-required"] = !deployment.booted;
}

std::string clean_up(Node& node, const PackageStore& store, Reporter& reporter) {
    reporter.step("Cleaning up");
    try {
        const auto freed = ostree::cleanup(node.sysroot);
        std::set<std::string> live;
        for (const auto& deployment : node.sysroot.deployments()) {
            const auto desired = DesiredPackages::of(deployment.origin);
            for (const auto& [name, pin] : desired.replace)
                live.insert(pin.header_sha256);
            for (const auto& [name, pin] : desired.install)
                live.insert(pin.header_sha256);
        }
        store.retain_only(live);
        failpoint("after-cleanup");
        reporter.end_step();
        auto text = freed.text();
        if (freed.bytes > 0 || freed.package_refs > 0) reporter.log(text);
        constexpr std::string_view label = "Freed: ";
        return text.starts_with(label) ? text.substr(label.size()) : text;
    } catch (const Error& error) {
        reporter.warn(fmt::format("the new deployment is in place, but cleaning up after it failed: {}", error.what()));
        return {};
    }
}

} // namespace rtnode::worker
