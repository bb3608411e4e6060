#include "latency/options.hpp"
#include "state/error.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace rtnode::latency {
namespace {

using namespace std::chrono_literals;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

template <typename Call>
void expect_refused(Reason reason, const std::string& why, Call call) {
    try {
        call();
        ADD_FAILURE() << "not refused; expected: " << why;
    } catch (const Error& e) {
        EXPECT_EQ(e.reason(), reason) << e.what();
        EXPECT_THAT(e.what(), HasSubstr(why));
    }
}

Options ten_seconds() {
    Options options;
    options.duration = 10s;
    return options;
}

const Topology four_cpus{{0, 1, 2, 3}};

TEST(Duration, ReadsNumbersWithUnits) {
    EXPECT_EQ(parse_duration("10s"), 10s);
    EXPECT_EQ(parse_duration("10m"), 10min);
    EXPECT_EQ(parse_duration("1h"), 1h);
    EXPECT_EQ(parse_duration("1h30m"), 90min);
    EXPECT_EQ(parse_duration("500ms"), 500ms);
    EXPECT_EQ(parse_duration("1m1ms"), 60001ms);
    EXPECT_EQ(parse_duration("0s"), 0s);
}

TEST(Duration, RefusesWhatCyclictestGuessesAt) {
    // cyclictest: 1x is a second, 1m5 a minute, '' and abc are endless.
    expect_refused(Reason::InvalidArgument, "'x' is no unit", [] { parse_duration("1x"); });
    expect_refused(Reason::InvalidArgument, "a number has no unit", [] { parse_duration("1m5"); });
    expect_refused(Reason::InvalidArgument, "it is empty", [] { parse_duration(""); });
    expect_refused(Reason::InvalidArgument, "a number is missing", [] { parse_duration("abc"); });
    expect_refused(Reason::InvalidArgument, "a number has no unit", [] { parse_duration("10"); });
    expect_refused(Reason::InvalidArgument, "a number is missing", [] { parse_duration("-5s"); });
    expect_refused(Reason::InvalidArgument, "'.' is no unit", [] { parse_duration("1.5s"); });
    expect_refused(Reason::InvalidArgument, "' s' is no unit", [] { parse_duration("1 s"); });
    expect_refused(Reason::InvalidArgument, "from large to small", [] { parse_duration("30m1h"); });
    expect_refused(Reason::InvalidArgument, "from large to small", [] { parse_duration("1s1s"); });
    expect_refused(Reason::InvalidArgument, "too large", [] { parse_duration("99999999h"); });
    expect_refused(Reason::InvalidArgument, "too large", [] { parse_duration("99999999999999999999s"); });
}

TEST(Duration, IsWrittenAsItIsRead) {
    for (const auto* text : {"10s", "10m", "1h", "1h30m", "500ms", "1s500ms", "0s"})
        EXPECT_EQ(format_duration(parse_duration(text)), text);
    EXPECT_EQ(format_duration(600s), "10m");
}

TEST(Policy, HasThreeNames) {
    for (const auto policy : {Policy::Fifo, Policy::RoundRobin, Policy::Other})
        EXPECT_EQ(parse_policy(name_of(policy)), policy);
    expect_refused(Reason::InvalidArgument, "use fifo, rr or other", [] { parse_policy("deadline"); });
}

TEST(Mode, HasThreeNames) {
    for (const auto mode : {Mode::Cyclic, Mode::Busy, Mode::Hardware})
        EXPECT_EQ(parse_mode(name_of(mode)), mode);
    expect_refused(Reason::InvalidArgument, "use cyclic, busy or hardware", [] { parse_mode("hwlat"); });
}

TEST(Options, MeasureEveryOnlineCpuUnlessToldOtherwise) {
    EXPECT_THAT(validated(ten_seconds(), four_cpus).cpus, ElementsAre(0, 1, 2, 3));
    auto options = ten_seconds();
    options.cpus = {3, 1, 3};
    EXPECT_THAT(validated(options, four_cpus).cpus, ElementsAre(1, 3));
}

TEST(Options, NameTheCpusThatAreNotThere) {
    auto options = ten_seconds();
    options.cpus = {2, 4, 5, 9};
    expect_refused(Reason::CpuUnavailable, "CPU 4-5,9: not present or offline; online are 0-3",
                   [&] { validated(options, four_cpus); });
}

TEST(Options, NeedADurationWithinTheLimit) {
    auto options = ten_seconds();
    options.duration = 0s;
    expect_refused(Reason::InvalidArgument, "needs a duration", [&] { validated(options, four_cpus); });
    options.duration = 24h;
    EXPECT_NO_THROW(validated(options, four_cpus));
    options.duration = 24h + 1s;
    expect_refused(Reason::InvalidArgument, "a duration of 24h1s is above the limit of 24h",
                   [&] { validated(options, four_cpus); });
    EXPECT_NO_THROW(validated(options, four_cpus, {.max_duration = 48h}));
    options.duration = 500us;
    expect_refused(Reason::InvalidArgument, "shorter than the interval", [&] { validated(options, four_cpus); });
}

TEST(Options, RefuseAnIntervalThatStarvesTheCpuUnlessForced) {
    auto options = ten_seconds();
    options.interval = 50us;
    EXPECT_NO_THROW(validated(options, four_cpus));
    options.interval = 49us;
    expect_refused(Reason::IntervalTooShort, "below 50 µs", [&] { validated(options, four_cpus); });
    options.force = true;
    EXPECT_NO_THROW(validated(options, four_cpus));
    for (const auto interval : {0us, -1us, 1000001us}) {
        options.interval = interval;
        expect_refused(Reason::InvalidArgument, "out of range", [&] { validated(options, four_cpus); });
    }
}

TEST(Options, LeaveTheHighestPriorityToTheKernel) {
    auto options = ten_seconds();
    for (const int priority : {0, 99, -1}) {
        options.policy = Policy::Fifo;
        options.priority = priority;
        expect_refused(Reason::InvalidArgument, "give 1 to 98", [&] { validated(options, four_cpus); });
        options.policy = Policy::Other;
        EXPECT_NO_THROW(validated(options, four_cpus)) << "other has no priority";
    }
}

TEST(Options, BoundTheHistogramByColumnsAndByMemory) {
    auto options = ten_seconds();
    options.histogram_us = 1'000'000;
    EXPECT_NO_THROW(validated(options, four_cpus));
    for (const auto columns : {0u, 1'000'001u, 4'000'000'000u}) {
        options.histogram_us = columns;
        expect_refused(Reason::InvalidArgument, "give 1 to 1000000", [&] { validated(options, four_cpus); });
    }
    options.histogram_us = 1'000'000;
    Topology large;
    for (unsigned cpu = 0; cpu < 64; ++cpu)
        large.online.push_back(cpu);
    expect_refused(Reason::InvalidArgument, "on 64 CPUs needs 976 MiB", [&] { validated(options, large); });
}

TEST(Options, MayCountLoopsInsteadOfTime) {
    auto options = ten_seconds();
    options.duration = 0s;
    options.loops = 5'000;
    options.distance = 500us;
    const auto four = validated(options, four_cpus);
    EXPECT_EQ(four.interval_of(3), 2500us);
    EXPECT_EQ(four.duration, 12500ms) << "the slowest CPU has time for all of them";
    for (std::size_t place = 0; place < 4; ++place)
        EXPECT_EQ(four.deadlines_of(place), 5'000u) << place;
    options.duration = 1s;
    EXPECT_EQ(validated(options, four_cpus).deadlines_of(0), 1'000u) << "what ends first";
    options.duration = 0s;
    options.loops = 100'000'000;
    expect_refused(Reason::InvalidArgument, "above the limit of 24h", [&] { validated(options, four_cpus); });
    options.loops = UINT64_MAX;
    expect_refused(Reason::InvalidArgument, "too many", [&] { validated(options, four_cpus); });
}

TEST(Options, KeepTheLastCpusIntervalInRange) {
    auto options = ten_seconds();
    options.distance = 333'000us;
    EXPECT_NO_THROW(validated(options, four_cpus));
    options.distance = 333'001us;
    expect_refused(Reason::InvalidArgument, "the last of 4 CPUs would wake every 1000003 µs",
                   [&] { validated(options, four_cpus); });
    options.distance = -1us;
    expect_refused(Reason::InvalidArgument, "a distance of -1 µs", [&] { validated(options, four_cpus); });
}

TEST(Options, TakeAPhaseWithinTheInterval) {
    auto options = ten_seconds();
    options.phase = 999us;
    EXPECT_NO_THROW(validated(options, four_cpus));
    for (const auto phase : {-1us, 1000us}) {
        options.phase = phase;
        expect_refused(Reason::InvalidArgument, "give 0 to 999 µs", [&] { validated(options, four_cpus); });
    }
}

TEST(Options, MarkTheTraceOnlyWhereTheyBreak) {
    auto options = ten_seconds();
    options.tracemark = true;
    expect_refused(Reason::InvalidArgument, "give it with 'break'", [&] { validated(options, four_cpus); });
    options.break_us = 100;
    EXPECT_NO_THROW(validated(options, four_cpus));
}

TEST(Options, TraceOnlyWhereThereAreSpikes) {
    auto options = ten_seconds();
    options.trace = true;
    expect_refused(Reason::InvalidArgument, "say what is one with 'spike'", [&] { validated(options, four_cpus); });
    options.spike_us = 100;
    EXPECT_NO_THROW(validated(options, four_cpus));
}

TEST(Options, ChooseATracerOnlyWhereTheyTrace) {
    auto options = ten_seconds();
    options.spike_us = 100;
    options.tracer = TraceBy::Events;
    expect_refused(Reason::InvalidArgument, "says by what 'trace' is done", [&] { validated(options, four_cpus); });
    options.trace = true;
    EXPECT_NO_THROW(validated(options, four_cpus));
}

TEST(Options, KnowTheirTracersByName) {
    for (const auto tracer : {TraceBy::Auto, TraceBy::Osnoise, TraceBy::Timerlat, TraceBy::Events})
        EXPECT_EQ(parse_trace_by(name_of(tracer)), tracer);
    expect_refused(Reason::InvalidArgument, "use auto, osnoise, timerlat or events", [] { parse_trace_by("hwlat"); });
}

TEST(Options, RefuseABusyLoopThatTakesACpuFromOthers) {
    auto options = ten_seconds();
    options.mode = Mode::Busy;
    options.cpus = {2, 3};
    Topology topology = four_cpus;
    topology.isolated = {3};
    expect_refused(Reason::CpuUnavailable, "would take CPU 2 from everything else",
                   [&] { validated(options, topology); });
    topology.isolated = {2, 3};
    EXPECT_NO_THROW(validated(options, topology));
    topology.isolated = {};
    options.policy = Policy::Other;
    EXPECT_NO_THROW(validated(options, topology));
    options.policy = Policy::Fifo;
    options.force = true;
    EXPECT_NO_THROW(validated(options, topology));
    options.cpus = {};
    expect_refused(Reason::CpuUnavailable, "leave out at least one of 0-3", [&] { validated(options, topology); });
    options.cpus = {2};
    options.loops = 3;
    expect_refused(Reason::InvalidArgument, "has no deadlines", [&] { validated(options, topology); });
}

Options of_hardware() {
    auto options = ten_seconds();
    options.mode = Mode::Hardware;
    return options;
}

TEST(Options, MeasureHardwareOnAllCpusWithoutIsolationSinceEachRestsHalfOfTheTime) {
    const auto options = validated(of_hardware(), four_cpus);
    EXPECT_EQ(options.policy, Policy::Fifo);
    EXPECT_THAT(options.cpus, ElementsAre(0, 1, 2, 3));
}

TEST(Options, TakeHwlatsThresholdForHardwareUnlessTheyHaveOne) {
    EXPECT_EQ(validated(of_hardware(), four_cpus).spike_us, 10u);
    auto options = of_hardware();
    options.spike_us = 3;
    EXPECT_EQ(validated(options, four_cpus).spike_us, 3u);
    EXPECT_EQ(validated(ten_seconds(), four_cpus).spike_us, 0u) << "the other modes have none";
}

TEST(Options, BreakAtHardwareOnlyAboveWhatIsLookedAt) {
    auto options = of_hardware();
    options.break_us = 20;
    EXPECT_EQ(validated(options, four_cpus).spike_us, 10u);
    options.break_us = 5;
    EXPECT_EQ(validated(options, four_cpus).spike_us, 5u) << "a threshold that was not given follows";
    options.spike_us = 6;
    expect_refused(Reason::InvalidArgument, "nothing below 'spike', 6 µs, so it can't break at 5 µs",
                   [&] { validated(options, four_cpus); });
}

TEST(Options, RefuseForHardwareWhatItHasNot) {
    auto options = of_hardware();
    options.distance = 1us;
    expect_refused(Reason::InvalidArgument, "mode hardware has no deadlines", [&] { validated(options, four_cpus); });
    options = of_hardware();
    options.tracemark = true;
    options.break_us = 20;
    expect_refused(Reason::InvalidArgument, "'tracemark' marks the moment", [&] { validated(options, four_cpus); });
    options = of_hardware();
    options.duration = 999ms;
    expect_refused(Reason::InvalidArgument, "a duration of 999ms is too short for mode hardware",
                   [&] { validated(options, four_cpus); });
}

TEST(Options, TakeAPrintableName) {
    auto options = ten_seconds();
    options.name = "after the kernel swap";
    EXPECT_EQ(validated(options, four_cpus).name, options.name);
    for (const auto& name : {std::string(65, 'x'), std::string("a\nb"), std::string("\xff")}) {
        options.name = name;
        expect_refused(Reason::InvalidArgument, "printable ASCII", [&] { validated(options, four_cpus); });
    }
}

} // namespace
} // namespace rtnode::latency
