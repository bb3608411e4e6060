// What rtnodectl shows of a measurement that runs.

#include "client/latency.hpp"
#include "client/terminal.hpp"

#include <gmock/gmock.h>

using namespace rtnode::client;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::SizeIs;
using ::testing::StartsWith;

namespace {

constexpr std::uint64_t started = 1'700'000'000'000'000;

Json running() {
    return {{"Cpus", {0, 3}},          {"Cycles", {1000, 86'400'000}}, {"Last", {4000, 5000}},
            {"Minimum", {2900, 3000}}, {"Average", {4100.5, 4200}},    {"Maximum", {84'200, 99'999'900}},
            {"Missed", {0, 123'456}},  {"Started", started},           {"Duration", 600'000'000}};
}

Json many() {
    Json measurement{{"Cpus", Json::array()}, {"Maximum", Json::array()}, {"Missed", Json::array()}};
    for (int cpu = 0; cpu < 64; ++cpu) {
        measurement["Cpus"].push_back(cpu);
        measurement["Maximum"].push_back(cpu % 8 == 5 ? 100'000 + cpu : 1'000 * cpu);
        measurement["Missed"].push_back(cpu < 2 ? 3 : 0);
    }
    return measurement;
}

std::vector<std::string> cut_to(std::vector<std::string> lines, unsigned columns) {
    for (auto& line : lines)
        line = cut(line, columns - 1); // as Terminal does
    return lines;
}

} // namespace

TEST(LiveLines, AreOneACpuInEightyColumns) {
    const auto lines = live_lines(running(), 10, started);
    EXPECT_THAT(lines,
                ElementsAre("10m of 10m left", "           MAX µs  MISSED    NOW µs    AVG µs    MIN µs      CYCLES",
                            "CPU   0      84.2       0       4.0       4.1       2.9        1000",
                            "CPU   3   99999.9  123456       5.0       4.2       3.0    86400000"));
    EXPECT_EQ(cut_to(lines, 80), lines);
}

TEST(LiveLines, KeepMaximumAndMissedWhereTheTerminalIsNarrow) {
    const auto lines = cut_to(live_lines(running(), 10, started), 50);
    EXPECT_THAT(lines[1], HasSubstr("MAX µs  MISSED"));
    EXPECT_THAT(lines[3], HasSubstr("99999.9  123456"));
}

TEST(LiveLines, SayHowMuchTimeIsLeft) {
    const auto left = [](std::uint64_t now_us) { return live_lines(running(), 10, now_us)[0]; };
    EXPECT_EQ(left(started + 400'500'000), "3m20s of 10m left");
    EXPECT_EQ(left(started + 599'999'999), "1s of 10m left");
    EXPECT_EQ(left(started + 700'000'000), "0s of 10m left");
    EXPECT_EQ(left(started - 1), "10m of 10m left") << "the clock was set";
    Json endless = running();
    endless.erase("Duration");
    EXPECT_THAT(live_lines(endless, 10, started), Each(Not(HasSubstr("left"))));
}

TEST(LiveLines, AreOfTheWorstCpusWhereNotAllFitTheScreen) {
    const auto lines = live_lines(many(), 10, 0);
    ASSERT_THAT(lines, SizeIs(10));
    for (std::size_t i = 0; i < 8; ++i)
        EXPECT_THAT(lines[1 + i], StartsWith("CPU " + std::string(i < 1 ? "  " : " ") + std::to_string(8 * i + 5)));
    EXPECT_EQ(lines[9], "… and 56 more CPUs, max 63.0 µs, 6 missed");
}

TEST(LiveLines, OfAnyNumberAreNotMoreThanFit) {
    for (std::size_t limit = 1; limit < 70; ++limit)
        EXPECT_LE(live_lines(many(), limit, 0).size(), limit);
    EXPECT_THAT(live_lines(many(), 1, 0), ElementsAre(StartsWith("CPU  61")));
    EXPECT_THAT(live_lines(many(), 65, 0), SizeIs(65)) << "all, and the heading";
}
