#include "../support.hpp"
#include "latency/report/report.hpp"
#include "page_samples.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <map>
#include <memory>
#include <regex>
#include <set>
#include <sstream>

namespace rtnode::latency {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

/// Samples by name and labels, as they are written: `name{a="b"}`. Fails on whatever isn't in the text format.
std::map<std::string, double> samples_in(const std::string& text) {
    std::map<std::string, double> samples;
    static const std::regex comment("# (HELP|TYPE) [a-z_]+ .+");
    static const std::regex sample(
        R"(([a-z_]+(?:\{[a-z_]+="(?:[^"\\]|\\.)*"(?:,[a-z_]+="(?:[^"\\]|\\.)*")*\})?) (-?[0-9.e+-]+))");
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) {
        std::smatch match;
        if (line.starts_with('#')) {
            EXPECT_TRUE(std::regex_match(line, comment)) << line;
        } else if (std::regex_match(line, match, sample)) {
            EXPECT_TRUE(samples.emplace(match[1], std::stod(match[2])).second) << "twice: " << line;
        } else {
            ADD_FAILURE() << "neither comment nor sample: " << line;
        }
    }
    return samples;
}

/// Cumulative counts by upper bound; infinity is the last.
std::map<double, double> buckets_of(const std::map<std::string, double>& samples, const std::string& name,
                                    unsigned cpu) {
    std::map<double, double> buckets;
    const auto start = fmt::format("{}_bucket{{cpu=\"{}\",le=\"", name, cpu);
    for (const auto& [key, value] : samples)
        if (key.starts_with(start)) {
            const auto bound = key.substr(start.size(), key.size() - start.size() - 2);
            buckets[bound == "+Inf" ? HUGE_VAL : std::stod(bound)] = value;
        }
    return buckets;
}

const std::string wakeup = "rtnode_latency_wakeup_seconds", corrected = "rtnode_latency_corrected_seconds";

TEST(Prometheus, CountsWhatIsAtOrBelowEachBound) {
    const auto samples = samples_in(report_prometheus(
        result_of({{900, 1'000, 1'500, 6'000, 6'000, 40'000, 2'000'000, 3'000'000'000}, {1'000'000}}, 30)));
    const auto buckets = buckets_of(samples, wakeup, 0);
    EXPECT_EQ(buckets.size(), 20u);
    // 1 µs shares a bucket of the fine histogram with 1.003 µs, so it counts below the next bound.
    EXPECT_EQ(buckets.at(1e-6), 1);
    EXPECT_EQ(buckets.at(2e-6), 3);
    EXPECT_EQ(buckets.at(5e-6), 3);
    EXPECT_EQ(buckets.at(1e-5), 5);
    EXPECT_EQ(buckets.at(2e-5), 5);
    EXPECT_EQ(buckets.at(5e-5), 6);
    EXPECT_EQ(buckets.at(1e-3), 6);
    EXPECT_EQ(buckets.at(5e-3), 7);
    EXPECT_EQ(buckets.at(1), 7);
    EXPECT_EQ(buckets.at(HUGE_VAL), 8);
    // The largest latency is known to the nanosecond.
    EXPECT_EQ(buckets_of(samples, wakeup, 1).at(1e-3), 1);
}

TEST(Prometheus, HasCumulativeHistogramsThatEndWithAllOfThem) {
    const auto result = run_with_a_stall(3);
    const auto samples = samples_in(report_prometheus(result));
    for (const auto& cpu : result.cpus)
        for (const auto& name : {wakeup, corrected}) {
            double before = 0;
            for (const auto& [bound, count] : buckets_of(samples, name, cpu.statistics.cpu)) {
                EXPECT_GE(count, before) << name << " at " << bound;
                before = count;
            }
            const auto label = fmt::format("{{cpu=\"{}\"}}", cpu.statistics.cpu);
            EXPECT_EQ(samples.at(name + "_count" + label), before);
            const auto expected = cpu.statistics.cycles + (name == corrected ? cpu.statistics.missed : 0);
            EXPECT_EQ(before, static_cast<double>(expected)) << name;
        }
}

TEST(Prometheus, HasSumsInSeconds) {
    const auto exact = samples_in(report_prometheus(result_of({{1'000, 2'000, 1'500'000'000}}, 30)));
    EXPECT_NEAR(exact.at(wakeup + "_sum{cpu=\"0\"}"), 1.500003, 1e-9);
    EXPECT_NEAR(exact.at(corrected + "_sum{cpu=\"0\"}"), 1.500003, 1e-9) << "nothing was missed";

    // A stall of 5 ms at 200 µs: one wake-up that is 5 ms late, and 24 deadlines that are 4.8, 4.6 … 0.2 ms late.
    Recorder recorder(30);
    recorder.record(5'000'000);
    recorder.miss(24, 4'800'000, 200'000);
    auto result = result_of({{}}, 30);
    result.cpus[0].statistics = recorder.statistics(0);
    result.cpus[0].histogram_ns = recorder.histogram_ns();
    result.cpus[0].corrected_ns = recorder.corrected_ns();
    const auto stalled = samples_in(report_prometheus(result));
    EXPECT_NEAR(stalled.at(wakeup + "_sum{cpu=\"0\"}"), 0.005, 1e-9);
    EXPECT_NEAR(stalled.at(corrected + "_sum{cpu=\"0\"}"), 0.065, 0.065 * 0.008);
    EXPECT_EQ(stalled.at("rtnode_latency_missed_deadlines{cpu=\"0\"}"), 24);
}

TEST(Prometheus, SaysWhatHappenedInBaseUnits) {
    auto result = result_of({{20'000, 30'500}, {11}}, 30);
    auto& s = result.cpus[0].statistics;
    s.spikes = 3;
    s.minor_faults = 2;
    result.cpus[0].audit.involuntary_switches = 5;
    const auto samples = samples_in(report_prometheus(result));
    for (const auto& [name, value] :
         std::map<std::string, double>{{"rtnode_latency_wakeups{cpu=\"0\"}", 2},
                                       {"rtnode_latency_wakeups{cpu=\"1\"}", 1},
                                       {"rtnode_latency_missed_deadlines{cpu=\"0\"}", 0},
                                       {"rtnode_latency_spikes{cpu=\"0\"}", 3},
                                       {"rtnode_latency_preemptions{cpu=\"0\"}", 5},
                                       {"rtnode_latency_page_faults{cpu=\"0\",kind=\"minor\"}", 2},
                                       {"rtnode_latency_page_faults{cpu=\"0\",kind=\"major\"}", 0},
                                       {"rtnode_latency_min_seconds{cpu=\"0\"}", 20e-6},
                                       {"rtnode_latency_max_seconds{cpu=\"0\"}", 30.5e-6},
                                       {"rtnode_latency_max_seconds{cpu=\"1\"}", 11e-9},
                                       {"rtnode_latency_percentile_seconds{cpu=\"0\",percentile=\"99.9999\"}", 30.5e-6},
                                       {"rtnode_latency_corrected_percentile_seconds{cpu=\"0\",percentile=\"50\"}",
                                        static_cast<double>(s.percentiles_ns[0]) / 1e9},
                                       {"rtnode_latency_interval_seconds", 0.001},
                                       {"rtnode_latency_valid", 1},
                                       {"rtnode_latency_start_timestamp_seconds", 1'795'472'790},
                                       {"rtnode_latency_end_timestamp_seconds", 1'795'473'390.123}}) {
        const auto found = samples.find(name);
        ASSERT_NE(found, samples.end()) << name;
        EXPECT_DOUBLE_EQ(found->second, value) << name;
    }
}

TEST(Prometheus, HasHelpAndTypeBeforeTheSamplesOfEachMetric) {
    const auto text = report_prometheus(run_with_a_stall(1));
    EXPECT_TRUE(text.ends_with('\n'));
    std::set<std::string> described;
    std::string helped, current;
    std::istringstream lines(text);
    static const std::regex help("# HELP ([a-z_]+) [A-Z].*[.1]"), type("# TYPE ([a-z_]+) (gauge|histogram)");
    for (std::string line; std::getline(lines, line);) {
        std::smatch match;
        if (std::regex_match(line, match, help)) {
            helped = match[1];
        } else if (std::regex_match(line, match, type)) {
            current = match[1];
            EXPECT_EQ(helped, current);
            EXPECT_TRUE(described.insert(current).second) << "twice: " << current;
        } else {
            EXPECT_TRUE(line.starts_with(current)) << line << " does not follow its metric";
        }
    }
    EXPECT_GE(described.size(), 15u);
}

TEST(Prometheus, EscapesLabels) {
    auto result = result_of({{20'000}}, 30);
    result.options.name = R"(a "quoted\" name)";
    result.environment.nodename = "two\nlines";
    result.environment.release = "bytes\xff";
    const auto text = report_prometheus(result);
    EXPECT_THAT(
        text,
        AllOf(
            HasSubstr(R"(name="a \"quoted\\\" name",node="two\nlines",kernel="bytes)"
                      "\xef\xbf\xbd\",realtime=\"false\""),
            HasSubstr("mode=\"cyclic\",cpus=\"0\""),
            HasSubstr("cpus=\"0\",policy=\"fifo\",priority=\"95\",interval=\"1ms\",load=\"\",end=\"duration\"} 1\n")));
    samples_in(text);
}

TEST(Prometheus, SaysWhichLoadRanBesideTheRun) {
    auto result = result_of({{20'000}}, 30);
    result.load = "25 × stress-ng --cpu on CPUs 4-31";
    const auto text = report_prometheus(result);
    EXPECT_THAT(text, HasSubstr("load=\"25 × stress-ng --cpu on CPUs 4-31\",end=\"duration\"} 1\n"));
    samples_in(text);
}

TEST(Prometheus, SaysNothingOfLatenciesThatWereNotMeasured) {
    for (const auto& result : {empty_run(), result_of({}, 30)}) {
        const auto text = report_prometheus(result);
        EXPECT_THAT(text, AllOf(Not(HasSubstr("nan")), Not(HasSubstr("max_seconds{")), Not(HasSubstr("percentile="))));
        const auto samples = samples_in(text);
        EXPECT_EQ(samples.at("rtnode_latency_valid"), result.valid() ? 1 : 0);
        for (const auto& cpu : result.cpus) {
            const auto label = fmt::format("{{cpu=\"{}\"}}", cpu.statistics.cpu);
            EXPECT_EQ(samples.at(wakeup + "_count" + label), 0);
            EXPECT_EQ(samples.at(wakeup + "_sum" + label), 0);
            EXPECT_EQ(samples.at("rtnode_latency_wakeups" + label), 0);
        }
    }
}

TEST(Prometheus, GivesNoVerdictOnARunThatGoesOn) {
    auto result = result_of({{20'000}}, 30);
    result.end = End::Running;
    EXPECT_THAT(report_prometheus(result),
                AllOf(HasSubstr("end=\"running\"} 1\n"), Not(HasSubstr("rtnode_latency_valid")),
                      Not(HasSubstr("rtnode_latency_end_timestamp"))));
}

TEST(Prometheus, PassesPromtool) {
    if (std::system("command -v promtool > /dev/null") != 0)
        GTEST_SKIP() << "promtool is not installed (Debian's package prometheus): only the tests above";
    const auto path = std::filesystem::path(::testing::TempDir()) / fmt::format("rtnode-{}.prom", ::getpid());
    for (const auto& result : {run_with_a_stall(1), empty_run(), spoilt_run(), run_on_many_cpus(64, 1)}) {
        std::ofstream(path) << report_prometheus(result);
        const auto command = "promtool check metrics < '" + path.string() + "' 2>&1";
        std::string said;
        std::FILE* output = ::popen(command.c_str(), "r");
        ASSERT_NE(output, nullptr);
        for (int c = std::fgetc(output); c != EOF; c = std::fgetc(output))
            said += static_cast<char>(c);
        EXPECT_EQ(::pclose(output), 0) << said;
        EXPECT_EQ(said, "") << "promtool has objections";
    }
    std::filesystem::remove(path);
}

} // namespace
} // namespace rtnode::latency
