// What rtnodectl draws of a measurement.

#include "client/latency.hpp"

#include <gmock/gmock.h>

using namespace rtnode::client;
using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Pair;
using ::testing::SizeIs;
using ::testing::StartsWith;

namespace {

constexpr const char* report = "# /dev/cpu_dma_latency set to 0us\n"
                               "# Histogram\n"
                               "000000 000000\t000000\n"
                               "000001 000000\t000003\n"
                               "000002 000100\t000900\n"
                               "000003 000010\t000000\n"
                               "# Total: 000000110 000000903\n"
                               "# Min Latencies: 00002 00001\n"
                               "# Avg Latencies: 00002 00001\n"
                               "# Max Latencies: 00084 00002\n"
                               "# Histogram Overflows: 00005 00000\n"
                               "# Histogram Overflow at cycle number:\n"
                               "# Thread 0: 00007 00008 00009 00010 00011\n"
                               "# Thread 1:\n"
                               "\n";

Json good() {
    return {{"State", "done"},
            {"End", "duration"},
            {"Cpus", Json::array({0, 3})},
            {"Maximum", Json::array({84'200, 86'400})},
            {"Missed", Json::array({0, 0})},
            {"Faults", Json::array({0, 0})}};
}

} // namespace

TEST(CyclictestReport, KeepsTheThreeLinesThatScriptsGrep) {
    EXPECT_THAT(
        parse_cyclictest(report).latencies,
        ElementsAre("# Min Latencies: 00002 00001", "# Avg Latencies: 00002 00001", "# Max Latencies: 00084 00002"));
}

TEST(CyclictestReport, SumsTheHistogramOverAllCpus) {
    const auto parsed = parse_cyclictest(report);
    EXPECT_THAT(parsed.buckets, ElementsAre(Pair(1, 3), Pair(2, 1000), Pair(3, 10)));
    EXPECT_EQ(parsed.overflows, 5u);
}

TEST(Histogram, DrawsOneRowAColumnWhenTheyAreFew) {
    const auto lines = histogram_lines(parse_cyclictest(report), 60);
    ASSERT_THAT(lines, SizeIs(5));
    EXPECT_THAT(lines[1], HasSubstr(" 1 µs    3 █"));
    EXPECT_THAT(lines[2], HasSubstr(" 2 µs 1000 █"));
    EXPECT_THAT(lines[4], HasSubstr("beyond the last column    5 █"));
    EXPECT_GT(lines[2].size(), lines[1].size());
}

TEST(Histogram, DrawsEvenOneWakeUpOfTheTail) {
    CyclictestReport parsed;
    parsed.buckets = {{3, 10'000'000}, {4, 1}};
    EXPECT_THAT(histogram_lines(parsed, 60)[2], EndsWith("█"));
}

TEST(Histogram, JoinsColumnsSoThatItFitsAScreen) {
    CyclictestReport parsed;
    for (std::uint64_t us = 3; us < 400; ++us)
        parsed.buckets[us] = us;
    const auto lines = histogram_lines(parsed, 80);
    EXPECT_LE(lines.size(), 26u);
    EXPECT_THAT(lines[1], HasSubstr("0-19 µs"));

    parsed.buckets = {{0, 1}, {999'999, 1}};
    EXPECT_LE(histogram_lines(parsed, 80).size(), 26u);
}

TEST(Histogram, SaysWhenThereIsNothingToDraw) {
    EXPECT_THAT(histogram_lines({}, 80), ElementsAre("No wake-up was counted"));
}

TEST(Verdict, NamesTheWorstLatencyAndItsCpu) {
    EXPECT_EQ(verdict(good()),
              "Verdict: at worst 86.4 µs late, on CPU 3; no deadline missed, no page fault in the loop");
    EXPECT_TRUE(passed(good()));
}

TEST(Verdict, SaysWhetherTheLimitHeld) {
    EXPECT_THAT(verdict(good(), 100), StartsWith("Verdict: passed, nothing above 100 µs; at worst 86.4 µs"));
    Json broken = good();
    broken["End"] = "break";
    EXPECT_THAT(verdict(broken, 80), StartsWith("Verdict: FAILED, a latency above the limit of 80 µs; at worst"));
    EXPECT_FALSE(passed(broken));
}

TEST(Verdict, SaysWhyNotToTrustTheNumbers) {
    Json doubtful = good();
    doubtful["Invalid"] = {"the clock source is hpet", "3 page faults"};
    EXPECT_THAT(verdict(doubtful), EndsWith("DON'T TRUST IT: the clock source is hpet; 3 page faults"));
}

TEST(Verdict, OfAnOverloadedRunSaysWhatToDo) {
    const Json run{{"State", "failed"}, {"End", "overloaded"}};
    EXPECT_THAT(verdict(run), HasSubstr("longer --interval"));
    EXPECT_FALSE(passed(run));
}

TEST(LiveLines, AreOneACpuInEightyColumns) {
    Json running = good();
    running["Cycles"] = Json::array({1000, 1001});
    running["Last"] = Json::array({4000, 5000});
    running["Minimum"] = Json::array({2900, 3000});
    running["Average"] = Json::array({4100.5, 4200});
    const auto lines = live_lines(running, 10);
    ASSERT_THAT(lines, SizeIs(2));
    EXPECT_EQ(lines[0], "CPU   0  cycles      1000  now     4.0  min    2.9  avg    4.1  max    84.2 µs");
    EXPECT_THAT(lines[1], StartsWith("CPU   3  "));
}

TEST(LiveLines, FitTheScreen) {
    Json running{{"Cpus", Json::array()}};
    for (int cpu = 0; cpu < 64; ++cpu)
        running["Cpus"].push_back(cpu);
    const auto lines = live_lines(running, 10);
    ASSERT_THAT(lines, SizeIs(10));
    EXPECT_EQ(lines.back(), "… and 55 more CPUs");
}

TEST(MeasurementList, IsATable) {
    const Json row{{"path", "/org/rtnode1/measurement/12"}, {"name", "night"}, {"state", "done"}};
    EXPECT_EQ(format_measurement_list(Json::array({row})), "MEASUREMENT  STATE    NAME\n"
                                                           "         12  done     night\n");
    EXPECT_EQ(format_measurement_list(Json::array()), "No measurements\n");
}
