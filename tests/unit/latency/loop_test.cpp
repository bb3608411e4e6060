// The loop's arithmetic, with a clock that a script moves: what a real one does can't be predicted, so it can't tell
// whether a deadline was skipped rightly.
#include "latency/loop.hpp"

#include <gtest/gtest.h>

#include <map>

namespace rtnode::latency {
namespace {

constexpr std::int64_t us = 1000, ms = 1'000'000, s = 1'000'000'000;

/// Wakes `late` after each deadline, or as much as is set for one deadline.
struct ScriptedClock {
    std::int64_t time = 0, late = 10 * us;
    std::map<std::int64_t, std::int64_t> late_at; ///< by deadline
    std::atomic<bool>* stop = nullptr;            ///< set when time reaches stop_at
    std::int64_t stop_at = 0;
    std::uint64_t sleeps = 0, sleeps_on_the_past = 0;

    std::int64_t now() noexcept { return time; }
    void sleep_until(std::int64_t deadline) noexcept {
        ++sleeps;
        if (deadline <= time) ++sleeps_on_the_past;
        const auto found = late_at.find(deadline);
        time = deadline + (found != late_at.end() ? found->second : late);
        if (stop != nullptr && time >= stop_at) *stop = true;
    }
};

TEST(Loop, MeasuresEveryDeadlineOfACalmMachine) {
    ScriptedClock clock;
    Recorder recorder(400);
    const std::atomic<bool> stop{false};
    EXPECT_EQ(run_loop(clock, Pace(ms, ms, 1000), recorder, 0, stop), End::Duration);
    const auto statistics = recorder.statistics(3);
    EXPECT_EQ(statistics.cpu, 3u);
    EXPECT_EQ(statistics.cycles, 1000u);
    EXPECT_EQ(statistics.missed, 0u);
    EXPECT_EQ(statistics.min_ns, 10 * us);
    EXPECT_EQ(statistics.max_ns, 10 * us);
    EXPECT_DOUBLE_EQ(statistics.avg_ns, 10 * us);
    EXPECT_EQ(recorder.histogram_us()[10], 1000u);
    EXPECT_EQ(clock.sleeps, 1000u) << "one system call per cycle";
}

TEST(Loop, CountsTheDeadlinesThatAStallSwallows) {
    ScriptedClock clock;
    clock.late_at[50 * ms] = 5 * ms + 300 * us; // wakes at 55.3 ms: 51, 52, 53, 54 and 55 ms have passed
    Recorder recorder(400);
    const std::atomic<bool> stop{false};
    EXPECT_EQ(run_loop(clock, Pace(ms, ms, 100), recorder, 0, stop), End::Duration);
    EXPECT_EQ(recorder.cycles(), 95u);
    EXPECT_EQ(recorder.missed(), 5u);
    EXPECT_EQ(clock.sleeps_on_the_past, 0u);
    EXPECT_EQ(recorder.overflow_cycles(), std::vector<std::uint64_t>{49}) << "the 50th wake-up, counted from 0";
}

TEST(Loop, CountsADeadlineThatIsReachedExactlyAsMissed) {
    ScriptedClock clock;
    clock.late_at[ms] = ms;
    Recorder recorder(400);
    const std::atomic<bool> stop{false};
    run_loop(clock, Pace(ms, ms, 3), recorder, 0, stop);
    EXPECT_EQ(recorder.cycles(), 2u);
    EXPECT_EQ(recorder.missed(), 1u);
    EXPECT_EQ(clock.sleeps_on_the_past, 0u);
}

TEST(Loop, AccountsForEveryDeadlineAlsoWhenTheLastOnesAreMissed) {
    ScriptedClock clock;
    clock.late_at[98 * ms] = 70 * ms;
    Recorder recorder(400);
    const std::atomic<bool> stop{false};
    EXPECT_EQ(run_loop(clock, Pace(ms, ms, 100), recorder, 0, stop), End::Duration);
    EXPECT_EQ(recorder.cycles() + recorder.missed(), 100u);
    EXPECT_EQ(recorder.missed(), 2u) << "no deadline after the end is counted";
}

TEST(Loop, SkipsWhatPassedBeforeItBegan) {
    ScriptedClock clock;
    clock.time = 10 * ms + 1;
    Recorder recorder(400);
    const std::atomic<bool> stop{false};
    run_loop(clock, Pace(ms, ms, 20), recorder, 0, stop);
    EXPECT_EQ(recorder.missed(), 10u);
    EXPECT_EQ(recorder.cycles(), 10u);
    EXPECT_EQ(clock.sleeps_on_the_past, 0u);
}

TEST(Loop, StopsWithinOneInterval) {
    ScriptedClock clock;
    std::atomic<bool> stop{false};
    clock.stop = &stop;
    clock.stop_at = 30 * ms;
    Recorder recorder(400);
    EXPECT_EQ(run_loop(clock, Pace(ms, ms, 1'000'000), recorder, 0, stop), End::Stopped);
    EXPECT_EQ(recorder.cycles(), 30u);
}

TEST(Loop, BreaksAboveTheThresholdAndRecordsTheCulprit) {
    ScriptedClock clock;
    clock.late_at[7 * ms] = 100 * us + 999; // 100 whole microseconds: not above
    clock.late_at[9 * ms] = 101 * us;
    Recorder recorder(400);
    const std::atomic<bool> stop{false};
    EXPECT_EQ(run_loop(clock, Pace(ms, ms, 100), recorder, 100, stop), End::Break);
    EXPECT_EQ(recorder.cycles(), 9u);
    EXPECT_EQ(recorder.statistics(0).max_ns, 101 * us);
}

TEST(Loop, EndsItselfAfterThreeSecondsOfMissingMoreThanHalf) {
    ScriptedClock clock;
    clock.late = 2 * ms + 500 * us; // every wake-up swallows two more deadlines
    Recorder recorder(400);
    const std::atomic<bool> stop{false};
    EXPECT_EQ(run_loop(clock, Pace(ms, ms, 1'000'000), recorder, 0, stop), End::Overloaded);
    EXPECT_GE(clock.time, 3 * s);
    EXPECT_LT(clock.time, 3 * s + 100 * ms);
    EXPECT_EQ(recorder.missed(), 2 * recorder.cycles());
}

TEST(Loop, IsNotOverloadedByMissingHalf) {
    ScriptedClock clock;
    clock.late = ms + 500 * us; // one met, one missed
    Recorder recorder(400);
    const std::atomic<bool> stop{false};
    EXPECT_EQ(run_loop(clock, Pace(ms, ms, 10'000), recorder, 0, stop), End::Duration);
    EXPECT_EQ(recorder.cycles() + recorder.missed(), 10'000u);
    EXPECT_EQ(recorder.missed(), 5'000u);
}

TEST(Loop, SurvivesASuspendedMachine) {
    ScriptedClock clock;
    clock.late_at[5 * s] = 60 * s;
    Recorder recorder(400);
    const std::atomic<bool> stop{false};
    EXPECT_EQ(run_loop(clock, Pace(ms, ms, 100'000), recorder, 0, stop), End::Duration);
    EXPECT_EQ(recorder.missed(), 60'000u);
}

TEST(Loop, CountsAWakeUpBeforeItsDeadlineAndMeasuresItAsNothing) {
    ScriptedClock clock;
    clock.late = -5;
    Recorder recorder(400);
    const std::atomic<bool> stop{false};
    run_loop(clock, Pace(ms, ms, 10), recorder, 0, stop);
    const auto statistics = recorder.statistics(0);
    EXPECT_EQ(statistics.early, 10u);
    EXPECT_EQ(statistics.cycles, 10u);
    EXPECT_EQ(statistics.max_ns, 0);
    EXPECT_EQ(recorder.histogram_us()[0], 10u);
}

} // namespace
} // namespace rtnode::latency
