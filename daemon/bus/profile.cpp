// Manager's methods for profiles, and how the node stands to the configured one: Condition, Reasons, RebootHold.

#include "bus/manager_object.hpp"
#include "bus/records.hpp"
#include "bus/requests.hpp"
#include "host/node.hpp"
#include "host/topology.hpp"
#include "loop/journal.hpp"
#include "profile/arguments/arguments.hpp"
#include "profile/arguments/explain.hpp"
#include "profile/gate/acceptance_record.hpp"
#include "profile/gate/ledger.hpp"
#include "state/request.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace rtnode::bus {
namespace {

/// What nobody tells us of (a sysctl, an interrupt's affinity) is looked for so often.
constexpr auto between_looks = std::chrono::minutes(10);

constexpr const char* repairer = "rtnoded ([profile] on-drift)";
/// Somebody who undoes at each boot what a repair did must not be answered by a reboot at each boot.
constexpr std::size_t most_repairs = 3;
constexpr std::uint64_t repairs_count_for_us = 24ULL * 3600 * 1'000'000;

/// Of a node that has diverged: whether that many repairs of the last day, since somebody asked for an apply, ended
/// well and were undone.
bool repaired_in_vain(const std::map<std::uint32_t, jobs::Job>& jobs) {
    const auto now = std::chrono::system_clock::now().time_since_epoch() / std::chrono::microseconds(1);
    std::size_t repairs = 0;
    for (const auto& [id, job] : jobs) {
        if (job.kind != name_of(JobKind::apply) || job.state != jobs::State::done) continue;
        if (job.caller != repairer)
            repairs = 0;
        else if (job.created_us + repairs_count_for_us > static_cast<std::uint64_t>(now))
            ++repairs;
    }
    return repairs >= most_repairs;
}

Dictionary row_of(const profile::ExplainedArgument& argument) {
    return {{"argument", sdbus::Variant(argument.token)},
            {"state", sdbus::Variant(std::string(name_of(argument.state)))},
            {"why", sdbus::Variant(argument.why)},
            {"since", sdbus::Variant(argument.since)},
            {"remark", sdbus::Variant(argument.text)}};
}

} // namespace

Profile ManagerObject::profile_named(std::string name) const {
    if (name.empty()) name = parts_.profile();
    if (name.empty())
        throw fail(Reason::Configuration,
                   "no profile is configured; name one, or set `name` in [profile] of the configuration");
    return parts_.load_profile(name);
}

void ManagerObject::Apply(sdbus::Result<sdbus::ObjectPath>&& result, std::string profile, Dictionary options) {
    start(std::move(result), JobKind::apply, options,
          [&](Request& request, auto&) { take_profile(request, profile_named(profile)); });
}

void ManagerObject::Accept(sdbus::Result<sdbus::ObjectPath>&& result, Dictionary options) {
    start(std::move(result), JobKind::accept, options, [&](Request& request, auto&) {
        request.profile = profile_named({});
        request.reboot = request.profile->rollback && !parts_.private_node; // whoever may not reboot may not ask for it
    });
}

std::vector<Dictionary> ManagerObject::Explain(const std::string& name) {
    return guarded([&] {
        const auto profile = profile_named(name);
        const auto topology = host::read_topology();
        const auto* coming = next();
        const auto kernel = profile::TargetKernel::parse(
            coming != nullptr && !coming->kernel.empty() ? coming->kernel : host::kernel_release());
        std::vector<Dictionary> rows;
        try {
            for (const auto& argument : profile::explain(profile, profile::choose(profile, topology), topology, kernel))
                rows.push_back(row_of(argument));
        } catch (const Error& error) {
            throw Error(Reason::ProfileRefused, error.what());
        }
        return rows;
    });
}

profile::Standing ManagerObject::find_standing(const rtnode::Profile& wanted) const {
    try {
        const auto *booted = current(), *coming = next();
        if (booted == nullptr || coming == nullptr)
            return {profile::Condition::diverged, {"there is no deployment that could be as the profile says"}};
        const auto topology = host::read_topology();
        const auto sets = profile::choose(wanted, topology);
        const auto ledger = load_record<profile::Ledger>(parts_.state_dir);
        const auto record = load_record<profile::AcceptanceRecord>(parts_.state_dir);
        const auto arguments_of = [&](const Deployment& deployment) {
            return profile::tokens_for(wanted, sets, topology, deployment.kernel);
        };
        const auto divergences = [&](const Deployment& deployment) {
            return profile::divergences(wanted, arguments_of(deployment), ledger, deployment);
        };
        profile::StandingFacts facts{.configured = true,
                                     .booted = divergences(*booted),
                                     .next = divergences(*coming),
                                     .booted_is_next = booted == coming,
                                     .next_deployment = coming->checksum,
                                     .effects = effects_};
        const auto tokens = arguments_of(*booted);
        const auto leads_to = profile::apply_profile(booted->kernel_arguments.without_ostree(),
                                                     ledger.owned_in(booted->kernel_arguments), tokens);
        if (const auto plan = ledger.plan_of(wanted.name, leads_to.after); !plan.empty())
            facts.failed = record.failed_before(plan);
        return profile::standing(facts);
    } catch (const Error& error) {
        return {profile::Condition::diverged, {error.what()}};
    }
}

void ManagerObject::update_standing() {
    const auto before = std::exchange(standing_, {});
    const auto name = Profile();
    std::optional<rtnode::Profile> wanted;
    try {
        if (!name.empty()) standing_ = find_standing(wanted.emplace(profile_named(name)));
        if (standing_.condition == profile::Condition::diverged && repairs_drift() && repaired_in_vain(queue_.jobs()))
            standing_.reasons.insert(standing_.reasons.begin(),
                                     fmt::format("it was repaired {} times within a day, and undone each time; it is "
                                                 "left alone until somebody calls Apply (rtnodectl apply): find out "
                                                 "who undoes it",
                                                 most_repairs));
    } catch (const Error& error) {
        standing_ = {profile::Condition::diverged, {error.what()}};
    }
    if (standing_.condition != profile::Condition::diverged) repaired_.clear();
    if (wanted && standing_.condition == profile::Condition::reboot_required && !parts_.private_node)
        reboot_watch_.due(*wanted, next()->checksum);
    else
        reboot_watch_.not_due();
    if (before == standing_ && name == told_profile_) return;
    told_profile_ = name;
    announce([&] {
        emitPropertiesChangedSignal(Manager_adaptor::INTERFACE_NAME, {"Profile", "Condition", "Reasons"});
    });
    if (before.condition != standing_.condition)
        journal::log(standing_.condition == profile::Condition::failed ? journal::Priority::error
                                                                       : journal::Priority::notice,
                     fmt::format("the node is {} by its profile{}{}{}", name_of(standing_.condition),
                                 name.empty() ? "" : " " + name, standing_.reasons.empty() ? "" : ": ",
                                 fmt::join(standing_.reasons, "; ")),
                     {{"MESSAGE_ID", std::string(journal::condition_changed)}});
}

void ManagerObject::set_regression(const std::string& why) {
    if (regression_ == why) return;
    regression_ = why;
    announce([&] { emitPropertiesChangedSignal(Manager_adaptor::INTERFACE_NAME, {"Reasons"}); });
}

/// A regression is no divergence: nothing that a job could make right is otherwise than the profile says.
ManagerObject::Texts ManagerObject::Reasons() {
    auto reasons = standing_.reasons;
    if (!regression_.empty()) reasons.push_back(regression_);
    return reasons;
}

void ManagerObject::look_at_profile() {
    if (queue_.busy()) return; // it changes under our eyes
    update_standing();
    if (standing_.condition != profile::Condition::unconfigured) look_at_effects();
}

void ManagerObject::look_at_effects() {
    if (looking_) return;
    looking_ = true;
    parts_.inspect([this](const std::string& tree, const Error* error) {
        looking_ = false;
        effects_ = tree_checks(tree, error);
        next_look_ = loop_.timer(between_looks, [this] { look_at_profile(); });
        if (queue_.busy()) return;
        update_standing();
        repair_drift();
    });
}

void ManagerObject::repair_drift() {
    if (standing_.condition != profile::Condition::diverged || !repairs_drift() || repaired_ == standing_.reasons ||
        repaired_in_vain(queue_.jobs()))
        return;
    repaired_ = standing_.reasons;
    Request request;
    request.kind = JobKind::apply;
    try {
        take_profile(request, profile_named({}));
        enqueue(request, {}, repairer);
    } catch (const Error& error) {
        journal::log(
            journal::Priority::error,
            fmt::format("the job that would make the node what its profile says was not queued: {}", error.what()),
            {{"MESSAGE_ID", std::string(journal::condition_changed)}});
    }
}

/// The worker has put the good deployment first and written that down; here the node leaves the bad one.
void ManagerObject::follow_verdict(const jobs::Job& job) {
    if (job.kind != name_of(JobKind::accept) || job.state != jobs::State::failed ||
        job.error_name != dbus_name(Reason::NotAccepted) || parts_.private_node)
        return;
    const auto record = load_record<profile::AcceptanceRecord>(parts_.state_dir);
    if (record.entries().empty()) return;
    const auto& last = record.entries().back();
    if (last.outcome != profile::Outcome::rolled_back || last.boot_id != host::boot_id() ||
        last.time_us < job.created_us)
        return;
    reboot_for(job.id, journal::Priority::warning, "the node reboots into the last deployment that was accepted");
}

} // namespace rtnode::bus
