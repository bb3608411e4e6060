#include "latency/compare/compare.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <random>

namespace rtnode::latency {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

/// What a run is like; times are ns.
struct Machine {
    double p50 = 20'000, p99 = 40'000, max = 80'000;
    CpuList cpus{0};
    std::size_t windows = 24;
};

std::int64_t whole(double ns) {
    return std::llround(ns);
}

/// A run of the machine. Its windows differ by chance: p50 by 3 %, p99 by 10 %, the maxima by half.
Result run_of(const Machine& machine, std::mt19937_64& random) {
    using namespace std::chrono_literals;
    std::normal_distribution<double> normal(0, 1);
    Result result;
    result.options.cpus = machine.cpus;
    result.options.duration = std::chrono::seconds(machine.windows);
    result.environment.release = "6.1.0-56-rt-amd64";
    for (const auto number : machine.cpus) {
        CpuResult cpu;
        auto& s = cpu.statistics;
        s.cpu = number;
        for (std::size_t i = 0; i < machine.windows; ++i) {
            Window window{.start_ms = static_cast<std::int64_t>(i) * 1000, .length_ms = 1000, .cycles = 1000};
            window.p50_ns = whole(machine.p50 * (1 + 0.03 * normal(random)));
            window.p99_ns = std::max(window.p50_ns, whole(machine.p99 * (1 + 0.1 * normal(random))));
            window.max_ns = std::max(window.p99_ns, whole(machine.max * std::exp(0.5 * normal(random))));
            s.cycles += window.cycles;
            s.max_ns = std::max(s.max_ns, window.max_ns);
            cpu.windows.push_back(window);
        }
        s.avg_ns = machine.p50;
        s.percentiles_ns = {
            whole(machine.p50), whole(machine.p50), whole(machine.p99), s.max_ns, s.max_ns, s.max_ns, s.max_ns};
        s.corrected_percentiles_ns = s.percentiles_ns;
        result.cpus.push_back(std::move(cpu));
    }
    return result;
}

Result run_of(const Machine& machine, std::uint64_t seed) {
    std::mt19937_64 random(seed);
    return run_of(machine, random);
}

const ComparedFigure& figure(const Comparison& comparison, const std::string& name) {
    const auto& figures = comparison.figures;
    const auto found =
        std::find_if(figures.begin(), figures.end(), [&](const ComparedFigure& each) { return each.name == name; });
    if (found == figures.end()) throw std::runtime_error("there is no figure " + name);
    return *found;
}

TEST(Compare, FindsNoDifferenceBetweenEquals) {
    std::mt19937_64 random(1);
    int same = 0;
    for (int trial = 0; trial < 200; ++trial) {
        const auto a = run_of({}, random), b = run_of({}, random);
        same += compare(a, b).verdict == "no-difference" ? 1 : 0;
    }
    EXPECT_GE(same, 190);
}

TEST(Compare, FindsNoDifferenceBetweenEqualsOfManyCpus) {
    std::mt19937_64 random(2);
    const Machine machine{.cpus = {0, 1, 2, 3}, .windows = 12};
    int same = 0;
    for (int trial = 0; trial < 40; ++trial) {
        const auto a = run_of(machine, random), b = run_of(machine, random);
        same += compare(a, b).verdict == "no-difference" ? 1 : 0;
    }
    EXPECT_GE(same, 38);
}

TEST(Compare, FindsAShiftOfTenPercentInBothDirections) {
    const auto a = run_of({}, 3), b = run_of({.p50 = 22'000}, 4);
    const auto worse = compare(a, b);
    EXPECT_EQ(worse.verdict, "regression");
    EXPECT_THAT(worse.reasons, Contains(HasSubstr("p50 is")));
    const auto& p50 = figure(worse, "p50");
    EXPECT_TRUE(p50.decides);
    EXPECT_EQ(p50.a_ns, 20'000);
    EXPECT_EQ(p50.b_ns, 22'000);
    EXPECT_LT(p50.low, 1.1);
    EXPECT_GT(p50.high, 1.1);
    EXPECT_NEAR(p50.ratio, 1.1, 0.03);
    const auto better = compare(b, a);
    EXPECT_EQ(better.verdict, "improvement");
    EXPECT_THAT(better.reasons, Contains(HasSubstr("lower")));
}

TEST(Compare, FindsWhatOnlyRareWakeUpsShow) {
    EXPECT_EQ(compare(run_of({}, 5), run_of({.p99 = 60'000}, 6)).verdict, "regression");
    EXPECT_EQ(compare(run_of({}, 5), run_of({.max = 320'000}, 6)).verdict, "regression");
    EXPECT_EQ(compare(run_of({.max = 320'000}, 5), run_of({}, 6)).verdict, "improvement");
    EXPECT_EQ(compare(run_of({}, 5), run_of({.max = 120'000}, 6)).verdict, "no-difference") << "within a factor of 2";
}

TEST(Compare, CallsItARegressionWhenOneFigureIsWorseAndAnotherBetter) {
    const auto comparison = compare(run_of({}, 7), run_of({.p50 = 16'000, .p99 = 60'000}, 8));
    EXPECT_EQ(comparison.verdict, "regression");
    EXPECT_THAT(comparison.reasons, Contains(HasSubstr("p50 is")));
    EXPECT_THAT(comparison.reasons, Contains(HasSubstr("p99 is")));
}

TEST(Compare, KeepsToTheToleranceHoweverSureItIs) {
    auto a = run_of({}, 9), b = a;
    for (auto& window : b.cpus[0].windows)
        window.p50_ns = window.p50_ns * 102 / 100, window.p99_ns = window.p99_ns * 102 / 100;
    EXPECT_EQ(compare(a, b).verdict, "no-difference");
    for (auto* result : {&a, &b})
        for (auto& window : result->cpus[0].windows)
            window.p50_ns = result == &a ? 20'000 : 20'400;
    EXPECT_EQ(compare(a, b).verdict, "no-difference");
    EXPECT_EQ(compare(a, b, 0.01).verdict, "regression");
}

TEST(Compare, DoesNotTakeADriftWithinARunForADifferenceOfItsHalves) {
    Result first = run_of({.windows = 40}, 10), second = run_of({.windows = 40}, 11);
    for (std::size_t i = 0; i < 40; ++i) {
        const auto drift = [&](std::size_t at) { return whole(20'000 * (1 + 0.1 * static_cast<double>(at) / 80)); };
        first.cpus[0].windows[i].p50_ns = drift(i);
        second.cpus[0].windows[i].p50_ns = drift(40 + i);
    }
    EXPECT_EQ(compare(first, second).verdict, "no-difference");

    // The same windows without their order: then each is a witness of its own, and there are enough of them.
    std::mt19937_64 random(12);
    std::shuffle(first.cpus[0].windows.begin(), first.cpus[0].windows.end(), random);
    std::shuffle(second.cpus[0].windows.begin(), second.cpus[0].windows.end(), random);
    EXPECT_EQ(compare(first, second).verdict, "regression");
}

TEST(Compare, IsNotDecidedByOneOutlier) {
    const auto a = run_of({}, 13);
    auto b = run_of({}, 14);
    auto& cpu = b.cpus[0];
    cpu.windows[7].p99_ns = cpu.windows[7].max_ns = 5'000'000;
    cpu.statistics.max_ns = 5'000'000;
    const auto comparison = compare(a, b);
    EXPECT_EQ(comparison.verdict, "no-difference");
    EXPECT_THAT(comparison.reasons, Contains(HasSubstr("is 5000.0 µs: one wake-up of each run, which doesn't decide")));
    const auto& max = figure(comparison, "max");
    EXPECT_EQ(max.b_ns, 5'000'000);
    EXPECT_FALSE(max.decides);
    EXPECT_EQ(max.ratio, 0);
}

TEST(Compare, TakesALatencyAboveTheLimitForARegression) {
    auto a = run_of({}, 15), b = run_of({.windows = 3}, 16);
    a.options.break_us = b.options.break_us = 100;
    b.end = End::Break;
    b.end_cpu = 0;
    EXPECT_EQ(compare(a, b).verdict, "regression");
    EXPECT_EQ(compare(b, a).verdict, "no-difference") << "nothing above the limit proves nothing";
    a.end = End::Break;
    EXPECT_EQ(compare(a, b).verdict, "no-difference");
    a.end = End::Duration;
    a.options.break_us = 0;
    EXPECT_EQ(compare(a, b).verdict, "no-difference") << "the first had no limit";
}

TEST(Compare, LooksAtTheCpusThatBothMeasured) {
    const auto a = run_of({.cpus = {0, 1}}, 17), b = run_of({.p50 = 20'000, .cpus = {1, 2}}, 18);
    const auto comparison = compare(a, b);
    EXPECT_EQ(comparison.verdict, "no-difference");
    EXPECT_THAT(comparison.reasons, Contains(HasSubstr("CPU 0,2 was measured by one of the runs alone")));

    const auto none = compare(run_of({.cpus = {0, 1}}, 17), run_of({.cpus = {2}}, 18));
    EXPECT_EQ(none.verdict, "not-comparable");
    EXPECT_THAT(none.reasons, ElementsAre("no CPU was measured by both: one measured 0-1, the other 2"));
    EXPECT_THAT(none.figures, IsEmpty());
}

TEST(Compare, FindsTheOneCpuThatIsWorse) {
    const Machine four{.cpus = {0, 1, 2, 3}};
    const auto a = run_of(four, 19);
    auto b = run_of(four, 20);
    for (auto& window : b.cpus[2].windows)
        window.p50_ns = window.p50_ns * 13 / 10;
    const auto comparison = compare(a, b);
    EXPECT_EQ(comparison.verdict, "regression");
    EXPECT_THAT(comparison.reasons, ElementsAre(HasSubstr("p50 of CPU 2 is")));
}

TEST(Compare, SaysThatItIsTooShortToTell) {
    const auto comparison = compare(run_of({.windows = 7}, 21), run_of({.p50 = 40'000}, 22));
    EXPECT_EQ(comparison.verdict, "no-difference");
    EXPECT_THAT(comparison.reasons, Contains(HasSubstr("too short to tell")));
    EXPECT_THAT(comparison.figures, SizeIs(7));
    for (const auto& each : comparison.figures) {
        EXPECT_FALSE(each.decides) << each.name;
        EXPECT_EQ(each.ratio, 0) << each.name;
        EXPECT_GT(each.a_ns, 0) << each.name;
    }
    auto old = run_of({}, 21);
    old.cpus[0].windows.clear(); // a result from before there were windows
    EXPECT_EQ(compare(old, run_of({.p50 = 40'000}, 22)).verdict, "no-difference");
}

TEST(Compare, LetsOnlyTheMedianDecideBetweenWindowsOfDifferentLengths) {
    const auto a = run_of({}, 23);
    auto b = run_of({.p99 = 80'000, .max = 400'000}, 24);
    for (auto& window : b.cpus[0].windows)
        window.length_ms = 10'000;
    const auto comparison = compare(a, b);
    EXPECT_EQ(comparison.verdict, "no-difference");
    EXPECT_TRUE(figure(comparison, "p50").decides);
    EXPECT_FALSE(figure(comparison, "p99").decides);
    EXPECT_THAT(comparison.reasons, Contains(HasSubstr("windows of 1000 and 10000 ms")));
}

TEST(Compare, LeavesOutTheRestAtTheEndAndWindowsWithoutWakeUps) {
    const auto a = run_of({.windows = 9}, 25);
    auto b = a;
    auto& windows = b.cpus[0].windows;
    windows.push_back({.start_ms = 9000, .length_ms = 100, .cycles = 100, .p50_ns = 1, .p99_ns = 1, .max_ns = 1});
    EXPECT_EQ(figure(compare(a, b), "p50").ratio, figure(compare(a, a), "p50").ratio);
    windows.pop_back();
    windows[2] = windows[3] = Window{.start_ms = 2000, .length_ms = 1000};
    EXPECT_THAT(compare(a, b).reasons, Contains(HasSubstr("these have 9 and 7")));
}

TEST(Compare, RefusesRunsThatAreNotAlike) {
    const auto a = run_of({}, 26);
    const auto reasons = [&](const std::function<void(Result&)>& change) {
        auto b = run_of({.p50 = 40'000}, 27);
        change(b);
        const auto comparison = compare(a, b);
        EXPECT_EQ(comparison.verdict, "not-comparable");
        EXPECT_EQ(compare(b, a).verdict, "not-comparable");
        return comparison.reasons;
    };
    using namespace std::chrono_literals;
    EXPECT_THAT(reasons([](Result& b) { b.options.interval = 200us; }),
                ElementsAre("the interval differs: 1000 µs and 200 µs"));
    EXPECT_THAT(reasons([](Result& b) { b.options.mode = Mode::Busy; }),
                ElementsAre("the mode differs: cyclic and busy"));
    EXPECT_THAT(reasons([](Result& b) { b.options.distance = 500us; }),
                ElementsAre("the distance differs: 0 µs and 500 µs"));
    EXPECT_THAT(reasons([](Result& b) { b.options.priority = 50; }),
                ElementsAre("the scheduling differs: fifo 95 and fifo 50"));
    EXPECT_THAT(reasons([](Result& b) { b.options.policy = Policy::Other; }),
                ElementsAre("the scheduling differs: fifo 95 and other"));
    EXPECT_THAT(reasons([](Result& b) { b.invalid = {"CPU 0: 3 page faults in the measuring loop"}; }),
                ElementsAre("the second run is not valid: CPU 0: 3 page faults in the measuring loop"));
    EXPECT_THAT(reasons([](Result& b) { b.cpus[0].statistics = {}; }),
                ElementsAre("CPU 0: nothing was measured in the second run"));
    EXPECT_THAT(reasons([](Result& b) {
                    b.options.interval = 200us;
                    b.options.priority = 50;
                }),
                SizeIs(2));
}

TEST(Compare, DoesNotLookAtThePriorityOfAnOrdinaryPolicy) {
    auto a = run_of({}, 28), b = run_of({}, 29);
    a.options.policy = b.options.policy = Policy::Other;
    b.options.priority = 1;
    EXPECT_EQ(compare(a, b).verdict, "no-difference");
}

TEST(Compare, PutsNeighboursTogetherInLongRuns) {
    const auto a = run_of({.windows = 600}, 36);
    EXPECT_EQ(compare(a, run_of({.windows = 599}, 37)).verdict, "no-difference");
    const auto comparison = compare(a, run_of({.p50 = 21'000, .windows = 350}, 38));
    EXPECT_EQ(comparison.verdict, "regression");
    EXPECT_NEAR(figure(comparison, "p50").ratio, 1.05, 0.01);
}

TEST(Compare, SaysTheSameAgain) {
    const auto a = run_of({}, 30), b = run_of({.p50 = 21'000}, 31);
    const auto once = compare(a, b), again = compare(a, b);
    EXPECT_EQ(once.verdict, again.verdict);
    EXPECT_EQ(once.reasons, again.reasons);
    EXPECT_EQ(figure(once, "p50").low, figure(again, "p50").low);
}

TEST(Compare, SaysWhatIsDifferentAboutTheMachineAlsoOfRunsThatCannotBeCompared) {
    const auto a = run_of({}, 34);
    auto b = run_of({.cpus = {7}}, 34);
    b.environment.release = "7.0";
    const auto comparison = compare(a, b);
    EXPECT_EQ(comparison.verdict, "not-comparable");
    EXPECT_THAT(comparison.changes, ElementsAre("kernel 6.1.0-56-rt-amd64 -> 7.0"));
}

TEST(Compare, SaysThatTheConditionsDifferWhereTheLoadsDo) {
    const auto alone = run_of({}, 35);
    auto beside = run_of({.p50 = 22'000}, 36);
    EXPECT_THAT(compare(alone, beside).reasons, Not(Contains(HasSubstr("the conditions differ"))));
    beside.load = "25 × stress-ng --cpu on CPUs 4-31";
    const auto comparison = compare(alone, beside);
    EXPECT_EQ(comparison.verdict, "regression") << "whether a load shows is worth knowing";
    EXPECT_THAT(comparison.reasons, Contains(HasSubstr("the load beside the first run was none, beside the second 25 × "
                                                       "stress-ng --cpu on CPUs 4-31")));
    EXPECT_THAT(comparison.changes, Contains("load beside the run none -> 25 × stress-ng --cpu on CPUs 4-31"));
    EXPECT_THAT(compare(beside, beside).reasons, Not(Contains(HasSubstr("the conditions differ"))));
}

} // namespace
} // namespace rtnode::latency
