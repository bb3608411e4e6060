#include "latency/memory_lock.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <optional>
#include <string>

namespace rtnode::latency {
namespace {

using ::testing::HasSubstr;

/// VmLck of this process, in KiB.
long locked_kib() {
    std::ifstream status("/proc/self/status");
    for (std::string line; std::getline(status, line);)
        if (line.starts_with("VmLck:")) return std::stol(line.substr(6));
    return -1;
}

TEST(MemoryLock, IsHeldUntilTheLastOfSeveralIsGone) {
    ASSERT_EQ(locked_kib(), 0);
    std::optional<MemoryLock> first{std::in_place}, second{std::in_place};
    EXPECT_EQ(first->held(), second->held());
    if (!first->held()) {
        EXPECT_THAT(first->why_not(), HasSubstr("LimitMEMLOCK=infinity"));
        first.reset();
        second.reset();
        EXPECT_EQ(locked_kib(), 0);
        return;
    }
    const long locked = locked_kib();
    first.reset();
    EXPECT_EQ(locked_kib(), locked) << "the second still wants it";
    second.reset();
    EXPECT_EQ(locked_kib(), 0);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__) // their mlockall() does nothing: the shadow is huge
    EXPECT_GT(locked, 0);
#endif
}

} // namespace
} // namespace rtnode::latency
