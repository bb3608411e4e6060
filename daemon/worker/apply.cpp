// A profile: one deployment with its packages, kernel and arguments; and once that is booted, its run-time settings.

#include "host/topology.hpp"
#include "profile/arguments/cpu_sets.hpp"
#include "profile/effects/runtime_settings.hpp"
#include "worker/jobs.hpp"
#include "worker/node.hpp"
#include "worker/profile_change.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <chrono>
#include <thread>

namespace rtnode::worker {
namespace {

using namespace std::chrono_literals;

/// Huge pages come while memory is compacted: so long, once a second, as OpenShift's hugepages-allocation does.
constexpr auto patience = 60s;

bool changes_packages(const Profile& profile) {
    return !profile.kernel.empty() || !profile.replace.empty() || !profile.remove.empty() || !profile.install.empty();
}

/// Of a deployment for which the plan had nothing to do. Without its packages the node would never be seen as converged:
/// the origin doesn't tell what the base has by itself. Without its plan nobody could accept what the node is already.
void note_what_was_found(const WorkOrder& order, const Deployment& next, const std::string& plan, Reporter& reporter) {
    const auto& profile = *order.request.profile;
    auto ledger = load_record<profile::Ledger>(order, reporter);
    bool news = changes_packages(profile) && ledger.packages_met(profile, next.checksum);
    news |= next.booted && ledger.found(profile.name, plan, next.checksum, next.kernel_arguments);
    if (news) ledger.save(order.state_dir);
}

bool any_fewer(const std::vector<profile::SettingOutcome>& outcomes) {
    return std::any_of(outcomes.begin(), outcomes.end(),
                       [](const auto& outcome) { return outcome.state == profile::SettingOutcome::State::fewer; });
}

nlohmann::json set_at_run_time(const Profile& profile, Reporter& reporter) {
    const auto topology = host::read_topology();
    const auto sets = profile::choose(profile, topology);
    reporter.step("Applying run-time settings");
    const auto settings = profile::settings_of(profile, sets, topology);
    auto outcomes = profile::apply(settings);
    const auto until = std::chrono::steady_clock::now() + patience;
    while (any_fewer(outcomes) && std::chrono::steady_clock::now() < until) {
        throw_if_canceled();
        std::this_thread::sleep_for(1s);
        for (auto& outcome : outcomes)
            if (outcome.state == profile::SettingOutcome::State::fewer)
                outcome = profile::apply({outcome.setting}).front();
    }
    auto rows = nlohmann::json::array();
    std::size_t changed = 0;
    for (const auto& [setting, state, text] : outcomes) {
        using State = profile::SettingOutcome::State;
        if (state == State::already) continue;
        changed += state == State::done ? 1 : 0;
        rows.push_back(
            {{"path", "/" + setting.path}, {"value", setting.value}, {"state", name_of(state)}, {"text", text}});
        if (state == State::done)
            reporter.log(fmt::format("/{}: {} -> {}", setting.path, text, setting.value));
        else if (state == State::left)
            reporter.log(fmt::format("/{} stays: {}", setting.path, text));
        else
            reporter.warn(fmt::format("/{} is not {} ({}): {}", setting.path, setting.value, setting.why, text));
    }
    reporter.end_step(fmt::format("{} of {} changed", changed, outcomes.size()));
    return rows;
}

} // namespace

nlohmann::json apply(const WorkOrder& order, Reporter& reporter) {
    const auto& profile = order.request.profile.value();
    auto result =
        changes_packages(profile) ? change_packages(order, reporter) : set_kernel_arguments(order, reporter);
    if (order.request.dry_run || !result.at("nothing-to-do").get<bool>()) return result;
    const auto deployments = ostree::Sysroot(order.sysroot, order.private_node).deployments();
    if (deployments.empty()) return result;
    note_what_was_found(order, deployments.front(), result.at("plan").get<std::string>(), reporter);
    // Else the settings would be those of another deployment's profile.
    if (order.private_node || !deployments.front().booted) return result;
    result["run-time"] = set_at_run_time(profile, reporter);
    return result;
}

} // namespace rtnode::worker
