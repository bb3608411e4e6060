#include "profile/arguments/huge_pages.hpp"
#include "topologies.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace rtnode::profile {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::Field;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr std::uint64_t big = 1048576, small = 2048;

using Tokens = std::vector<std::string>;

auto remark(const std::string& token, Severity severity, const std::string& text) {
    return AllOf(Field(&Remark::token, token), Field(&Remark::severity, severity),
                 Field(&Remark::text, HasSubstr(text)));
}

TEST(PageSize, IsReadAsTheKernelReadsIt) {
    EXPECT_EQ(page_size_kib("1G"), big);
    EXPECT_EQ(page_size_kib("2M"), small);
    EXPECT_EQ(page_size_kib("2048k"), small);
    EXPECT_EQ(page_size_kib("1g"), big);
    for (const auto* text :
         {"", "G", "1", "0M", "-1G", "1.5G", "1GB", "99999999999999999999G", "18446744073709551615G"})
        EXPECT_EQ(page_size_kib(text), std::nullopt) << text;
}

TEST(PageSize, IsWrittenShort) {
    EXPECT_EQ(page_size_text(big), "1G");
    EXPECT_EQ(page_size_text(small), "2M");
    EXPECT_EQ(page_size_text(64), "64K");
    EXPECT_EQ(page_size_text(512 * 1024), "512M");
}

TEST(PagesOfArguments, CountPagesOfTheSizeBeforeThem) {
    EXPECT_THAT(pages_of({"default_hugepagesz=1G", "hugepagesz=1G", "hugepages=32", "hugepagesz=2M", "hugepages=512"}),
                ElementsAre(PagesOfArgument{"hugepages=32", {big, 32, {}}},
                            PagesOfArgument{"hugepages=512", {small, 512, {}}}));
}

TEST(PagesOfArguments, WithoutASizeCountPagesOfTheDefaultSize) {
    EXPECT_THAT(pages_of({"hugepages=8"}), ElementsAre(PagesOfArgument{"hugepages=8", {small, 8, {}}}));
    EXPECT_THAT(pages_of({"hugepages=8", "default_hugepagesz=1G"}),
                ElementsAre(PagesOfArgument{"hugepages=8", {big, 8, {}}}))
        << "wherever the default stands";
}

TEST(PagesOfArguments, MayBeForSingleNumaNodes) {
    EXPECT_THAT(pages_of({"hugepagesz=1G", "hugepages=0:4,1:2"}),
                ElementsAre(PagesOfArgument{"hugepages=0:4,1:2", {big, 4, 0}},
                            PagesOfArgument{"hugepages=0:4,1:2", {big, 2, 1}}));
    EXPECT_THAT(pages_of({"hugepages=many", "hugepages=0:x,1", "hugepages=", "hugepages"}), IsEmpty());
}

TEST(HugePageMemory, IsFineUpToFourFifths) {
    const auto node = machine({.gib = 40});
    EXPECT_THAT(memory_remarks({"hugepagesz=1G", "hugepages=32"}, {}, node), IsEmpty());
    EXPECT_THAT(memory_remarks({"hugepagesz=1G", "hugepages=33"}, {}, node),
                ElementsAre(remark("hugepages=33", Severity::warning,
                                   "33.0 GiB for 33 pages of 1G is 82 % of the node's memory (40.0 GiB)")));
    EXPECT_THAT(memory_remarks({"hugepagesz=1G", "hugepages=38"}, {}, node),
                ElementsAre(remark("hugepages=38", Severity::warning, "95 %")));
    EXPECT_THAT(memory_remarks({"hugepagesz=1G", "hugepages=39"}, {}, node),
                ElementsAre(remark("hugepages=39", Severity::blocker, "ask for fewer")));
}

TEST(HugePageMemory, OfTheHowToIsNotInASmallMachine) {
    EXPECT_THAT(
        memory_remarks({"default_hugepagesz=1G", "hugepagesz=1G", "hugepages=32", "nohz=on"}, {}, machine({.gib = 2})),
        ElementsAre(remark("hugepages=32", Severity::blocker, "1600 % of the node's memory (2.0 GiB)")));
}

TEST(HugePageMemory, IsTheSumOfAllSizes) {
    EXPECT_THAT(
        memory_remarks({"hugepagesz=1G", "hugepages=20", "hugepagesz=2M", "hugepages=10240"}, {}, machine({.gib = 40})),
        ElementsAre(remark("hugepages=20", Severity::blocker, "20 pages of 1G and 10240 pages of 2M is 100 %")));
    EXPECT_THAT(memory_remarks({"hugepagesz=1G", "hugepages=18446744073709551615"}, {}, machine({})),
                ElementsAre(remark("hugepages=18446744073709551615", Severity::blocker, "ask for fewer")))
        << "more than 64 bits count";
}

TEST(HugePageMemory, IsJudgedForEachNumaNode) {
    const auto node = machine({.nodes = 2, .gib = 32});
    EXPECT_THAT(
        memory_remarks({}, {{big, 31, 1}}, node),
        ElementsAre(remark("node1/hugepages-1048576kB", Severity::blocker, "97 % of the memory of NUMA node 1")));
    EXPECT_THAT(memory_remarks({}, {{small, 13500, 0}}, node),
                ElementsAre(remark("node0/hugepages-2048kB", Severity::warning, "of the memory of NUMA node 0")));
    EXPECT_THAT(memory_remarks({}, {{big, 16, 0}, {big, 16, 1}}, node), IsEmpty());
    EXPECT_THAT(memory_remarks({"hugepagesz=1G", "hugepages=0:31"}, {}, node),
                ElementsAre(remark("hugepages=0:31", Severity::blocker, "NUMA node 0")));
}

TEST(HugePageMemory, SpreadEvenlyMayNotFitASmallNumaNode) {
    auto node = machine({.nodes = 2, .gib = 32});
    node.numa[1].memory_kib = 8u << 20;
    node.memory_kib = 40u << 20;
    EXPECT_THAT(memory_remarks({"hugepagesz=1G", "hugepages=20"}, {}, node),
                ElementsAre(remark("hugepages=20", Severity::warning,
                                   "10.0 GiB would be wanted of the memory of NUMA node 1")));
    node.numa[1].memory_kib = 0;
    EXPECT_THAT(memory_remarks({"hugepagesz=1G", "hugepages=20"}, {}, node), IsEmpty()) << "a node without memory";
}

TEST(HugePageMemory, OfANumaNodeThatDoesNotExistIsRefused) {
    EXPECT_THAT(memory_remarks({}, {{big, 1, 2}}, machine({.nodes = 2})),
                ElementsAre(remark("node2/hugepages-1048576kB", Severity::blocker, "NUMA node 2 doesn't exist")));
}

TEST(HugePageMemory, CountsOnlyTheProfilesPagesOfNumaNodesBesideTheArguments) {
    const auto node = machine({.gib = 40});
    EXPECT_THAT(memory_remarks({"hugepagesz=1G", "hugepages=30"}, {{big, 30, {}}}, node), IsEmpty())
        << "they are the same pages";
}

TEST(HugePageMemory, IsNotJudgedWhenItIsNotKnown) {
    EXPECT_THAT(memory_remarks({"hugepagesz=1G", "hugepages=32"}, {}, NodeTopology{}), IsEmpty());
}

} // namespace
} // namespace rtnode::profile
