#include "profile/arguments/cpu_sets.hpp"
#include "state/error.hpp"
#include "topologies.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace rtnode::profile {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

Profile lists(const std::string& reserved, const std::string& isolated) {
    Profile profile;
    profile.name = "worker-rt-isolated";
    profile.reserved = parse_cpu_list(reserved);
    profile.isolated = parse_cpu_list(isolated);
    return profile;
}

Profile cores(unsigned count) {
    Profile profile;
    profile.name = "worker-rt-isolated";
    profile.reserve_cores = count;
    return profile;
}

std::string reserved_of(const Profile& profile, const NodeTopology& node) {
    const auto sets = choose(profile, node);
    EXPECT_EQ(sets.isolated, cpus_without(node.present, sets.reserved)) << "the rest is isolated";
    return format_cpu_list(sets.reserved);
}

void expect_refused(const Profile& profile, const NodeTopology& node, const std::string& why) {
    try {
        choose(profile, node);
        ADD_FAILURE() << "not refused; expected: " << why;
    } catch (const Error& e) {
        EXPECT_EQ(e.reason(), Reason::Configuration) << e.what();
        EXPECT_EQ(e.what(), "profile 'worker-rt-isolated': " + why);
    }
}

TEST(CpuSets, AreEmptyWhenTheProfileHasNone) {
    EXPECT_EQ(choose(Profile{}, machine({})), CpuSets{});
    EXPECT_THAT(warnings_of({}, machine({.nodes = 2})), IsEmpty());
}

TEST(CpuSets, AreWhatTheListsSay) {
    const auto sets = choose(lists("0-1", "2-3"), machine({.cores = 4}));
    EXPECT_EQ(sets, (CpuSets{{0, 1}, {2, 3}}));
}

TEST(CpuSets, OfOneListAreCompletedByTheRest) {
    const auto node = machine({.cores = 8});
    EXPECT_EQ(format_cpu_list(choose(lists("0-1", ""), node).isolated), "2-7");
    EXPECT_EQ(format_cpu_list(choose(lists("", "2-7"), node).reserved), "0-1");
    auto smaller = node;
    take_offline(smaller, 5);
    EXPECT_EQ(choose(lists("0-1", ""), smaller), choose(lists("0-1", ""), node))
        << "a CPU that is offline today changes nothing";
}

TEST(ReserveCores, TakesWholeCoresThatOfTheBootCpuFirst) {
    EXPECT_EQ(reserved_of(cores(1), machine({.cores = 4})), "0");
    EXPECT_EQ(reserved_of(cores(2), machine({.cores = 16})), "0-1");
    EXPECT_EQ(reserved_of(cores(1), machine({.cores = 8, .threads = 2})), "0,8");
    EXPECT_EQ(reserved_of(cores(3), machine({.cores = 8, .threads = 2})), "0-2,8-10");
}

TEST(ReserveCores, TakesOneOfEachNumaNodeBeforeASecond) {
    const auto node = machine({.nodes = 2, .cores = 10, .threads = 2}); // siblings are 20 apart
    EXPECT_EQ(reserved_of(cores(1), node), "0,20");
    EXPECT_EQ(reserved_of(cores(2), node), "0,10,20,30");
    EXPECT_EQ(reserved_of(cores(3), node), "0-1,10,20-21,30");
    EXPECT_EQ(reserved_of(cores(4), node), "0-2,10,20-22,30");
}

TEST(ReserveCores, FollowsNumaNodesWhoseNumbersAlternate) {
    const auto node = machine({.nodes = 2, .cores = 20, .threads = 2, .interleaved = true});
    EXPECT_EQ(reserved_of(cores(2), node), "0-1,40-41") << "CPU 1 is of the other node";
    EXPECT_EQ(reserved_of(cores(3), node), "0-2,40-42");
    EXPECT_EQ(reserved_of(cores(4), node), "0-2,4,40-42,44") << "more of node 0";
}

TEST(ReserveCores, BeginsInTheBootCpusNodeWhateverItsNumber) {
    auto node = machine({.nodes = 2, .cores = 4});
    for (auto& cpu : node.cpus)
        cpu.numa_node = 1 - cpu.numa_node; // CPU 0-3 are of node 1
    EXPECT_EQ(reserved_of(cores(1), node), "0");
    EXPECT_EQ(reserved_of(cores(3), node), "0-1,4");
}

TEST(ReserveCores, GoesOnInTheNextNodeWhenTheFirstIsFull) {
    EXPECT_EQ(reserved_of(cores(3), machine({.nodes = 2, .cores = 2})), "0-2");
    // 15 on 4 nodes: NTO's creator splits them 4, 4, 4 and 3.
    EXPECT_EQ(reserved_of(cores(15), machine({.nodes = 4, .cores = 8})), "0-12,16,24");
}

TEST(ReserveCores, LeavesAtLeastOneToIsolate) {
    EXPECT_EQ(reserved_of(cores(3), machine({.cores = 4})), "0-2");
    expect_refused(cores(4), machine({.cores = 4, .threads = 2}),
                   "reserve-cores = 4 leaves nothing to isolate: the node has 4 cores; write at most 3");
    expect_refused(cores(1), machine({.cores = 1, .threads = 2}),
                   "the node has one core only, which can't be both reserved and isolated; leave out reserve-cores");
}

TEST(ReserveCores, IsNoneBesideLists) {
    auto profile = cores(1);
    profile.isolated = {2};
    expect_refused(profile, machine({}), "both lists of CPUs and reserve-cores are given; write only one of them");
}

TEST(CpuSets, RefuseCpusThatDoNotExist) {
    const auto node = machine({.cores = 8});
    expect_refused(lists("0-1", "2-9"), node,
                   "CPU 8-9 doesn't exist, present are 0-7; write reserved = \"0-1\" and isolated = \"2-7\"");
    expect_refused(lists("", "4-15"), node,
                   "CPU 8-15 doesn't exist, present are 0-7; write reserved = \"0-3\" and isolated = \"4-7\"");
    expect_refused(lists("64", ""), node,
                   "CPU 64 doesn't exist, present are 0-7; write reserved = \"0\" and isolated = \"1-7\"");
}

TEST(CpuSets, RefuseACpuInBothOrInNone) {
    const auto node = machine({.cores = 8});
    expect_refused(lists("0-3", "2-7"), node,
                   "CPU 2-3 is both reserved and isolated; write reserved = \"0-3\" and isolated = \"4-7\"");
    expect_refused(lists("0-1", "4-7"), node,
                   "CPU 2-3 is neither reserved nor isolated; write reserved = \"0-1\" and isolated = \"2-7\"");
}

TEST(CpuSets, RefuseToIsolateTheBootCpu) {
    expect_refused(lists("4-7", "0-3"), machine({.cores = 8}),
                   "CPU 0, which boots the node and keeps its time, isn't reserved; write reserved = \"0,4-7\" and "
                   "isolated = \"1-3\"");
    expect_refused(
        lists("", "0-7"), machine({.cores = 8}),
        "CPU 0, which boots the node and keeps its time, isn't reserved; write reserved = \"0\" and isolated = "
        "\"1-7\"");
}

TEST(CpuSets, RefuseToSplitACore) {
    expect_refused(lists("0-1", ""), machine({.cores = 8, .threads = 2}),
                   "CPU 0 is reserved, but CPU 8, its sibling on the same core, is isolated; write reserved = "
                   "\"0-1,8-9\" and isolated = \"2-7,10-15\"");
    expect_refused(lists("0-2,8-9", "3-7,10-15"), machine({.cores = 8, .threads = 2}),
                   "CPU 2 is reserved, but CPU 10, its sibling on the same core, is isolated; write reserved = "
                   "\"0-2,8-10\" and isolated = \"3-7,11-15\"");
    expect_refused(
        lists("0-1", ""), machine({.cores = 2, .threads = 2}),
        "CPU 0 is reserved, but CPU 2, its sibling on the same core, is isolated; as whole cores these would "
        "leave none to isolate: reserve fewer CPUs");
}

TEST(CpuSets, RefuseToReserveEverything) {
    expect_refused(
        lists("0-7", ""), machine({.cores = 8}),
        "every CPU is reserved and none is left to isolate; name fewer in reserved, or leave out the CPU sets");
}

TEST(CpuSets, NeedToKnowTheNode) {
    try {
        choose(cores(1), {});
        ADD_FAILURE() << "not refused";
    } catch (const Error& e) {
        EXPECT_EQ(e.reason(), Reason::Internal) << e.what();
    }
}

TEST(CpuSets, WarnOfANumaNodeWithoutAReservedCpu) {
    const auto node = machine({.nodes = 2, .cores = 8});
    const auto sets = choose(cores(1), node);
    EXPECT_THAT(warnings_of(sets, node), ElementsAre(HasSubstr("NUMA node 1 (CPU 8-15) has no reserved CPU")));
    EXPECT_THAT(warnings_of(choose(cores(2), node), node), IsEmpty());
    auto with_memory_only = node;
    with_memory_only.numa[1].cpus = {};
    EXPECT_THAT(warnings_of(sets, with_memory_only), IsEmpty());
}

TEST(CpuSets, WarnOfCpusThatAreOffline) {
    auto node = machine({.cores = 4, .threads = 2});
    for (const auto sibling : {4u, 5u, 6u, 7u})
        take_offline(node, sibling); // as nosmt does
    EXPECT_THAT(warnings_of(choose(cores(1), node), node), ElementsAre(HasSubstr("isolated CPU 4-7 are offline")));
    EXPECT_THAT(warnings_of(choose(lists("0,4", ""), node), node),
                ElementsAre(HasSubstr("isolated CPU 5-7 are offline"), HasSubstr("reserved CPU 4 is offline")));
}

} // namespace
} // namespace rtnode::profile
