#include "state/cpu_list.hpp"
#include "state/error.hpp"
#include "state/topology.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <utility>

namespace rtnode {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

template <typename Call>
void expect_refused(const std::string& why, Call call) {
    try {
        call();
        ADD_FAILURE() << "not refused; expected: " << why;
    } catch (const Error& e) {
        EXPECT_EQ(e.reason(), Reason::InvalidArgument) << e.what();
        EXPECT_THAT(e.what(), HasSubstr(why));
    }
}

TEST(CpuList, ReadsTheKernelsFormat) {
    EXPECT_THAT(parse_cpu_list("0-3,5"), ElementsAre(0, 1, 2, 3, 5));
    EXPECT_THAT(parse_cpu_list("0-1\n"), ElementsAre(0, 1)) << "as sysfs writes it";
    EXPECT_THAT(parse_cpu_list("7,2,2-3"), ElementsAre(2, 3, 7)) << "sorted, each once";
    EXPECT_TRUE(parse_cpu_list("").empty());
    EXPECT_TRUE(parse_cpu_list("\n").empty()) << "as sysfs writes no CPU";
}

TEST(CpuList, RefusesWhatTheKernelDoesNotWrite) {
    for (const auto* text : {"a",  "1-",       "-1",  "3-1",   "1,,2", "1,",   ",1",           "1 2",
                             " 1", "1-2-3",    "0x1", "1\n\n", "+1",   "8192", "0-4294967295", "99999999999999999999",
                             "^1", "0-31:2/4", "all", "0-N"})
        expect_refused("is not a list of CPUs", [&] { parse_cpu_list(text); });
}

TEST(CpuList, SaysOfANumberBeyondAllThatItIsTooHigh) {
    for (const auto* text : {"99999999999999999999", "1-99999999999999999999"})
        expect_refused("the highest possible CPU is", [&] { parse_cpu_list(text); });
}

TEST(CpuList, IsWrittenShort) {
    EXPECT_EQ(format_cpu_list({0, 1, 2, 3, 5}), "0-3,5");
    EXPECT_EQ(format_cpu_list({0, 1}), "0-1") << "as TuneD packs two neighbours";
    EXPECT_EQ(format_cpu_list({4}), "4");
    EXPECT_EQ(format_cpu_list({}), "");
    EXPECT_EQ(format_cpu_list({0, 2, 4, 5, 6}), "0,2,4-6");
}

TEST(CpuList, IsWrittenOneByOneForSystemd) {
    EXPECT_EQ(expand_cpu_list({0, 1, 2, 5}), "0,1,2,5");
    EXPECT_EQ(expand_cpu_list({7}), "7");
    EXPECT_EQ(expand_cpu_list({}), "");
}

TEST(CpuList, IsAscendingWhereTunedsInvertedListIsNot) {
    // cpulist_invert() of 2-127,130-255 gives 0,1,129,128.
    const auto all = parse_cpu_list("0-255");
    EXPECT_EQ(expand_cpu_list(cpus_without(all, parse_cpu_list("2-127,130-255"))), "0,1,128,129");
}

TEST(CpuList, IsASet) {
    EXPECT_THAT(cpus_in_both({0, 1, 2, 3}, {2, 3, 4}), ElementsAre(2, 3));
    EXPECT_THAT(cpus_in_either({0, 2}, {1, 2, 9}), ElementsAre(0, 1, 2, 9));
    EXPECT_THAT(cpus_without({0, 1, 2, 3}, {1, 3, 7}), ElementsAre(0, 2));
    EXPECT_THAT(cpus_in_both({0}, {}), IsEmpty());
    EXPECT_THAT(cpus_without({}, {1}), IsEmpty());
}

TEST(CpuMask, IsWhatTunedsCpulist2hexWrites) {
    const std::pair<const char*, const char*> vectors[]{
        {"0-1", "00000003"},
        {"0,1,32,33", "00000003,00000003"},
        {"0-3,64-67", "0000000f,00000000,0000000f"},
        {"63", "80000000,00000000"},
        {"2-7", "000000fc"},
        {"0-5,34", "00000004,0000003f"},
        {"8-127", "ffffffff,ffffffff,ffffffff,ffffff00"},
        {"", "00000000"},
        {"31", "80000000"},
        {"32", "00000001,00000000"},
    };
    for (const auto& [list, mask] : vectors) {
        EXPECT_EQ(cpu_mask(parse_cpu_list(list)), mask) << list;
        EXPECT_EQ(parse_cpu_mask(mask), parse_cpu_list(list)) << mask;
    }
}

TEST(CpuMask, IsReadAsTheKernelWritesIt) {
    EXPECT_THAT(parse_cpu_mask("f\n"), ElementsAre(0, 1, 2, 3)) << "8 CPUs or fewer";
    EXPECT_THAT(parse_cpu_mask("3,00000001\n"), ElementsAre(0, 32, 33));
    EXPECT_THAT(parse_cpu_mask("FC"), ElementsAre(2, 3, 4, 5, 6, 7));
    EXPECT_THAT(parse_cpu_mask("00000000,00000000"), IsEmpty());
}

TEST(CpuMask, RefusesWhatIsNoMask) {
    for (const auto* text :
         {"", "\n", ",", "f,", ",f", "f,f", "123456789", "0x3", "g", "-1", "3 ", "3\n\n", "1,,00000001"})
        expect_refused("is not a mask of CPUs", [&] { parse_cpu_mask(text); });
    std::string long_mask = "1";
    for (int group = 0; group < 255; ++group)
        long_mask += ",00000000";
    EXPECT_THAT(parse_cpu_mask(long_mask), ElementsAre(8160));
    expect_refused("the highest possible CPU is 8191",
                   [&] { parse_cpu_mask("1," + long_mask.replace(0, 1, "00000000")); });
}

TEST(NodeTopology, HasSmtWhenACoreHasTwoThreads) {
    NodeTopology node;
    EXPECT_FALSE(node.smt());
    node.cpus = {{.cpu = 0, .siblings = {0}}, {.cpu = 1, .siblings = {1}}};
    EXPECT_FALSE(node.smt());
    node.cpus[1].siblings = {1, 3};
    EXPECT_TRUE(node.smt());
}

} // namespace
} // namespace rtnode
