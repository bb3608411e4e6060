#include "latency/histogram.hpp"

#include <gtest/gtest.h>

#include <sys/wait.h>
#include <unistd.h>

#include <random>

namespace rtnode::latency {
namespace {

TEST(LogLinear, GivesEveryValueABucketThatHoldsIt) {
    std::mt19937_64 random(1);
    for (int i = 0; i < 100'000; ++i) {
        const std::int64_t value = static_cast<std::int64_t>(random() >> 1 >> random() % 63);
        const auto index = LogLinear::index_of(static_cast<std::uint64_t>(value));
        ASSERT_LT(index, LogLinear::buckets);
        ASSERT_LE(LogLinear::lower_edge(index), value);
        ASSERT_GE(LogLinear::upper_edge(index), value);
        const auto width = static_cast<double>(LogLinear::upper_edge(index) - LogLinear::lower_edge(index));
        ASSERT_LE(width, static_cast<double>(LogLinear::lower_edge(index)) / 128) << value;
    }
}

TEST(LogLinear, HasBucketsWithoutGapFromNothingToTheLargest) {
    EXPECT_EQ(LogLinear::index_of(0), 0u);
    EXPECT_EQ(LogLinear::index_of(INT64_MAX), LogLinear::buckets - 1);
    EXPECT_EQ(LogLinear::upper_edge(LogLinear::buckets - 1), INT64_MAX);
    for (std::size_t i = 0; i + 1 < LogLinear::buckets; ++i) {
        ASSERT_EQ(LogLinear::index_of(static_cast<std::uint64_t>(LogLinear::lower_edge(i))), i);
        ASSERT_EQ(LogLinear::upper_edge(i) + 1, LogLinear::lower_edge(i + 1));
    }
}

TEST(Percentiles, AreTheValuesThatTheRankDoesNotExceed) {
    Recorder recorder(400);
    for (int us = 1; us <= 100; ++us)
        recorder.record(us); // 1 … 100 ns: exact buckets
    const auto percentiles = recorder.statistics(0).percentiles_ns;
    EXPECT_EQ(percentiles[0], 50);
    EXPECT_EQ(percentiles[1], 90);
    EXPECT_EQ(percentiles[2], 99);
    EXPECT_EQ(percentiles[3], 100);
    EXPECT_EQ(percentiles[6], 100);
}

TEST(Percentiles, FindTheOneInAMillion) {
    Recorder recorder(400);
    for (int i = 0; i < 999'998; ++i)
        recorder.record(10'000);
    recorder.record(5'000'000);
    recorder.record(70'000'000);
    const auto statistics = recorder.statistics(0);
    EXPECT_NEAR(static_cast<double>(statistics.percentiles_ns[5]), 10'000, 10'000.0 / 128) << "p99.999";
    EXPECT_NEAR(static_cast<double>(statistics.percentiles_ns[6]), 5'000'000, 5'000'000.0 / 128) << "p99.9999";
    EXPECT_EQ(statistics.max_ns, 70'000'000);
}

TEST(Percentiles, NeverLieAboveTheMaximum) {
    Recorder recorder(400);
    recorder.record(1'000'003);
    EXPECT_EQ(recorder.statistics(0).percentiles_ns[0], 1'000'003);
}

TEST(Recorder, IsAllZeroBeforeTheFirstCycle) {
    const Recorder recorder(10);
    const auto statistics = recorder.statistics(1);
    EXPECT_EQ(statistics.cycles, 0u);
    EXPECT_EQ(statistics.min_ns, 0);
    EXPECT_EQ(statistics.max_ns, 0);
    EXPECT_EQ(statistics.avg_ns, 0);
    EXPECT_EQ(statistics.percentiles_ns[0], 0);
    EXPECT_EQ(recorder.histogram_us(), std::vector<std::uint64_t>(10));
}

TEST(Recorder, CutsNanosecondsToWholeMicrosecondColumns) {
    Recorder recorder(3);
    for (const auto ns : {0, 999, 1000, 1999, 2000, 2999})
        recorder.record(ns);
    EXPECT_EQ(recorder.histogram_us(), (std::vector<std::uint64_t>{2, 2, 2}));
    EXPECT_EQ(recorder.statistics(0).overflows, 0u);
    recorder.record(3000);
    EXPECT_EQ(recorder.statistics(0).overflows, 1u);
    EXPECT_EQ(recorder.overflow_cycles(), std::vector<std::uint64_t>{6});
}

TEST(Recorder, ListsAsManyOverflowsAsItHasColumnsAndCountsTheRest) {
    Recorder recorder(2);
    for (int i = 0; i < 5; ++i)
        recorder.record(1'000'000);
    EXPECT_EQ(recorder.overflow_cycles(), (std::vector<std::uint64_t>{0, 1}));
    EXPECT_EQ(recorder.statistics(0).overflows, 5u);
}

TEST(Recorder, TakesTheLargestLatencyThereIs) {
    Recorder recorder(2);
    recorder.record(INT64_MAX);
    EXPECT_EQ(recorder.statistics(0).max_ns, INT64_MAX);
    EXPECT_EQ(recorder.statistics(0).percentiles_ns[0], INT64_MAX);
}

TEST(Recorder, IsAsNewAfterClear) {
    Recorder recorder(2);
    recorder.record(500);
    recorder.record(-1);
    recorder.record(9000);
    recorder.miss(3, 5000, 1000);
    recorder.clear();
    const auto statistics = recorder.statistics(0);
    EXPECT_EQ(statistics.cycles + statistics.missed + statistics.overflows + statistics.early, 0u);
    EXPECT_TRUE(recorder.histogram_ns().empty());
    recorder.record(700);
    EXPECT_EQ(recorder.statistics(0).min_ns, 700) << "an old minimum is forgotten";
}

TEST(Arena, IsNotThereInAForkedChild) {
    // What a child shared, its parent would have to copy: a page fault in the measuring loop.
    Arena arena(4096);
    auto* value = arena.make<int>();
    *value = 7;
    const pid_t child = ::fork();
    if (child == 0) {
        // A system call on an address that isn't mapped fails; reading it would end the child by a signal.
        int pipe[2];
        if (::pipe(pipe) != 0) ::_exit(2);
        ::_exit(::write(pipe[1], value, sizeof *value) < 0 && errno == EFAULT ? 0 : 1);
    }
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_TRUE(WIFEXITED(status));
    EXPECT_EQ(WEXITSTATUS(status), 0);
    EXPECT_EQ(*value, 7);
}

TEST(Arena, RefusesMoreThanItHas) {
    Arena arena(4096);
    arena.make<std::uint64_t>(500);
    EXPECT_THROW(arena.make<std::uint64_t>(100), Error);
}

} // namespace
} // namespace rtnode::latency
