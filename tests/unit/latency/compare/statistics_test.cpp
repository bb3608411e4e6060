#include "latency/compare/statistics.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>

namespace rtnode::latency {
namespace {

/// `count` values around `middle`, each off by some `spread` of it.
std::vector<double> around(double middle, double spread, std::size_t count, std::mt19937_64& random) {
    std::normal_distribution<double> noise(1, spread);
    std::vector<double> values(count);
    for (auto& value : values)
        value = middle * noise(random);
    return values;
}

std::vector<double> shuffled(std::vector<double> values, std::mt19937_64& random) {
    std::shuffle(values.begin(), values.end(), random);
    return values;
}

TEST(Median, IsTheMiddleOne) {
    EXPECT_EQ(median({}), 0);
    EXPECT_EQ(median({7}), 7);
    EXPECT_EQ(median({9, 1, 5}), 5);
    EXPECT_EQ(median({9, 1, 5, 2}), 3.5);
    EXPECT_EQ(median({4, 4, 4, 1000}), 4);
}

TEST(MedianInterval, IsTheSameForTheSameSeedAndNearlyForAnother) {
    std::mt19937_64 random(1);
    const auto values = around(100, 0.2, 31, random);
    EXPECT_EQ(median_interval(values, 7), median_interval(values, 7));
    EXPECT_NEAR(median_interval(values, 7).low, median_interval(values, 8).low, 2);
    EXPECT_NEAR(median_interval(values, 7).high, median_interval(values, 8).high, 2);
}

TEST(MedianInterval, IsOfNothingNothingAndOfEqualsAPoint) {
    EXPECT_EQ(median_interval({}, 1), Interval{});
    EXPECT_EQ(median_interval({5, 5, 5, 5}, 1), (Interval{5, 5, 5}));
}

TEST(MedianInterval, HoldsTheTruthAboutAsOftenAsItSays) {
    std::mt19937_64 random(2);
    int holds = 0;
    for (int trial = 0; trial < 200; ++trial) {
        const auto interval = median_interval(around(100, 0.1, 40, random), 1);
        EXPECT_LT(interval.low, interval.high);
        holds += interval.low <= 100 && 100 <= interval.high ? 1 : 0;
    }
    EXPECT_GE(holds, 180);
    EXPECT_LE(holds, 199); // else it is wider than it says
}

TEST(BlockLength, IsShortForChance) {
    std::mt19937_64 random(3);
    EXPECT_EQ(block_length(around(100, 0.1, 64, random)), 4u);
    EXPECT_EQ(block_length(std::vector<double>(64, 20.0)), 4u);
}

TEST(BlockLength, IsAThirdForADrift) {
    std::vector<double> drift;
    for (int i = 0; i < 60; ++i)
        drift.push_back(100 + i);
    EXPECT_EQ(block_length(drift), 20u);
    drift[30] = 1e9; // one outlier doesn't hide it
    EXPECT_EQ(block_length(drift), 20u);
}

TEST(BlockLength, IsNeverNothing) {
    EXPECT_EQ(block_length({}), 1u);
    EXPECT_EQ(block_length({1}), 1u);
    EXPECT_EQ(block_length({1, 2, 3, 4, 5}), 1u);
}

TEST(Ratios, FindTheShiftOfEachPairAndOfAllTogether) {
    std::mt19937_64 random(4);
    Series a, b;
    for (const double shift : {1.0, 1.2, 1.2, 1.2, 2.0}) {
        a.push_back(around(20'000, 0.03, 40, random));
        b.push_back(around(20'000 * shift, 0.03, 40, random));
    }
    const auto ratios = ratios_of_medians(a, b, 1);
    EXPECT_NEAR(ratios.together.value, 1.2, 0.02);
    EXPECT_GT(ratios.together.low, 1.15);
    EXPECT_LT(ratios.together.high, 1.25);
    ASSERT_EQ(ratios.pairs.size(), 5u);
    EXPECT_NEAR(ratios.pairs[0].value, 1, 0.03);
    EXPECT_NEAR(ratios.pairs[4].value, 2, 0.06);
    for (const auto& pair : ratios.pairs)
        EXPECT_GT(pair.high - pair.low, ratios.together.high - ratios.together.low);
}

TEST(Ratios, AreTheSameForTheSameSeedAndNothingOfNothing) {
    std::mt19937_64 random(5);
    const Series a{around(20'000, 0.03, 20, random)}, b{around(20'000, 0.03, 30, random)};
    EXPECT_EQ(ratios_of_medians(a, b, 1).together, ratios_of_medians(a, b, 1).together);
    EXPECT_NE(ratios_of_medians(a, b, 1).together, ratios_of_medians(a, b, 2).together);
    EXPECT_EQ(ratios_of_medians({}, {}, 1).together, Interval{});
}

TEST(Ratios, OfDriftingRunsAreLessCertainThanOfTheSameValuesInRandomOrder) {
    std::mt19937_64 random(6);
    auto run = around(20'000, 0.005, 80, random);
    for (std::size_t i = 0; i < run.size(); ++i)
        run[i] *= 1 + 0.1 * static_cast<double>(i) / 80;
    const std::vector<double> first(run.begin(), run.begin() + 40), second(run.begin() + 40, run.end());
    const auto drifting = ratios_of_medians({first}, {second}, 1).together;
    const auto mixed = ratios_of_medians({shuffled(first, random)}, {shuffled(second, random)}, 1).together;
    EXPECT_GT(drifting.high - drifting.low, 1.5 * (mixed.high - mixed.low));
    EXPECT_NEAR(drifting.value, mixed.value, 0.02);
}

TEST(Ratios, OfSeriesThatMoveTogetherAreNoMoreCertainThanOfOne) {
    // Four CPUs that the same events move are one sample, not four.
    std::mt19937_64 random(7);
    const auto a = around(20'000, 0.05, 40, random), b = around(20'000, 0.05, 40, random);
    const auto one = ratios_of_medians({a}, {b}, 1).together;
    const auto four = ratios_of_medians({a, a, a, a}, {b, b, b, b}, 1).together;
    EXPECT_EQ(one, four);
}

} // namespace
} // namespace rtnode::latency
