#include "profile/gate/acceptance.hpp"

#include "profile/gate/convergence.hpp"

#include <fmt/format.h>

#include <utility>

namespace rtnode::profile {
namespace {

using Cpu = MeasurementSummary::Cpu;

constexpr double ns_per_us = 1000;

/// What decided for the worse, and what doesn't decide.
struct Findings {
    std::vector<std::string> against, notes;

    Verdict verdict(Judgement otherwise) && {
        const auto judgement = against.empty() ? otherwise : Judgement::failed;
        against.insert(against.end(), notes.begin(), notes.end());
        return {judgement, std::move(against)};
    }
};

void judge_checks(const std::vector<Check>& checks, Findings& findings) {
    for (const auto& check : checks) {
        if (check.state == CheckState::failed) findings.against.push_back(in_words(check));
        if (check.state == CheckState::unknown) findings.notes.push_back("not known: " + in_words(check));
    }
}

/// @param limit_us 0 = none
void judge_limit(const std::vector<Cpu>& cpus, std::int64_t Cpu::*figure, const char* name, unsigned limit_us,
                 Findings& findings) {
    if (limit_us == 0) return;
    const auto limit_ns = std::int64_t{limit_us} * 1000;
    std::vector<unsigned> above;
    const Cpu* worst = nullptr;
    for (const auto& cpu : cpus) {
        if (cpu.*figure < limit_ns) continue;
        above.push_back(cpu.cpu);
        if (worst == nullptr || cpu.*figure > worst->*figure) worst = &cpu;
    }
    if (worst == nullptr) return;
    findings.against.push_back(fmt::format(
        "the {} is {:.1f} µs on CPU {}, and must be below {} µs{}", name,
        static_cast<double>(worst->*figure) / ns_per_us, worst->cpu, limit_us,
        above.size() == 1 ? std::string() : fmt::format("; CPUs {} are not below it", fmt::join(above, ", "))));
}

void judge_baseline(const Profile::Acceptance& acceptance, const std::optional<BaselineRatio>& baseline,
                    Findings& findings) {
    if (!acceptance.baseline) return;
    if (!baseline) {
        findings.notes.emplace_back("no measurement was accepted before, so there is none to compare with");
    } else if (baseline->verdict == "not-comparable") {
        findings.notes.emplace_back("the last accepted measurement can't be compared with this one");
    } else if (baseline->verdict == "regression") {
        const auto most = 1 + acceptance.tolerance;
        const auto ratio = baseline->ratio > 0
                               ? fmt::format("latency is {:.2f} times that of the last accepted measurement (95 % "
                                             "between {:.2f} and {:.2f}), and {:.2f} times is tolerated",
                                             baseline->ratio, baseline->low, baseline->high, most)
                               : std::string("latency is worse than that of the last accepted measurement");
        // 0: the limit that ended a run has no ratio.
        const bool worse = baseline->ratio <= 0 || baseline->low > most;
        (worse ? findings.against : findings.notes).push_back(ratio);
    }
}

} // namespace

std::string_view name_of(Judgement judgement) {
    switch (judgement) {
    case Judgement::accepted:
        return "accepted";
    case Judgement::failed:
        return "failed";
    case Judgement::not_applicable:
        return "not-applicable";
    case Judgement::unknown:
        return "unknown";
    }
    return "unknown";
}

Verdict judge(const Profile::Acceptance& acceptance, const std::vector<Check>& checks,
              const std::optional<MeasurementSummary>& measurement, const std::optional<BaselineRatio>& baseline) {
    Findings findings;
    judge_checks(checks, findings);
    if (acceptance.duration <= std::chrono::seconds::zero()) return std::move(findings).verdict(Judgement::accepted);
    if (!measurement) {
        findings.notes.emplace_back("the profile asks for a measurement, and there is none yet");
        return std::move(findings).verdict(Judgement::unknown);
    }
    if (!measurement->real_time_kernel && !acceptance.on_stock_kernel) {
        findings.notes.emplace_back("no real-time kernel runs, so latency was measured and is not judged");
        return std::move(findings).verdict(Judgement::not_applicable);
    }
    if (!measurement->valid || measurement->cpus.empty()) {
        auto why = measurement->reasons;
        if (measurement->cpus.empty()) why.emplace_back("no CPU was measured");
        findings.notes.push_back(
            fmt::format("the measurement proves nothing and is to be made again: {}", fmt::join(why, "; ")));
        return std::move(findings).verdict(Judgement::unknown);
    }
    judge_limit(measurement->cpus, &Cpu::max_ns, "largest latency", acceptance.max_us, findings);
    judge_limit(measurement->cpus, &Cpu::p99_99_ns, "99.99th percentile of all deadlines", acceptance.p99_99_us,
                findings);
    judge_baseline(acceptance, baseline, findings);
    if (acceptance.max_us == 0 && acceptance.p99_99_us == 0 && !acceptance.baseline)
        findings.notes.emplace_back("the profile sets no limit, so the measurement decides nothing");
    return std::move(findings).verdict(Judgement::accepted);
}

NextStep what_next(const Verdict& verdict, const Profile& profile, const AcceptanceRecord& record,
                   const GateFacts& facts) {
    switch (verdict.judgement) {
    case Judgement::accepted:
        return {Step::accept, "all that the profile asks for holds"};
    case Judgement::not_applicable:
        return {Step::report, "the profile's acceptance doesn't apply to the running kernel"};
    case Judgement::unknown:
        if (facts.invalid_measurements < most_invalid_measurements)
            return {Step::measure_again, "nothing is known of the latency yet"};
        return {Step::report, fmt::format("{} measurements of this boot could not be trusted; look at what disturbs "
                                          "them, then verify again",
                                          facts.invalid_measurements)};
    case Judgement::failed:
        break;
    }
    if (!profile.rollback) return {Step::report, "the profile says that a failure is only reported"};
    if (facts.managed_by_mcd && !profile.force_on_managed)
        return {Step::refuse_rollback,
                "the machine-config daemon manages this node and would take another deployment for drift; the "
                "profile's force-on-managed allows it all the same"};
    const auto before = record.failed_before(facts.plan);
    if (before && before->outcome == Outcome::rolled_back)
        return {Step::refuse_rollback, "the node went back from this plan once already, and was booted into it again"};
    if (!facts.has_good_deployment)
        return {Step::refuse_rollback, "no deployment that was accepted before is there to go back to"};
    return {Step::roll_back, "the deployment that was accepted before becomes the next one, and the node reboots once"};
}

} // namespace rtnode::profile
