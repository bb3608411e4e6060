#include "profile/gate/acceptance.hpp"

#include <gmock/gmock.h>

namespace rtnode::profile {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

const std::vector<Check> no_checks;

Profile::Acceptance limits(unsigned max_us, unsigned p99_99_us = 0) {
    Profile::Acceptance acceptance;
    acceptance.duration = std::chrono::minutes(10);
    acceptance.max_us = max_us;
    acceptance.p99_99_us = p99_99_us;
    return acceptance;
}

Profile::Acceptance against_baseline(double tolerance) {
    auto acceptance = limits(0);
    acceptance.baseline = true;
    acceptance.tolerance = tolerance;
    return acceptance;
}

/// Of one CPU after the other, the largest latency.
MeasurementSummary measured(const std::vector<std::int64_t>& max_ns) {
    MeasurementSummary measurement;
    measurement.valid = measurement.real_time_kernel = true;
    for (const auto max : max_ns)
        measurement.cpus.push_back({static_cast<unsigned>(measurement.cpus.size()) + 2, max, max / 2});
    return measurement;
}

Verdict judged(const Profile::Acceptance& acceptance, const std::optional<MeasurementSummary>& measurement,
               const std::optional<BaselineRatio>& baseline = std::nullopt) {
    return judge(acceptance, no_checks, measurement, baseline);
}

const Verdict accepted{Judgement::accepted, {}};
const Check broken{"real-time-kernel", CheckState::failed, "true", "false", "boot it"};
const GateFacts good{.plan = "p", .managed_by_mcd = false, .has_good_deployment = true, .invalid_measurements = 0};

Profile rolling_back() {
    Profile profile;
    profile.rollback = true;
    return profile;
}

Step step_after(Judgement judgement, const Profile& profile, const GateFacts& facts,
                const AcceptanceRecord& record = {}) {
    return what_next({judgement, {}}, profile, record, facts).step;
}

AcceptanceRecord with(Outcome outcome) {
    AcceptanceRecord record;
    AcceptanceEntry entry;
    entry.plan = "p";
    entry.outcome = outcome;
    record.add(entry);
    return record;
}

} // namespace

TEST(Judge, WithoutAMeasurementInTheProfileTheChecksDecide) {
    EXPECT_EQ(judge({}, no_checks, std::nullopt, std::nullopt), accepted);
    const auto verdict = judge({}, {broken}, std::nullopt, std::nullopt);
    EXPECT_EQ(verdict.judgement, Judgement::failed);
    EXPECT_THAT(verdict.reasons, ElementsAre("real-time-kernel: expected 'true', found 'false'; boot it"));
}

TEST(Judge, AFailedCheckFailsWhateverWasMeasured) {
    auto invalid = measured({1});
    invalid.valid = false;
    for (const auto& measurement :
         {std::optional(measured({1'000})), std::optional(invalid), std::optional<MeasurementSummary>()})
        EXPECT_EQ(judge(limits(20), {broken}, measurement, std::nullopt).judgement, Judgement::failed);
}

TEST(Judge, WhatCouldNotBeCheckedIsSaidAndDoesntDecide) {
    const auto verdict =
        judge(limits(20), {{"microcode", CheckState::unknown, "", "", "can't be read"}}, measured({1'000}), {});
    EXPECT_EQ(verdict.judgement, Judgement::accepted);
    EXPECT_THAT(verdict.reasons, ElementsAre("not known: microcode: can't be read"));
}

TEST(Judge, ALatencyBelowItsLimitPassesAndOneAtItDoesnt) {
    EXPECT_EQ(judged(limits(20), measured({19'999, 5'000})), accepted);
    const auto verdict = judged(limits(20), measured({19'999, 20'000}));
    EXPECT_EQ(verdict.judgement, Judgement::failed);
    EXPECT_THAT(verdict.reasons, ElementsAre("the largest latency is 20.0 µs on CPU 3, and must be below 20 µs"));
}

TEST(Judge, TheWorstCpuIsNamedAndTheOthersToo) {
    EXPECT_THAT(judged(limits(20), measured({25'000, 1'000, 31'460})).reasons,
                ElementsAre(AllOf(HasSubstr("31.5 µs on CPU 4"), HasSubstr("CPUs 2, 4 are not below it"))));
}

TEST(Judge, ThePercentileHasItsOwnLimit) {
    EXPECT_EQ(judged(limits(0, 10), measured({19'999})), accepted);
    EXPECT_EQ(judged(limits(0, 10), measured({20'000})).judgement, Judgement::failed);
    EXPECT_THAT(judged(limits(20, 10), measured({20'000})).reasons,
                ElementsAre(HasSubstr("largest latency"), HasSubstr("99.99th percentile of all deadlines is 10.0 µs")));
}

TEST(Judge, WithoutALimitTheMeasurementDecidesNothing) {
    const auto verdict = judged(limits(0), measured({900'000'000}));
    EXPECT_EQ(verdict.judgement, Judgement::accepted);
    EXPECT_THAT(verdict.reasons, ElementsAre(HasSubstr("no limit")));
}

TEST(Judge, WithoutAMeasurementNothingIsKnown) {
    EXPECT_EQ(judged(limits(20), std::nullopt).judgement, Judgement::unknown);
}

TEST(Judge, AnInvalidMeasurementIsNeitherForNorAgainst) {
    for (const auto max : {1'000, 900'000}) {
        auto measurement = measured({max});
        measurement.valid = false;
        measurement.reasons = {"a thread was migrated"};
        const auto verdict = judged(limits(20), measurement);
        EXPECT_EQ(verdict.judgement, Judgement::unknown) << max;
        EXPECT_THAT(verdict.reasons, ElementsAre(AllOf(HasSubstr("made again"), HasSubstr("migrated")))) << max;
    }
}

TEST(Judge, AMeasurementOfNoCpuIsInvalid) {
    EXPECT_EQ(judged(limits(20), measured({})).judgement, Judgement::unknown);
}

TEST(Judge, AStockKernelIsNotJudgedByItsLatencyUnlessAskedFor) {
    auto acceptance = limits(20);
    auto measurement = measured({900'000});
    measurement.real_time_kernel = false;
    EXPECT_EQ(judged(acceptance, measurement).judgement, Judgement::not_applicable);
    acceptance.on_stock_kernel = true;
    EXPECT_EQ(judged(acceptance, measurement).judgement, Judgement::failed);
}

TEST(Judge, ARegressionBeyondTheToleranceFails) {
    const BaselineRatio worse{1.4, 1.3, 1.5, "regression"};
    EXPECT_EQ(judged(against_baseline(0.2), measured({1}), worse).judgement, Judgement::failed);
    EXPECT_THAT(judged(against_baseline(0.2), measured({1}), worse).reasons,
                ElementsAre(AllOf(HasSubstr("1.40 times"), HasSubstr("1.30 and 1.50"), HasSubstr("1.20 times"))));
}

TEST(Judge, ARegressionThatMayBeWithinTheToleranceIsOnlySaid) {
    const auto verdict = judged(against_baseline(0.35), measured({1}), BaselineRatio{1.4, 1.3, 1.5, "regression"});
    EXPECT_EQ(verdict.judgement, Judgement::accepted);
    EXPECT_THAT(verdict.reasons, ElementsAre(HasSubstr("1.40 times")));
}

TEST(Judge, ARegressionWithoutARatioFails) {
    EXPECT_EQ(judged(against_baseline(1), measured({1}), BaselineRatio{0, 0, 0, "regression"}).judgement,
              Judgement::failed);
}

TEST(Judge, OnlyARegressionIsOne) {
    for (const auto* verdict : {"improvement", "no-difference"})
        EXPECT_EQ(judged(against_baseline(0), measured({1}), BaselineRatio{3, 2, 4, verdict}), accepted) << verdict;
    const auto incomparable = judged(against_baseline(0), measured({1}), BaselineRatio{0, 0, 0, "not-comparable"});
    EXPECT_EQ(incomparable.judgement, Judgement::accepted);
    EXPECT_THAT(incomparable.reasons, ElementsAre(HasSubstr("can't be compared")));
}

TEST(Judge, TheFirstMeasurementHasNothingToBeWorseThan) {
    const auto verdict = judged(against_baseline(0), measured({1}));
    EXPECT_EQ(verdict.judgement, Judgement::accepted);
    EXPECT_THAT(verdict.reasons, ElementsAre(HasSubstr("none to compare with")));
}

TEST(Judge, ABaselineThatTheProfileDoesntAskForIsNotLookedAt) {
    EXPECT_EQ(judged(limits(20), measured({1}), BaselineRatio{9, 9, 9, "regression"}), accepted);
}

TEST(Judge, WhatDecidedStandsBeforeWhatIsWorthKnowing) {
    auto acceptance = against_baseline(0);
    acceptance.max_us = 20;
    EXPECT_THAT(judged(acceptance, measured({30'000})).reasons,
                ElementsAre(HasSubstr("largest latency"), HasSubstr("none to compare with")));
}

TEST(WhatNext, WhatIsAcceptedIsPinned) {
    EXPECT_EQ(step_after(Judgement::accepted, rolling_back(), good), Step::accept);
}

TEST(WhatNext, AFailureIsReportedUnlessTheProfileGoesBack) {
    EXPECT_EQ(step_after(Judgement::failed, Profile(), good), Step::report);
    EXPECT_EQ(step_after(Judgement::failed, rolling_back(), good), Step::roll_back);
}

TEST(WhatNext, OnlyAFailureGoesBack) {
    EXPECT_EQ(step_after(Judgement::not_applicable, rolling_back(), good), Step::report);
    EXPECT_EQ(step_after(Judgement::unknown, rolling_back(), good), Step::measure_again);
}

TEST(WhatNext, WhatIsUnknownIsMeasuredAgainAFewTimes) {
    auto facts = good;
    facts.invalid_measurements = most_invalid_measurements - 1;
    EXPECT_EQ(step_after(Judgement::unknown, rolling_back(), facts), Step::measure_again);
    facts.invalid_measurements = most_invalid_measurements;
    EXPECT_EQ(step_after(Judgement::unknown, rolling_back(), facts), Step::report);
}

TEST(WhatNext, UnderTheMachineConfigDaemonGoingBackMustBeForced) {
    auto profile = rolling_back();
    auto facts = good;
    facts.managed_by_mcd = true;
    EXPECT_EQ(step_after(Judgement::failed, profile, facts), Step::refuse_rollback);
    EXPECT_THAT(what_next({Judgement::failed, {}}, profile, {}, facts).why, HasSubstr("force-on-managed"));
    profile.force_on_managed = true;
    EXPECT_EQ(step_after(Judgement::failed, profile, facts), Step::roll_back);
}

TEST(WhatNext, WithoutAGoodDeploymentThereIsNoWayBack) {
    auto facts = good;
    facts.has_good_deployment = false;
    EXPECT_EQ(step_after(Judgement::failed, rolling_back(), facts), Step::refuse_rollback);
}

TEST(WhatNext, FromOnePlanTheNodeGoesBackOnce) {
    EXPECT_EQ(step_after(Judgement::failed, rolling_back(), good, with(Outcome::rolled_back)), Step::refuse_rollback);
    EXPECT_EQ(step_after(Judgement::failed, rolling_back(), good, with(Outcome::failed)), Step::roll_back);
    EXPECT_EQ(step_after(Judgement::failed, rolling_back(), good, with(Outcome::accepted)), Step::roll_back);
    EXPECT_EQ(step_after(Judgement::accepted, rolling_back(), good, with(Outcome::rolled_back)), Step::accept);
}

TEST(WhatNext, EveryStepSaysWhy) {
    for (const auto judgement : {Judgement::accepted, Judgement::failed, Judgement::not_applicable, Judgement::unknown})
        EXPECT_THAT(what_next({judgement, {}}, rolling_back(), {}, good).why, testing::Not(IsEmpty()));
}

TEST(Judgement, HasNames) {
    std::vector<std::string_view> names;
    for (const auto judgement : {Judgement::accepted, Judgement::failed, Judgement::not_applicable, Judgement::unknown})
        names.push_back(name_of(judgement));
    EXPECT_THAT(names, ElementsAre("accepted", "failed", "not-applicable", "unknown"));
}

} // namespace rtnode::profile
