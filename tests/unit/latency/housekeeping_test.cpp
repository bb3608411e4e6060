#include "latency/housekeeping.hpp"
#include "latency/measurement.hpp"
#include "state/error.hpp"

#include <gtest/gtest.h>

#include <unistd.h>

namespace rtnode::latency {
namespace {

TEST(Housekeeping, TakesTheCpusThatAreNotMeasured) {
    const auto housekeeping = housekeeping_cpus({0, 1, 2, 3}, {2, 3, 7});
    EXPECT_EQ(housekeeping.cpus, (CpuList{0, 1}));
    EXPECT_FALSE(housekeeping.shared);
}

TEST(Housekeeping, SharesTheLowestWhenAllAreMeasured) {
    const auto housekeeping = housekeeping_cpus({2, 3}, {0, 1, 2, 3});
    EXPECT_EQ(housekeeping.cpus, CpuList{2});
    EXPECT_TRUE(housekeeping.shared);
}

TEST(Housekeeping, RefusesToMoveAThreadWhereThereIsNoCpu) {
    const auto before = affinity_of(0);
    try {
        set_affinity(0, {8000});
        ADD_FAILURE() << "moved to a CPU that isn't there";
    } catch (const Error& e) {
        EXPECT_EQ(e.reason(), Reason::CpuUnavailable);
    }
    EXPECT_EQ(affinity_of(0), before);
}

TEST(Claim, RestoresTheThreadOnlyAfterTheLast) {
    const auto before = affinity_of(::gettid());
    {
        const Claim first({before.front()}, ::gettid());
        {
            const Claim second({before.back() + 100}, ::gettid()); // a CPU that nobody runs on: claims don't look
            EXPECT_EQ(measured_cpus(), (CpuList{before.front(), before.back() + 100}));
        }
        EXPECT_EQ(affinity_of(::gettid()), housekeeping_cpus(before, {before.front()}).cpus);
        EXPECT_EQ(measured_cpus(), CpuList{before.front()});
    }
    EXPECT_EQ(affinity_of(::gettid()), before);
    EXPECT_TRUE(measured_cpus().empty());
}

TEST(Claim, OfLoopsThatNeverSleepLeavesOneCpuToTheNode) {
    const CpuList online{0, 1, 2};
    const Claim first({0}, std::nullopt, online);
    const Claim sleeps({1}, std::nullopt);
    try {
        const Claim both({1, 2}, std::nullopt, online);
        ADD_FAILURE() << "another claim has CPU 1";
    } catch (const Error& e) {
        EXPECT_EQ(e.reason(), Reason::CpuBusy);
    }
    const CpuList two{0, 2};
    try {
        const Claim last({2}, std::nullopt, two);
        ADD_FAILURE() << "no CPU is left";
    } catch (const Error& e) {
        EXPECT_EQ(e.reason(), Reason::CpuUnavailable);
        EXPECT_NE(std::string(e.what()).find("one on CPU 2 would leave no CPU to the node"), std::string::npos)
            << e.what();
    }
    const Claim last({2}, std::nullopt, online); // CPU 1 is measured by one that sleeps
}

TEST(Claim, KnowsThatTheHousekeepingThreadCameToItsCpuLater) {
    const auto before = affinity_of(::gettid());
    {
        const Claim first({before.front()}, ::gettid());
        EXPECT_EQ(first.shared(), before.size() == 1);
        CpuList others(before.begin() + 1, before.end());
        others.push_back(before.back() + 100);
        const Claim second(others, ::gettid());
        EXPECT_TRUE(first.shared()) << "the lowest one is left to it";
        EXPECT_FALSE(second.shared());
    }
    EXPECT_EQ(affinity_of(::gettid()), before);
}

TEST(Claim, NamesTheCpusThatAreTaken) {
    const Claim first({4, 5, 6}, std::nullopt);
    try {
        const Claim second({1, 5, 6}, std::nullopt);
        ADD_FAILURE() << "claimed twice";
    } catch (const Error& e) {
        EXPECT_EQ(e.reason(), Reason::CpuBusy);
        EXPECT_EQ(std::string(e.what()).find("CPU 5-6 is being measured already"), 0u) << e.what();
    }
    EXPECT_EQ(measured_cpus(), (CpuList{4, 5, 6})) << "nothing of the refused claim is left";
}

} // namespace
} // namespace rtnode::latency
