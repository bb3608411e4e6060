// The stamp of libostree; what the journal of a shutdown says is shown on a machine that boots (tests/vm).

#include "host/last_shutdown.hpp"
#include "temp_folder.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

namespace rtnode::host {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr auto no_boot = "00000000-0000-4000-8000-000000000000";

struct LastShutdown : testing::Test {
    void SetUp() override {
        std::filesystem::create_directory(temp.path / "ostree");
        std::ofstream(temp.path / "ostree/finalize-failure.stamp") << "Finalizing deployment: No space left on device";
    }
    TempFolder temp;
};

TEST_F(LastShutdown, OfAnUnknownBootIsToldByTheStamp) {
    const auto trace = last_shutdown(no_boot, temp.path, 0);
    EXPECT_FALSE(trace.boot_known);
    EXPECT_THAT(trace.errors, ElementsAre("Finalizing deployment: No space left on device"));
}

TEST_F(LastShutdown, AStampFromBeforeIsOfAnotherShutdown) {
    constexpr std::uint64_t year_2100_us = 4'102'444'800'000'000;
    EXPECT_THAT(last_shutdown(no_boot, temp.path, year_2100_us).errors, IsEmpty());
}

TEST_F(LastShutdown, AStampThatIsNoFileIsNotFollowed) {
    std::filesystem::rename(temp.path / "ostree/finalize-failure.stamp", temp.path / "elsewhere");
    std::filesystem::create_symlink("../elsewhere", temp.path / "ostree/finalize-failure.stamp");
    EXPECT_THAT(last_shutdown(no_boot, temp.path, 0).errors, IsEmpty());
}

} // namespace
} // namespace rtnode::host
