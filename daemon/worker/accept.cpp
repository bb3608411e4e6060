// The gate after a boot: what is booted is verified and measured, and stays, or the node goes back.

#include "host/node.hpp"
#include "host/own_daemon.hpp"
#include "host/owners.hpp"
#include "host/topology.hpp"
#include "ostree/boot_order.hpp"
#include "profile/arguments/cpu_sets.hpp"
#include "profile/gate/acceptance.hpp"
#include "profile/gate/ledger.hpp"
#include "worker/jobs.hpp"
#include "worker/node.hpp"
#include "worker/profile_change.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <chrono>

namespace rtnode::worker {
namespace {

using profile::AcceptanceRecord;

std::uint64_t now_us() {
    return static_cast<std::uint64_t>(
        std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::system_clock::now().time_since_epoch())
            .count());
}

std::uint64_t number_of(const std::string& path) {
    return std::stoull(path.substr(path.rfind('/') + 1));
}

nlohmann::json nothing_to_do(const std::string& why) {
    return {{"dry-run", false}, {"nothing-to-do", true}, {"reason", why}};
}

profile::MeasurementSummary summary_of(const nlohmann::json& report) {
    profile::MeasurementSummary summary;
    summary.valid = report.at("valid");
    summary.reasons = report.at("invalid").get<std::vector<std::string>>();
    summary.real_time_kernel = report.at("sysinfo").at("realtime").get<int>() != 0;
    for (const auto& [index, cpu] : report.at("thread").items()) {
        const auto& ns = cpu.at("nanoseconds");
        summary.cpus.push_back({cpu.at("cpu"), ns.at("max"), ns.at("corrected_percentiles").at("p99.99")});
    }
    return summary;
}

/// The figure that speaks most against the run.
profile::BaselineRatio ratio_of(const nlohmann::json& comparison) {
    profile::BaselineRatio ratio;
    comparison.at("verdict").get_to(ratio.verdict);
    for (const auto& figure : comparison.at("figures"))
        if (figure.at("decides").get<bool>() && figure.at("ratio").get<double>() > ratio.ratio)
            ratio = {figure.at("ratio"), figure.at("low"), figure.at("high"), ratio.verdict};
    return ratio;
}

class Gate {
  public:
    Gate(const WorkOrder& order, Reporter& reporter)
        : order_(order), profile_(order.request.profile.value()), reporter_(reporter),
          record_(load_record<AcceptanceRecord>(order, reporter)) {}

    nlohmann::json run() {
        if (const auto why = why_nothing(); !why.empty()) return nothing_to_do(why);
        const auto* earlier = judged_before();
        if (earlier != nullptr && !order_.request.again) {
            if (earlier->outcome == profile::Outcome::accepted)
                return nothing_to_do(fmt::format("this deployment was accepted in boot {}", earlier->boot_id));
            throw fail(Reason::NotAccepted, "this deployment was judged before, and {}: {}; judge it anew with 'again'",
                       name_of(earlier->outcome), fmt::join(earlier->reasons, "; "));
        }
        host::OwnDaemon daemon(order_.bus_address);
        const auto next = judge(daemon);
        return act(next);
    }

  private:
    /// Finds what is booted and which plan made it.
    std::string why_nothing() {
        const ostree::Sysroot sysroot(order_.sysroot, order_.private_node);
        const auto deployments = sysroot.deployments();
        const auto booted =
            std::find_if(deployments.begin(), deployments.end(), [](const Deployment& d) { return d.booted; });
        if (booted == deployments.end()) return "nothing is booted from OSTree here (a node in a folder)";
        booted_ = *booted;
        has_way_back_ = record_.way_back(deployments).has_value();
        const auto ledger = load_record<profile::Ledger>(order_, reporter_);
        const auto* entry = ledger.made(booted_.checksum, booted_.kernel_arguments);
        if (entry == nullptr)
            return "no job Apply made the booted deployment or found it to be right, so there is no plan to judge";
        if (entry->profile != profile_.name)
            return fmt::format(
                "the booted deployment was made, or last found as it should be, by the profile '{}', not by '{}'",
                entry->profile, profile_.name);
        plan_ = entry->plan;
        return {};
    }

    const profile::AcceptanceEntry* judged_before() const {
        const auto& entries = record_.entries();
        const auto found = std::find_if(entries.rbegin(), entries.rend(), [&](const auto& entry) {
            return entry.plan == plan_ && entry.deployment == booted_.checksum;
        });
        return found == entries.rend() ? nullptr : &*found;
    }

    profile::NextStep judge(host::OwnDaemon& daemon) {
        reporter_.step("Verifying");
        const auto checks = daemon.verify();
        const auto failed = std::count_if(checks.begin(), checks.end(),
                                          [](const Check& check) { return check.state == CheckState::failed; });
        reporter_.end_step(fmt::format("{} checks, {} failed", checks.size(), failed));
        const auto owners = host::kernel_owners();
        profile::GateFacts facts{.plan = plan_,
                                 .managed_by_mcd = std::any_of(
                                     owners.begin(), owners.end(),
                                     [](const auto& owner) { return owner.name == host::machine_config_daemon_name; }),
                                 .has_good_deployment = has_way_back_};
        for (;;) {
            std::optional<profile::MeasurementSummary> summary;
            std::optional<profile::BaselineRatio> ratio;
            if (failed == 0 && profile_.acceptance.duration.count() > 0) {
                measure(daemon, summary, ratio);
                facts.invalid_measurements += summary->valid ? 0 : 1;
            }
            verdict_ = profile::judge(profile_.acceptance, checks, summary, ratio);
            for (const auto& reason : verdict_.reasons)
                reporter_.log(fmt::format("{}: {}", name_of(verdict_.judgement), reason));
            const auto next = profile::what_next(verdict_, profile_, record_, facts);
            if (next.step != profile::Step::measure_again) return next;
            reporter_.log(next.why);
            throw_if_canceled();
        }
    }

    void measure(host::OwnDaemon& daemon, std::optional<profile::MeasurementSummary>& summary,
                 std::optional<profile::BaselineRatio>& ratio) {
        const auto& wanted = profile_.acceptance;
        reporter_.step("Measuring");
        auto cpus = wanted.cpus;
        if (cpus == "isolated") cpus = format_cpu_list(profile::choose(profile_, host::read_topology()).isolated);
        const auto path = daemon.measure({{"duration", fmt::format("{}s", wanted.duration.count())},
                                          {"cpus", cpus},
                                          {"interval", static_cast<std::uint32_t>(wanted.interval.count())},
                                          {"name", "acceptance of " + profile_.name.substr(0, 40)}},
                                         canceled);
        measurement_ = number_of(path);
        summary = summary_of(daemon.report(path));
        std::int64_t worst = 0;
        for (const auto& cpu : summary->cpus)
            worst = std::max(worst, cpu.max_ns);
        reporter_.end_step(
            fmt::format("measurement {}, largest latency {:.1f} µs", measurement_, static_cast<double>(worst) / 1000));
        if (!wanted.baseline || record_.baseline().measurement == 0) return;
        reporter_.step("Comparing with the baseline");
        try {
            ratio = ratio_of(daemon.compare(std::to_string(record_.baseline().measurement),
                                            std::to_string(measurement_), {{"tolerance", wanted.tolerance}}));
            reporter_.end_step(ratio->verdict);
        } catch (const Error& error) {
            if (error.reason() != Reason::NoSuchMeasurement) throw;
            reporter_.warn(fmt::format("there is nothing to compare with: {}", error.what()));
        }
    }

    nlohmann::json act(const profile::NextStep& next) {
        // Only now the lock: a measurement may take hours, in which others have their work to do.
        const PackageStore store(order_.state_dir / "packages");
        auto node = open_node(order_, reporter_, store, false);
        const auto deployments = node.sysroot.deployments();
        record_.forget_pins_except(deployments);
        switch (next.step) {
        case profile::Step::accept:
            return accept(node, deployments);
        case profile::Step::roll_back:
            roll_back(node, deployments, next.why);
            break;
        default:
            note(profile::Outcome::failed);
        }
        throw fail(Reason::NotAccepted, "the booted deployment is not accepted: {}; {}",
                   fmt::join(verdict_.reasons, "; "), next.why);
    }

    void note(profile::Outcome outcome) {
        record_.add({.plan = plan_,
                     .profile = profile_.name,
                     .deployment = booted_.checksum,
                     .outcome = outcome,
                     .reasons = verdict_.reasons,
                     .measurement = measurement_,
                     .boot_id = host::boot_id(),
                     .time_us = now_us()});
        record_.save(order_.state_dir);
    }

    nlohmann::json accept(Node& node, const std::vector<Deployment>& deployments) {
        reporter_.step("Accepting");
        record_.note_pin(booted_);
        if (measurement_ != 0) record_.set_baseline({measurement_, {}});
        note(profile::Outcome::accepted);
        if (!booted_.pinned) ostree::set_pinned(node.sysroot, booted_, true);
        for (const auto& old : record_.to_unpin(deployments, booted_)) {
            ostree::set_pinned(node.sysroot, old, false);
            record_.note_unpinned(old);
        }
        record_.save(order_.state_dir);
        reporter_.end_step();
        return {{"dry-run", false},           {"nothing-to-do", false}, {"verdict", "accepted"},
                {"profile", profile_.name},   {"plan", plan_},          {"measurement", measurement_},
                {"reasons", verdict_.reasons}};
    }

    void roll_back(Node& node, const std::vector<Deployment>& deployments, const std::string& why) {
        const auto good = record_.way_back(deployments);
        if (!good) throw fail(Reason::NoRollbackDeployment, "the deployment to go back to is gone; {}", why);
        reporter_.step("Rolling back");
        note(profile::Outcome::rolled_back);
        reporter_.deploying();
        ostree::boot_next(node.sysroot, *good);
        reporter_.end_step(good->checksum);
    }

    const WorkOrder& order_;
    const Profile& profile_;
    Reporter& reporter_;
    AcceptanceRecord record_;
    Deployment booted_;
    bool has_way_back_ = false;
    std::string plan_;
    std::uint64_t measurement_ = 0;
    profile::Verdict verdict_;
};

} // namespace

nlohmann::json accept(const WorkOrder& order, Reporter& reporter) {
    return Gate(order, reporter).run();
}

} // namespace rtnode::worker
