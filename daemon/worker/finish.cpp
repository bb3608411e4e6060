#include "worker/finish.hpp"

#include "state/desired_packages.hpp"
#include "worker/failpoint.hpp"

#include <nlohmann/json.hpp>

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

void deploy(Node& node, ostree::DeployRequest request, ostree::Transaction* transaction, Reporter& reporter,
            nlohmann::json& result) {
    throw_if_canceled();
    check_unchanged(node);
    reporter.step(node.sysroot.booted() ? "Staging deployment" : "Writing deployment");
    request.last_call = [&] {
        throw_if_canceled();
        failpoint("before-deploy");
        reporter.deploying();
    };
    const auto deployment = ostree::deploy(node.sysroot, request, transaction);
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
