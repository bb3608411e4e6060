// What rtnodectl draws of a measurement.

#include "client/latency.hpp"

#include <gmock/gmock.h>

using namespace rtnode::client;
using ::testing::AllOf;
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

TEST(Histogram, HasNumbersAloneWhereThereIsNoTerminal) {
    const auto lines = histogram_lines(parse_cyclictest(report), 0);
    EXPECT_EQ(lines[0], "Wake-ups by latency, all CPUs:");
    EXPECT_THAT(lines[2], EndsWith(" 2 µs 1000"));
    EXPECT_THAT(lines[4], EndsWith("beyond the last column    5"));
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
    EXPECT_THAT(histogram_lines({}, 80, {.mode = "busy"}), ElementsAre("No gap was counted"));
}

TEST(Histogram, IsOfGapsWhereTheRunNeverSleeps) {
    for (const std::string mode : {"busy", "hardware"})
        EXPECT_EQ(histogram_lines(parse_cyclictest(report), 0, {.mode = mode})[0], "Gaps by length, all CPUs:");
    for (const std::string mode : {"cyclic", ""}) // an older daemon doesn't tell
        EXPECT_EQ(histogram_lines(parse_cyclictest(report), 0, {.mode = mode})[0], "Wake-ups by latency, all CPUs:");
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

TEST(Verdict, IsNoneWhereTheNumbersCannotBeTrusted) {
    Json aborted = good();
    aborted["End"] = "stopped";
    aborted["Invalid"] = {"3 s into the run kubelet gave a measured CPU away; the run ended there"};
    EXPECT_EQ(verdict(aborted, 100),
              "Verdict: none; at worst 86.4 µs late, on CPU 3; stopped before its time; DON'T TRUST IT: 3 s into the "
              "run kubelet gave a measured CPU away; the run ended there");
    EXPECT_THAT(verdict(aborted), StartsWith("Verdict: none; at worst"));
    EXPECT_FALSE(passed(aborted));
    aborted["End"] = "duration";
    EXPECT_FALSE(passed(aborted)) << "in whatever way it ended";
}

TEST(Verdict, StaysAFailureWhereTheNumbersCannotBeTrustedEither) {
    Json broken = good();
    broken["End"] = "break";
    broken["Invalid"] = {"3 page faults"};
    EXPECT_THAT(verdict(broken, 80), AllOf(StartsWith("Verdict: FAILED"), EndsWith("DON'T TRUST IT: 3 page faults")));
}

TEST(Verdict, OfARunThatWasStoppedHoldsOnlySoFar) {
    Json stopped = good();
    stopped["End"] = "stopped";
    EXPECT_EQ(verdict(stopped, 100),
              "Verdict: nothing above 100 µs so far; at worst 86.4 µs late, on CPU 3; stopped before its time; no "
              "deadline missed, no page fault in the loop");
    EXPECT_TRUE(passed(stopped));
}

TEST(Verdict, OfAnOverloadedRunSaysWhatToDo) {
    const Json run{{"State", "failed"}, {"End", "overloaded"}};
    EXPECT_THAT(verdict(run), HasSubstr("longer --interval"));
    EXPECT_FALSE(passed(run));
}

TEST(MeasurementList, IsATable) {
    const Json row{{"path", "/org/rtnode1/measurement/12"},     {"name", "night"},         {"state", "done"},
                   {"Started", 1'700'000'000'000'000},          {"Duration", 600'000'000}, {"Cpus", {1, 2, 3, 5}},
                   {"Maximum", {12'300, 99'100, 8'000, 15'000}}};
    EXPECT_EQ(format_measurement_list(Json::array({row})),
              "MEASUREMENT  STATE    STARTED                    FOR  CPUS             MAX  NAME\n"
              "         12  done     2023-11-14T22:13:20Z       10m  1-3,5        99.1 µs  night\n");
    EXPECT_EQ(format_measurement_list(Json::array()), "No measurements\n");
}

TEST(MeasurementList, GoesOnBehindOneThatCannotBeRead) {
    const Json rows = {{{"path", "/org/rtnode1/measurement/1"}, {"name", "night"}, {"state", "done"}},
                       {{"path", "/org/rtnode1/measurement/2"}, {"name", "gone"}, {"state", "done"}},
                       {{"path", "/org/rtnode1/measurement/3"}, {"name", "day"}, {"state", "done"}}};
    const auto read = with_properties(rows, [](const std::string& path) -> Json {
        if (path.ends_with("/1"))
            throw ClientError(Exit::failed, "org.rtnode1.Error.NoSuchMeasurement", "the result in 1.json is damaged");
        if (path.ends_with("/2")) // only so many are kept
            throw ClientError(Exit::failed, "org.freedesktop.DBus.Error.UnknownObject", "");
        return {{"Duration", 1'000'000}, {"Cpus", {1}}, {"Maximum", {12'300}}};
    });
    EXPECT_EQ(format_measurement_list(read),
              "MEASUREMENT  STATE    STARTED                    FOR  CPUS             MAX  NAME\n"
              "          1  done     -                            -  -                  -  night; can't be read: the "
              "result in 1.json is damaged\n"
              "          3  done     -                           1s  1            12.3 µs  day\n");
    EXPECT_EQ(read[0]["error"]["name"], "org.rtnode1.Error.NoSuchMeasurement") << "for --json";

    const Json unnamed{{"name", "it is damaged"}, {"error", {{"message", "it is damaged"}}}};
    EXPECT_THAT(format_measurement_list(Json::array({unnamed})), EndsWith("-  can't be read: it is damaged\n"));
}

TEST(MeasurementList, EndsWhereTheDaemonWentAway) {
    EXPECT_THROW(with_properties({{{"path", "/org/rtnode1/measurement/1"}}},
                                 [](const std::string&) -> Json { throw ClientError(Exit::unreachable, "", "gone"); }),
                 ClientError);
}

TEST(Histogram, CountsInNanosecondsWhereTheRunDid) {
    EXPECT_THAT(histogram_lines(parse_cyclictest(report), 60, {.unit = "ns"})[1], HasSubstr(" 1 ns    3 █"));
}

TEST(Remarks, ShowTheWorstSpikesWithWhatWasSeenAndWhatIsBadAboutTheMachine) {
    Json spikes = Json::array();
    for (int i = 1; i <= 12; ++i)
        spikes.push_back({{"cpu", 3},
                          {"late_ns", i * 100'000},
                          {"realtime_ns", 1'795'472'790'123'000'000},
                          {"hints", i == 12 ? Json::array({"thread hog:7 (nice 0) for 1190 µs of 1200 µs", "1 SMI"})
                                            : Json::array()}});
    const auto lines =
        remark_lines({{"spikes", spikes},
                      {"sysinfo",
                       {{"findings",
                         {{{"check", "clocksource"}, {"state", "good"}, {"actual", "tsc"}, {"remedy", ""}},
                          {{"check", "smt-siblings"},
                           {"state", "bad"},
                           {"actual", "1 shares a core with 5"},
                           {"remedy", "nosmt"}}}}}}});
    ASSERT_THAT(lines, SizeIs(12));
    EXPECT_EQ(lines[0], "Spikes, the worst first (10 of 12):");
    EXPECT_THAT(lines[1], HasSubstr(".123  CPU   3    1200.0 µs  thread hog:7 (nice 0) for 1190 µs of 1200 µs; 1 SMI"));
    EXPECT_THAT(lines[2], HasSubstr("1100.0 µs  nothing else was seen"));
    EXPECT_EQ(lines[11], "Doubtful: smt-siblings: 1 shares a core with 5; nosmt");
}

TEST(Remarks, CountAllSpikesAndNotOnlyThoseThatWereKept) {
    Json spikes = Json::array();
    for (int i = 1; i <= 12; ++i)
        spikes.push_back({{"cpu", 3}, {"late_ns", i * 100'000}});
    EXPECT_EQ(remark_lines({{"spikes", spikes}, {"thread", {{"0", {{"spikes", 40'000}}}, {"1", {{"spikes", 12}}}}}})[0],
              "Spikes, the worst first (10 of 40012):");
    EXPECT_EQ(remark_lines({{"spikes", {spikes[0], spikes[1]}}, {"thread", {{"0", {{"spikes", 2}}}}}})[0],
              "Spikes, the worst first:");
}

TEST(Remarks, EndWithWhatTheDaemonNoted) {
    EXPECT_THAT(remark_lines({{"notes", {"SMIs can't be counted", "CPU 3: 12 ms stolen\033[2J"}},
                              {"sysinfo", {{"findings", {{{"check", "smt-siblings"}, {"state", "bad"}}}}}}}),
                ElementsAre(StartsWith("Doubtful: smt-siblings"), "Note: SMIs can't be counted",
                            "Note: CPU 3: 12 ms stolen?[2J"));
}

TEST(Remarks, OfAnOlderDaemonsReportAreNone) {
    EXPECT_TRUE(remark_lines(Json::object()).empty());
}

TEST(Remarks, BeginWithTheLoadThatRanBeside) {
    EXPECT_THAT(
        remark_lines(
            {{"load", "25 × stress-ng --cpu on CPUs 4-31"},
             {"sysinfo", {{"findings", Json::array({Json::object({{"check", "smt-siblings"}, {"state", "bad"}})})}}}}),
        ElementsAre("Load: 25 × stress-ng --cpu on CPUs 4-31", StartsWith("Doubtful: smt-siblings")));
    EXPECT_THAT(remark_lines({{"load", ""}}), SizeIs(0));
    EXPECT_THAT(remark_lines({{"load", "a\033[2J"}}), ElementsAre("Load: a?[2J"));
}

TEST(Comparison, SaysTheVerdictFirstAndWhatItRestsOn) {
    const auto text = format_comparison({{"verdict", "regression"},
                                         {"a", "/org/rtnode1/measurement/3"},
                                         {"b", "/org/rtnode1/measurement/7"},
                                         {"reasons", {"p50 is 12 % above"}},
                                         {"changes", {"kernel 6.1 → 6.2"}},
                                         {"figures",
                                          {{{"name", "p50"},
                                            {"a-ns", 10'000.0},
                                            {"b-ns", 11'200.0},
                                            {"ratio", 1.12},
                                            {"low", 1.1},
                                            {"high", 1.14},
                                            {"decides", true}},
                                           {{"name", "max"}, {"a-ns", 9e6}, {"b-ns", 8e6}, {"ratio", 0.0}}}}});
    EXPECT_THAT(text, StartsWith("Measurement 7 against 3: regression\n  p50 is 12 % above\n"));
    EXPECT_THAT(text, HasSubstr("1.120  1.100 to 1.140\n"));
    EXPECT_THAT(text, HasSubstr("8000.0 µs       -  -  (shown only)\n"));
    EXPECT_THAT(text, EndsWith("What is different about the machine:\n  kernel 6.1 → 6.2\n"));
}
