#include "latency/load.hpp"

#include "latency/report/report.hpp"
#include "state/error.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace rtnode::latency {
namespace {

using namespace std::chrono_literals;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

/// The RHCOS-RT how-to's node: 32 cores, of which two are the system's.
const Topology node{parse_cpu_list("0-31"), {}};
const std::vector<TakenCpus> nobody;

Options measuring(const char* cpus) {
    Options options;
    options.cpus = parse_cpu_list(cpus);
    options.duration = 10min;
    return options;
}

LoadOptions load_of(unsigned workers, const char* cpus = "") {
    return {workers, parse_cpu_list(cpus)};
}

void expect_refused(Reason reason, const std::string& why, const LoadOptions& load, const Options& run,
                    const std::vector<TakenCpus>& taken = nobody) {
    try {
        validated_load(load, run, node, taken);
        ADD_FAILURE() << "not refused; expected: " << why;
    } catch (const Error& e) {
        EXPECT_EQ(e.reason(), reason) << e.what();
        EXPECT_THAT(e.what(), HasSubstr(why));
    }
}

} // namespace

TEST(Load, IsNoneUnlessAskedFor) {
    EXPECT_EQ(validated_load({}, measuring("2-5"), node, nobody), LoadOptions());
    EXPECT_EQ(describe(LoadOptions()), "");
    expect_refused(Reason::InvalidArgument, "say with 'load' of how many", load_of(0, "6-31"), measuring("2-5"));
}

TEST(Load, RunsOnEveryOnlineCpuThatIsNotMeasured) {
    EXPECT_EQ(validated_load(load_of(25), measuring("2-5"), node, nobody).cpus, parse_cpu_list("0-1,6-31"));
}

TEST(Load, LeavesAloneWhatSomebodyHasForHimself) {
    const std::vector<TakenCpus> taken{{{6}, "another measurement runs there"}, {{8, 9}, "CPU 8-9 belongs to a pod"}};
    auto run = measuring("2-5");
    EXPECT_EQ(validated_load(load_of(25), run, node, taken).cpus, parse_cpu_list("0-1,7,10-31"));
    expect_refused(Reason::CpuBusy, "CPU 8-9: CPU 8-9 belongs to a pod", load_of(25, "7-31"), run, {taken[1]});
    run.force = true;
    EXPECT_EQ(validated_load(load_of(25, "6-31"), run, node, taken).cpus, parse_cpu_list("6-31"));
    EXPECT_EQ(validated_load(load_of(25), run, node, taken).cpus, parse_cpu_list("0-1,7,10-31"))
        << "what is to be disturbed must be named, too";
}

TEST(Load, ComesToMeasuredCpusOnlyWhenTheyAreNamed) {
    EXPECT_EQ(validated_load(load_of(4, "2-5"), measuring("2-5"), node, nobody).cpus, parse_cpu_list("2-5"));
    expect_refused(Reason::CpuUnavailable, "no CPU is left for the load", load_of(4), measuring("0-31"));
}

TEST(Load, IsRefusedWhereItCannotRun) {
    expect_refused(Reason::CpuUnavailable, "CPU 32-33: not present or offline", load_of(4, "31-33"), measuring("2-5"));
    expect_refused(Reason::InvalidArgument, "1025 workers", load_of(1025), measuring("2-5"));
    EXPECT_NO_THROW(validated_load(load_of(1024), measuring("2-5"), node, nobody));
}

TEST(Load, IsToldInAReadersWords) {
    EXPECT_EQ(describe(load_of(25, "4-31")), "25 × stress-ng --cpu on CPUs 4-31");
}

TEST(LoadCommand, IsOneStressNgWhereTheSchedulerSpreadsTheWorkers) {
    EXPECT_THAT(load_command(load_of(25, "4-31"), {}, "/usr/bin/stress-ng"),
                ElementsAre("/usr/bin/stress-ng", "--cpu", "25", "--timeout", "0", "--temp-path", "/tmp"));
    EXPECT_THAT(load_command(load_of(25, "0-1"), parse_cpu_list("2-31"), "/usr/bin/stress-ng"), SizeIs(7))
        << "none of them is isolated";
    EXPECT_THAT(load_command(load_of(2, "2"), parse_cpu_list("2-31"), "/usr/bin/stress-ng"), SizeIs(7))
        << "there is nothing to spread over";
}

TEST(LoadCommand, PinsEachWorkerWhereCpusAreIsolated) {
    auto command = load_command(load_of(5, "1-3"), parse_cpu_list("2-31"), "/usr/bin/stress-ng");
    ASSERT_THAT(command, SizeIs(9));
    EXPECT_EQ(command[0], "/bin/sh");
    EXPECT_THAT(command[2], HasSubstr("--taskset \"$cpu\""));
    EXPECT_EQ(command[3], "/usr/bin/stress-ng");
    command.erase(command.begin(), command.begin() + 4);
    EXPECT_THAT(command, ElementsAre("1", "2", "3", "1", "2"));
}

TEST(AffinityBits, CountFromTheLowestBitOfTheFirstByteInWholeWords) {
    EXPECT_THAT(affinity_bits({}), IsEmpty());
    EXPECT_THAT(affinity_bits({0, 9}), ElementsAre(1, 2, 0, 0, 0, 0, 0, 0));
    EXPECT_THAT(affinity_bits({63}), ElementsAre(0, 0, 0, 0, 0, 0, 0, 0x80));
    EXPECT_THAT(affinity_bits({64}), SizeIs(16));
    EXPECT_THAT(affinity_bits(parse_cpu_list("0-63")), Each(0xff));
}

TEST(Load, IsKeptInTheResult) {
    Result result;
    result.options = measuring("2-5");
    EXPECT_EQ(from_json(report_json(result)).load, "");
    result.load = "25 × stress-ng --cpu on CPUs 6-31";
    EXPECT_EQ(from_json(report_json(result)).load, result.load);
}

} // namespace rtnode::latency
