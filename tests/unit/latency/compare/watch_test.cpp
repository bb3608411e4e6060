// What runs of the regression watch say together.
#include "latency/compare/watch.hpp"

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

namespace rtnode::latency {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

Comparison comparison_of(const char* verdict, bool decided = true) {
    return {
        .verdict = verdict,
        .reasons = {std::string("p99: ") + verdict},
        .figures =
            {{.name = "p99", .a_ns = 20'000, .b_ns = 40'000, .ratio = 2, .low = 1.9, .high = 2.1, .decides = decided}},
        .changes = {}};
}

class WatchTest : public ::testing::Test {
  protected:
    Turn run(const Comparison& comparison, unsigned confirmations = 2) {
        return take_in(record,
                       {.conditions = conditions,
                        .baseline = baseline,
                        .measurement = ++number,
                        .ended_us = number * 1000,
                        .comparison = comparison},
                       confirmations);
    }

    std::string conditions = "kernel a\n";
    std::uint64_t baseline = 3, number = 10;
    WatchRecord record;
    const Comparison worse = comparison_of("regression"), same = comparison_of("no-difference"),
                     better = comparison_of("improvement"), untold = comparison_of("no-difference", false),
                     incomparable{.verdict = "not-comparable", .reasons = {}, .figures = {}, .changes = {}};
};

TEST_F(WatchTest, OneSlowRunIsNoRegression) {
    EXPECT_EQ(run(worse), Turn::none);
    EXPECT_EQ(run(same), Turn::none);
    EXPECT_EQ(run(worse), Turn::none) << "not in a row";
    EXPECT_FALSE(record.regression);
    EXPECT_EQ(in_words(record), "");
}

TEST_F(WatchTest, SlowRunsInARowAreOneAndAreToldOnce) {
    run(worse);
    EXPECT_EQ(run(worse), Turn::regression);
    EXPECT_EQ(run(worse), Turn::none);
    EXPECT_TRUE(record.regression);
    EXPECT_THAT(in_words(record), AllOf(HasSubstr("worse than in measurement 3"), HasSubstr("p99: regression")));
}

TEST_F(WatchTest, ItEndsWhenAsManyRunsInARowSayOtherwise) {
    run(worse), run(worse);
    EXPECT_EQ(run(same), Turn::none);
    EXPECT_EQ(run(worse), Turn::none);
    EXPECT_EQ(run(same), Turn::none);
    EXPECT_TRUE(record.regression);
    EXPECT_EQ(run(better), Turn::recovery);
    EXPECT_FALSE(record.regression);
    EXPECT_EQ(in_words(record), "");
}

TEST_F(WatchTest, ARunThatCanNotTellNeitherCountsNorBreaksARow) {
    run(worse);
    EXPECT_EQ(run(untold), Turn::none);
    EXPECT_EQ(run(incomparable), Turn::none);
    EXPECT_EQ(run(worse), Turn::regression);
    run(incomparable), run(untold), run(untold);
    EXPECT_TRUE(record.regression);
}

TEST_F(WatchTest, ABrokenLimitTellsEvenWhereNoFigureDecides) {
    const auto broken = comparison_of("regression", false);
    run(broken);
    EXPECT_EQ(run(broken), Turn::regression);
}

TEST_F(WatchTest, WhatItSaysWhileTheRegressionLastsIsWhatBroughtIt) {
    run(worse), run(worse);
    run(same);
    EXPECT_EQ(record.comparison.verdict, "no-difference") << "of the last run";
    EXPECT_THAT(in_words(record), HasSubstr("p99: regression"));
}

TEST_F(WatchTest, ItBeginsAnewWithAnotherBaselineOrANodeThatChanged) {
    run(worse), run(worse);
    baseline = 20;
    EXPECT_EQ(run(worse), Turn::none);
    EXPECT_FALSE(record.regression);
    EXPECT_EQ(run(worse), Turn::regression);
    conditions = "kernel b\n";
    EXPECT_EQ(run(same), Turn::none);
    EXPECT_FALSE(record.regression);
}

TEST_F(WatchTest, ItTakesAsManyRunsAsConfigured) {
    EXPECT_EQ(run(worse, 1), Turn::regression);
    EXPECT_EQ(run(same, 1), Turn::recovery);
    run(worse, 3), run(worse, 3);
    EXPECT_EQ(run(worse, 3), Turn::regression);
}

TEST_F(WatchTest, ItsRecordIsReadAsItWasWritten) {
    run(worse), run(worse), run(same);
    const auto read = nlohmann::json::parse(nlohmann::json(record).dump()).get<WatchRecord>();
    EXPECT_EQ(nlohmann::json(read), nlohmann::json(record));
    EXPECT_EQ(read.contrary, 1U);
    EXPECT_EQ(in_words(read), in_words(record));
    EXPECT_THAT(read.comparison.reasons, ElementsAre("p99: no-difference"));
}

} // namespace
} // namespace rtnode::latency
