#include "../support.hpp"
#include "latency/report/report.hpp"
#include "state/error.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <sstream>

namespace rtnode::latency {
namespace {

using ::testing::AllOf;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::MatchesRegex;
using ::testing::Not;
using ::testing::StartsWith;

std::vector<std::string> lines_of(const std::string& text) {
    std::vector<std::string> lines;
    std::istringstream stream(text);
    for (std::string line; std::getline(stream, line);)
        lines.push_back(line);
    return lines;
}

TEST(Report, KnowsItsFormats) {
    const auto result = result_of({{20'000}}, 30);
    for (const auto& format : report_formats())
        EXPECT_FALSE(report(result, format).empty()) << format;
    EXPECT_EQ(report(result, "cyclictest-2.4"), report_cyclictest_2_4(result));
    try {
        report(result, "xml");
        ADD_FAILURE() << "made a report in an unknown format";
    } catch (const Error& e) {
        EXPECT_EQ(e.reason(), Reason::InvalidArgument);
        EXPECT_THAT(e.what(), HasSubstr("known are cyclictest-2.4, cyclictest-2.10, json, hist, html, prometheus"));
    }
}

TEST(Cyclictest, IsWrittenAsAnOldRunPrintedIt) {
    // cyclictest 2.4: -l 500 -q -h 5 -m -S -p 90 -i 200
    auto result = result_of({{12'000}, {14'000}}, 5);
    for (auto& cpu : result.cpus) {
        cpu.statistics.cycles = cpu.statistics.overflows = 500;
        cpu.overflow_cycles = {0, 1, 2, 3, 4};
    }
    result.cpus[0].statistics.avg_ns = 20'700; // printed as 20: cut, not rounded
    result.cpus[0].statistics.max_ns = 31'999;
    result.cpus[1].statistics.avg_ns = 16'000;
    result.cpus[1].statistics.max_ns = 53'000;
    result.dma_latency_held = true;
    EXPECT_EQ(report_cyclictest_2_4(result), "# /dev/cpu_dma_latency set to 0us\n"
                                             "# Histogram\n"
                                             "000000 000000\t000000\n"
                                             "000001 000000\t000000\n"
                                             "000002 000000\t000000\n"
                                             "000003 000000\t000000\n"
                                             "000004 000000\t000000\n"
                                             "# Total: 000000000 000000000\n"
                                             "# Min Latencies: 00012 00014\n"
                                             "# Avg Latencies: 00020 00016\n"
                                             "# Max Latencies: 00031 00053\n"
                                             "# Histogram Overflows: 00500 00500\n"
                                             "# Histogram Overflow at cycle number:\n"
                                             "# Thread 0: 00000 00001 00002 00003 00004 # 00495 others\n"
                                             "# Thread 1: 00000 00001 00002 00003 00004 # 00495 others\n"
                                             "\n");
}

TEST(Cyclictest, OfNewerVersionsLeavesOutEmptyRowsAndTheTotal) {
    // cyclictest 2.10: -h 16 -a0,1
    auto result = result_of({{12'000, 14'000, 14'500, 20'000}, {14'000}}, 16);
    EXPECT_EQ(report_cyclictest_2_10(result), "# Histogram\n"
                                              "000012 000001\t000000\n"
                                              "000014 000002\t000001\n"
                                              "# Min Latencies: 00012 00014\n"
                                              "# Avg Latencies: 00015 00014\n"
                                              "# Max Latencies: 00020 00014\n"
                                              "# Histogram Overflows: 00001 00000\n"
                                              "# Histogram Overflow at cycle number:\n"
                                              "# Thread 0: 00003\n"
                                              "# Thread 1: \n"
                                              "\n");
}

TEST(Cyclictest, OfNewerVersionsSpeaksOfOthersOnceItsListIsFull) {
    EXPECT_THAT(report_cyclictest_2_10(result_of({{5'000}}, 1)), HasSubstr("# Thread 0: 00000 # 00000 others\n"));
    EXPECT_THAT(report_cyclictest_2_4(result_of({{5'000}}, 1)), HasSubstr("# Thread 0: 00000\n"));
}

TEST(Cyclictest, CountsInNanosecondsWhenAskedTo) {
    const auto result = result_of({{3, 3, 5, 900}}, 8, true);
    EXPECT_THAT(report_cyclictest_2_10(result),
                AllOf(HasSubstr("000003 000002\n000005 000001\n"), HasSubstr("# Min Latencies: 00003\n"),
                      HasSubstr("# Avg Latencies: 00227\n"), HasSubstr("# Max Latencies: 00900\n"),
                      HasSubstr("# Histogram Overflows: 00001\n")));
    const auto json = nlohmann::json::parse(report_json(result));
    EXPECT_EQ(json["resolution_in_ns"], 1);
    EXPECT_EQ(json["thread"]["0"]["max"], 900);
}

TEST(Cyclictest, LeavesOutTheFirstLineWhenDmaLatencyIsNotHeld) {
    EXPECT_THAT(report_cyclictest_2_4(result_of({{1'000}}, 5)), StartsWith("# Histogram\n"));
}

TEST(Cyclictest, PrintsItsStrangeMinimumAfterNoCycles) {
    EXPECT_THAT(report_cyclictest_2_4(result_of({{}}, 1)),
                AllOf(HasSubstr("# Min Latencies: 1000000\n"), HasSubstr("# Avg Latencies: 00000\n"),
                      HasSubstr("# Max Latencies: 00000\n"), HasSubstr("# Thread 0:\n\n")));
}

TEST(Cyclictest, HasOnlyIntegersWhereOpenShiftParsesThem) {
    const auto text = report_cyclictest_2_4(result_of({{12'345, 999'999'999'999}, {1}}, 30));
    std::size_t found = 0;
    for (const auto& line : lines_of(text)) {
        if (line.find(" Latencies:") == std::string::npos) continue;
        EXPECT_THAT(line, MatchesRegex("# (Min|Avg|Max) Latencies:( [0-9]+)+"));
        ++found;
    }
    EXPECT_EQ(found, 3u);
}

TEST(Cyclictest, EndsWithWhoBrokeAndWhereSmisWereCountedWithThem) {
    // cyclictest 2.4: -q -h 1 -m -p 90 -a 0,1 -t 2 -i 1000 -b 8; with --smi where the processor can
    auto result = result_of({{30'400}, {21'000}}, 1);
    result.cpus[0].audit.thread = 16291;
    result.cpus[1].audit.thread = 16292;
    result.cpus[0].statistics.last_ns = 30'400;
    result.end = End::Break;
    result.end_cpu = 0;
    const std::string threads = "# Thread 0: 00000\n# Thread 1: 00000\n";
    const std::string broken = "\n# Thread Ids: 16291 16292\n# Break thread: 16291\n# Break value: 30\n";
    EXPECT_THAT(report_cyclictest_2_4(result), EndsWith(threads + broken));
    result.cpus[0].smis = 3;
    EXPECT_THAT(report_cyclictest_2_4(result), EndsWith(threads + broken)) << "a line for all or for none";
    result.cpus[1].smis = 0;
    EXPECT_THAT(report_cyclictest_2_4(result), EndsWith(threads + "# SMIs: 00003 00000\n" + broken));
    EXPECT_THAT(report_cyclictest_2_10(result), HasSubstr("# SMIs: 00003 00000\n"));
    result.end = End::Duration;
    EXPECT_THAT(report_cyclictest_2_4(result), EndsWith("# SMIs: 00003 00000\n\n"));
}

TEST(Json, IsReadBackWhole) {
    auto result = result_of({{20'000, 30'500, 7'000'001}, {11, 12'000}}, 30);
    result.options.name = "a \"quoted\" name";
    result.options.policy = Policy::RoundRobin;
    result.options.break_us = 77;
    result.options.force = true;
    result.options.mode = Mode::Busy;
    result.options.loops = 12;
    result.options.distance = std::chrono::microseconds(500);
    result.options.phase = std::chrono::microseconds(250);
    result.options.tracemark = true;
    result.options.spike_us = 100;
    result.options.trace = true;
    result.options.tracer = TraceBy::Events;
    result.environment = {.sysname = "Linux",
                          .nodename = "node",
                          .release = "6.1.0-rt",
                          .version = "#1 SMP PREEMPT_RT",
                          .machine = "x86_64",
                          .realtime = true,
                          .command_line = "root=/dev/vda quoted=\"a b\"",
                          .clocksource = "tsc",
                          .cpus_online = "0-1",
                          .microcode = "0x2b000603",
                          .bios = "a vendor 1.2",
                          .cpu_model = "a CPU",
                          .deployment = "abc",
                          .findings = {{"clocksource", "good", "tsc", ""}, {"smt-siblings", "bad", "0,1", "nosmt"}}};
    result.end = End::Break;
    result.end_cpu = 1;
    result.memory_locked = true;
    result.invalid = {"one"};
    result.notes = {"two", "three"};
    result.cpus[1].audit = {.thread = 99,
                            .policy = "rr",
                            .priority = 80,
                            .affinity = {1},
                            .migrated = true,
                            .voluntary_switches = 5,
                            .allocations = 7,
                            .involuntary_switches = 6,
                            .cpu_time_ns = 7};
    result.cpus[0].smis = 2;
    result.cpus[0].stolen_ms = 30;
    result.cpus[0].statistics.missed = 4;
    result.cpus[0].windows = {{0, 1000, 1000, 2, 20'000, 30'000, 40'000}, {1000, 500, 500, 0, 1, 2, 3}};
    result.spikes = {{.cpu = 1, .cycle = 7, .late_ns = 120'000, .monotonic_ns = 5, .realtime_ns = 6, .hints = {"NMI"}}};
    const auto text = report_json(result);
    const auto again = from_json(text);
    EXPECT_EQ(report_json(again), text);
    ASSERT_EQ(again.cpus[0].windows.size(), 2u);
    EXPECT_EQ(again.cpus[0].windows[1].max_ns, 3);
    EXPECT_EQ(again.spikes.at(0).hints, std::vector<std::string>{"NMI"});
    EXPECT_EQ(again.environment.findings.at(1).remedy, "nosmt");
    EXPECT_EQ(report_cyclictest_2_4(again), report_cyclictest_2_4(result));
    EXPECT_EQ(again.options, result.options);
    EXPECT_EQ(again.started, result.started);
    EXPECT_EQ(again.cpus[0].histogram_ns, result.cpus[0].histogram_ns);
    EXPECT_EQ(again.cpus[1].audit.cpu_time_ns, 7u);
    EXPECT_EQ(again.cpus[0].smis, 2u);
    EXPECT_EQ(again.cpus[1].smis, std::nullopt);
    EXPECT_EQ(again.cpus[0].stolen_ms, 30u);
}

TEST(Json, HasCyclictestsKeysAndOurs) {
    auto result = result_of({{20'000, 30'500, 7'000'001}}, 30);
    result.cpus[0].statistics.minor_faults = 2;
    result.invalid = {"CPU 0: 2 page faults in the measuring loop"};
    const auto json = nlohmann::json::parse(report_json(result));
    EXPECT_EQ(json["file_version"], 1);
    EXPECT_EQ(json["start_time"], "Mon, 23 Nov 2026 22:26:30 +0000");
    EXPECT_EQ(json["num_threads"], 1);
    EXPECT_EQ(json["sysinfo"]["realtime"], 0);
    const auto& cpu = json["thread"]["0"];
    EXPECT_EQ(cpu["histogram"], (nlohmann::json{{"20", 1}})) << "30.5 and 7000 µs overflow";
    EXPECT_EQ(cpu["cycles"], 3);
    EXPECT_EQ(cpu["min"], 20);
    EXPECT_EQ(cpu["max"], 7000);
    EXPECT_DOUBLE_EQ(cpu["avg"], 2350.167);
    EXPECT_EQ(cpu["cpu"], 0);
    EXPECT_EQ(cpu["overflows"], 2);
    EXPECT_EQ(cpu["overflow_cycles"], (nlohmann::json{1, 2}));
    EXPECT_EQ(cpu["nanoseconds"]["max"], 7'000'001);
    EXPECT_EQ(cpu["nanoseconds"]["percentiles"]["p99.9999"], 7'000'001);
    EXPECT_EQ(cpu["audit"]["minor_faults"], 2);
    EXPECT_EQ(json["valid"], false);
    EXPECT_EQ(json["invalid"][0], "CPU 0: 2 page faults in the measuring loop");
    EXPECT_EQ(json["options"]["duration"], "10m");
}

TEST(Json, IsValidAfterNoCyclesAndWithAnyCommandLine) {
    auto result = result_of({{}}, 5);
    result.environment.command_line = "bytes=\xff\xfe tab=\t";
    const auto json = nlohmann::json::parse(report_json(result));
    EXPECT_EQ(json["thread"]["0"]["avg"], 0);
    EXPECT_EQ(json["thread"]["0"]["histogram"], nlohmann::json::object());
}

TEST(Json, OfTheFirstVersionIsStillRead) {
    auto json = nlohmann::json::parse(report_json(result_of({{20'000, 30'000}}, 40)));
    for (const auto* key :
         {"mode", "loops", "distance_us", "phase_us", "nanoseconds", "tracemark", "spike_us", "trace", "tracer"})
        json["options"].erase(key);
    for (const auto* key : {"microcode", "bios", "cpu_model", "deployment", "findings"})
        json["sysinfo"].erase(key);
    json.erase("spikes");
    auto& cpu = json["thread"]["0"];
    cpu.erase("spikes");
    cpu.erase("windows");
    cpu["nanoseconds"].erase("corrected_percentiles");
    cpu["nanoseconds"].erase("corrected_histogram");
    const auto result = from_json(json.dump());
    EXPECT_EQ(result.cpus[0].statistics.corrected_percentiles_ns, result.cpus[0].statistics.percentiles_ns);
    EXPECT_EQ(result.cpus[0].corrected_ns, result.cpus[0].histogram_ns);
    EXPECT_FALSE(result.options.phase);
}

TEST(Json, ThatIsDamagedIsRefused) {
    const auto text = report_json(result_of({{20'000}}, 30));
    auto json = nlohmann::json::parse(text);
    json["thread"]["0"]["histogram"]["30"] = 1; // there are columns 0 … 29
    auto lacking = nlohmann::json::parse(text);
    lacking.erase("options");
    auto huge = nlohmann::json::parse(text);
    huge["options"]["histogram_us"] = 4'000'000'000;
    for (const auto& bad : {std::string(), std::string("{}"), text.substr(0, text.size() / 2), json.dump(),
                            lacking.dump(), huge.dump()}) {
        try {
            from_json(bad);
            ADD_FAILURE() << "read: " << bad;
        } catch (const Error& e) {
            EXPECT_EQ(e.reason(), Reason::InvalidArgument);
        }
    }
}

TEST(Hist, HasARowForEachMicrosecondThatIsNotEmpty) {
    EXPECT_THAT(report_hist(result_of({{2'000, 2'000, 9'000}, {3'000}}, 5)),
                ::testing::EndsWith("\n# us cpu0 cpu1\n2 2 0\n3 0 1\n# overflow 1 0\n"));
}

} // namespace
} // namespace rtnode::latency
