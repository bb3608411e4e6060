// The loop's arithmetic, with a clock that a script moves: what a real one does can't be predicted, so it can't tell
// whether a deadline was skipped rightly.
#include "latency/loop.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <map>
#include <vector>

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

    double share = 0.1; ///< of the CPU that the loop uses

    std::int64_t now() noexcept { return time; }
    std::int64_t cpu_time() noexcept { return static_cast<std::int64_t>(static_cast<double>(time) * share); }
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

TEST(Loop, CountsEveryDeadlineOfAStallWithItsOwnLateness) {
    // Woken at 55.3 ms for the deadline at 50 ms: those at 51 … 55 ms are late by 4.3, 3.3, 2.3, 1.3 and 0.3 ms.
    ScriptedClock clock;
    clock.late_at[50 * ms] = 5 * ms + 300 * us;
    Recorder recorder(400);
    const std::atomic<bool> stop{false};
    run_loop(clock, Pace(ms, ms, 100), recorder, 0, stop);
    std::vector<std::int64_t> late;
    for (const auto& [edge, count] : recorder.corrected_ns())
        late.insert(late.end(), count, edge);
    ASSERT_EQ(late.size(), 100u) << "cycles and missed deadlines";
    std::sort(late.begin(), late.end());
    const std::int64_t expected[] = {300 * us, 1300 * us, 2300 * us, 3300 * us, 4300 * us, 5300 * us};
    for (std::size_t i = 0; i < 6; ++i)
        EXPECT_NEAR(static_cast<double>(late[94 + i]), static_cast<double>(expected[i]), expected[i] / 128.0);
    EXPECT_EQ(recorder.histogram_ns().size(), 2u) << "the cycles alone: 10 µs and the one wake-up after the stall";
}

TEST(Loop, SaysWhatAStallDoesToATaskWhereCyclictestDoesNot) {
    // 5 ms out of every 100 ms are taken, at 200 µs. One wake-up in 476 is late; one deadline in 20 is.
    ScriptedClock clock;
    clock.late = 20 * us;
    for (std::int64_t at = 50 * ms; at < 60 * s; at += 100 * ms)
        clock.late_at[at] = 5 * ms - 10 * us;
    Recorder recorder(10'000);
    const std::atomic<bool> stop{false};
    run_loop(clock, Pace(200 * us, 200 * us, 300'000), recorder, 0, stop);
    const auto statistics = recorder.statistics(0);
    EXPECT_EQ(statistics.cycles + statistics.missed, 300'000u);
    EXPECT_NEAR(static_cast<double>(statistics.percentiles_ns[2]), 20e3, 0.2e3) << "p99 as cyclictest would have it";
    EXPECT_NEAR(static_cast<double>(statistics.corrected_percentiles_ns[2]), 4e6, 0.4e6);
    EXPECT_EQ(statistics.corrected_percentiles_ns[0], statistics.percentiles_ns[0]) << "the median is the same";
    EXPECT_EQ(statistics.max_ns, 5 * ms - 10 * us);
}

TEST(Loop, KeepsTheNewestSpikesAndTheWorstAndCountsAll) {
    ScriptedClock clock;
    for (std::int64_t i = 1; i <= 300; ++i)
        clock.late_at[2 * i * ms] = 101 * us + i;
    clock.late_at[20 * ms] = 600 * us;
    Recorder recorder(400, 101);
    const std::atomic<bool> stop{false};
    run_loop(clock, Pace(ms, ms, 1000), recorder, 0, stop);
    EXPECT_EQ(recorder.statistics(0).spikes, 300u);
    const auto [end, spikes] = recorder.spikes(7);
    EXPECT_EQ(end, 300u);
    ASSERT_EQ(spikes.size(), max_spikes + 1);
    EXPECT_EQ(spikes[0].late_ns, 600 * us) << "the worst, which is older than the newest 256";
    EXPECT_EQ(spikes[0].cycle, 19u);
    EXPECT_EQ(spikes[1].cpu, 7u);
    EXPECT_EQ(spikes[1].cycle, 89u) << "the wake-up for 90 ms, counted from 0";
    EXPECT_EQ(spikes[1].late_ns, 101 * us + 45);
    EXPECT_EQ(spikes[1].monotonic_ns, 90 * ms + 101 * us + 45) << "when it woke";
    EXPECT_EQ(recorder.spikes(7, 250).kept.size(), 50u);
    EXPECT_EQ(recorder.spikes(7, 9).kept.front().late_ns, 600 * us);
    EXPECT_EQ(recorder.spikes(7, 10).kept.front().late_ns, 101 * us + 45) << "the worst was told of before";
    EXPECT_TRUE(recorder.spikes(7, 300).kept.empty());
}

TEST(Loop, DoesNotCallALatencyAtTheThresholdASpike) {
    ScriptedClock clock;
    clock.late = 100 * us;
    Recorder recorder(400, 100);
    const std::atomic<bool> stop{false};
    run_loop(clock, Pace(ms, ms, 10), recorder, 0, stop);
    EXPECT_EQ(recorder.statistics(0).spikes, 0u);
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

TEST(Loop, EndsItselfAfterThreeSecondsOfEatingItsCpu) {
    ScriptedClock clock;
    clock.share = 0.91; // and misses nothing
    Recorder recorder(400);
    const std::atomic<bool> stop{false};
    EXPECT_EQ(run_loop(clock, Pace(ms, ms, 1'000'000), recorder, 0, stop), End::Overloaded);
    EXPECT_GE(clock.time, 3 * s);
    EXPECT_LT(clock.time, 3 * s + 100 * ms);
    EXPECT_EQ(recorder.missed(), 0u);
    clock = ScriptedClock();
    clock.share = 0.89;
    EXPECT_EQ(run_loop(clock, Pace(ms, ms, 10'000), recorder, 0, stop), End::Duration);
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
    std::uint64_t counted = 0;
    for (const auto& [edge, count] : recorder.corrected_ns())
        counted += count;
    EXPECT_EQ(counted, 100'000u);
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

/// Each reading is 25 ns after the last, but for one gap.
struct TickingClock {
    std::int64_t time = 0, gap_at = -1, gap = 0;

    std::int64_t now() noexcept {
        time += 25;
        if (gap_at >= 0 && time >= gap_at) {
            time += gap;
            gap_at = -1;
        }
        return time;
    }
};

TEST(BusyLoop, SeesWhatTakesTheCpuAway) {
    TickingClock clock{.gap_at = 300 * us, .gap = 12 * us};
    Recorder recorder(400, 10);
    const std::atomic<bool> stop{false};
    EXPECT_EQ(run_busy_loop(clock, ms, recorder, 0, stop), End::Duration);
    const auto statistics = recorder.statistics(0);
    EXPECT_EQ(statistics.max_ns, 12 * us + 25);
    EXPECT_EQ(statistics.min_ns, 25);
    EXPECT_EQ(statistics.spikes, 1u);
    EXPECT_EQ(recorder.histogram_us()[12], 1u);
    EXPECT_EQ(statistics.cycles, recorder.histogram_us()[0] + 1);
}

TEST(BusyLoop, BreaksAndStops) {
    TickingClock clock{.gap_at = 300 * us, .gap = 12 * us};
    Recorder recorder(400);
    std::atomic<bool> stop{false};
    EXPECT_EQ(run_busy_loop(clock, ms, recorder, 11, stop), End::Break);
    EXPECT_LT(clock.time, 320 * us);
    stop = true;
    EXPECT_EQ(run_busy_loop(clock, ms, recorder, 0, stop), End::Stopped);
}

TEST(GapQueue, GivesWhatWasPutInOrderAndOnce) {
    GapQueue queue;
    EXPECT_FALSE(queue.take());
    queue.put({.ended_ns = 1, .length_ns = 2, .cycle = 3});
    queue.put({.ended_ns = 4});
    const auto first = queue.take();
    ASSERT_TRUE(first);
    EXPECT_EQ(first->ended_ns, 1);
    EXPECT_EQ(first->length_ns, 2);
    EXPECT_EQ(first->cycle, 3u);
    EXPECT_EQ(queue.take()->ended_ns, 4);
    EXPECT_FALSE(queue.take());
}

TEST(GapQueue, CountsWhatFindsNoRoomAndGoesOnAfterwards) {
    GapQueue queue;
    for (std::uint64_t i = 0; i < GapQueue::capacity + 3; ++i)
        queue.put({.cycle = i});
    EXPECT_EQ(queue.lost(), 3u);
    EXPECT_EQ(queue.take()->cycle, 0u) << "the oldest stay";
    queue.put({.cycle = 9999});
    EXPECT_EQ(queue.lost(), 3u);
    for (std::uint64_t i = 1; i < GapQueue::capacity; ++i)
        EXPECT_EQ(queue.take()->cycle, i);
    EXPECT_EQ(queue.take()->cycle, 9999u);
}

/// As TickingClock, with gaps that are set, and sleeps that are noted.
struct WindowClock {
    std::int64_t time = 0, step = 1 * us;
    std::map<std::int64_t, std::int64_t> gaps; ///< by the time at which they begin; in a sleep nobody sees them
    std::vector<std::int64_t> sleeps{};        ///< deadlines
    std::int64_t read = 0;                     ///< between the sleeps, together
    std::function<void()> at_sleep = [] {};

    std::int64_t now() {
        const auto before = time;
        time += step;
        if (const auto gap = gaps.begin(); gap != gaps.end() && time >= gap->first) {
            time += gap->second;
            gaps.erase(gap);
        }
        read += time - before;
        return time;
    }
    void sleep_until(std::int64_t deadline) {
        at_sleep();
        sleeps.push_back(deadline);
        gaps.erase(gaps.begin(), gaps.lower_bound(deadline));
        time = deadline;
    }
};

class HardwareLoopTest : public ::testing::Test {
  protected:
    End run(std::int64_t end_ns) { return run_hardware_loop(clock, ms, end_ns, 10 * us, recorder, gaps, stop); }

    WindowClock clock;
    Recorder recorder{400, 10};
    Gaps gaps;
    std::atomic<bool> stop{false};
};

TEST_F(HardwareLoopTest, LeavesItsCpuToOthersForHalfOfTheTime) {
    constexpr auto ten_windows = 10 * hardware_window_ns;
    EXPECT_EQ(run(ms + ten_windows), End::Duration);
    ASSERT_EQ(clock.sleeps.size(), 10u) << "one system call a window";
    for (std::size_t i = 0; i < 10; ++i)
        EXPECT_EQ(clock.sleeps[i], ms + static_cast<std::int64_t>(i) * hardware_window_ns);
    EXPECT_NEAR(static_cast<double>(clock.read), ten_windows / 2.0, ten_windows / 1000.0);
    EXPECT_LE(hardware_width_ns, 500 * ms) << "and for no longer than hwlat does at a time";
}

TEST_F(HardwareLoopTest, FallsIntoEveryPartOfASecondWithinAMinute) {
    // Of an interrupt that comes once a second, about half are seen, wherever in the second it comes: ten such.
    clock.step = 5 * us;
    for (std::int64_t i = 0; i < 600; ++i)
        clock.gaps[ms + 50 * us + i * s / 10] = 50 * us;
    run(ms + 60 * s);
    std::map<std::int64_t, int> seen;
    while (const auto gap = gaps.suspects.take())
        ++seen[gap->ended_ns % s / (s / 10)];
    ASSERT_EQ(seen.size(), 10u);
    for (const auto& [part, count] : seen) {
        EXPECT_GE(count, 27) << part;
        EXPECT_LE(count, 33) << part;
    }
}

TEST_F(HardwareLoopTest, HandsOverGapsAboveTheThresholdAndRecordsTheRest) {
    clock.gaps = {{2 * ms, 9 * us}, {3 * ms, 50 * us}, {ms + hardware_window_ns + ms, 300 * us}};
    EXPECT_EQ(run(ms + 2 * hardware_window_ns), End::Duration);
    const auto statistics = recorder.statistics(0);
    EXPECT_EQ(statistics.max_ns, 10 * us) << "at the threshold: not above";
    EXPECT_EQ(statistics.spikes, 0u);
    const auto first = gaps.suspects.take(), second = gaps.suspects.take();
    ASSERT_TRUE(first && second);
    EXPECT_FALSE(gaps.suspects.take());
    EXPECT_EQ(first->length_ns, 51 * us);
    EXPECT_EQ(first->ended_ns, 3 * ms + 50 * us);
    EXPECT_GT(first->cycle, 1900u);
    EXPECT_LT(first->cycle, 2000u) << "readings of a microsecond each, less one gap";
    EXPECT_EQ(second->length_ns, 301 * us);
}

TEST_F(HardwareLoopTest, RecordsWhatWasJudgedWhenTheNextWindowBegins) {
    clock.at_sleep = [&] {
        if (clock.sleeps.size() == 1) gaps.judged.put({.ended_ns = 5 * ms, .length_ns = 40 * us, .cycle = 7});
    };
    run(ms + 2 * hardware_window_ns);
    const auto statistics = recorder.statistics(0);
    EXPECT_EQ(statistics.spikes, 1u);
    EXPECT_EQ(statistics.max_ns, 40 * us);
    EXPECT_EQ(recorder.spikes(0).kept.at(0).monotonic_ns, 5 * ms);
}

TEST_F(HardwareLoopTest, StopsWhileItLooksAndAfterAPause) {
    stop = true;
    EXPECT_EQ(run(s), End::Stopped);
    EXPECT_EQ(clock.sleeps.size(), 1u);
    EXPECT_EQ(recorder.cycles(), 0u);
}

TEST_F(HardwareLoopTest, EndsWithinAWindowToo) {
    EXPECT_EQ(run(100 * ms), End::Duration);
    EXPECT_GE(clock.time, 100 * ms);
    EXPECT_LE(clock.time, 100 * ms + 2 * us);
}

TEST_F(HardwareLoopTest, SurvivesASuspendedMachineWithoutSleepingOnThePast) {
    clock.gaps = {{2 * ms, 60 * s}};
    EXPECT_EQ(run(ms + 61 * s), End::Duration);
    EXPECT_EQ(gaps.suspects.take()->length_ns, 60 * s + us);
    EXPECT_FALSE(gaps.suspects.take());
    for (std::size_t i = 1; i < clock.sleeps.size(); ++i)
        EXPECT_GT(clock.sleeps[i], 60 * s);
}

} // namespace
} // namespace rtnode::latency
