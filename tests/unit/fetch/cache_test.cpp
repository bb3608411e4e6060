// The cache stays within its bounds.

#include "fetch/cache.hpp"
#include "temporary_folder.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace rtnode::fetch {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using testing::UnorderedElementsAre;

struct Cache : testing::Test {
    TemporaryFolder folder;

    fs::path package(const std::string& name, std::size_t size, std::chrono::hours age) const {
        const auto path = folder.write("packages/" + name, std::string(size, 'x'));
        fs::last_write_time(path, fs::file_time_type::clock::now() - age);
        return path;
    }
    std::vector<std::string> left(const char* where = "packages") const {
        std::vector<std::string> names;
        for (const auto& entry : fs::directory_iterator(folder.path() / where))
            names.push_back(entry.path().filename());
        return names;
    }
};

TEST_F(Cache, LosesWhatNobodyUsedForLong) {
    package("old.rpm", 10, 100h);
    package("young.rpm", 10, 20h);
    package("old.part", 10, 100h);
    EXPECT_EQ(prune_cache(folder.path(), {.bytes = 1000, .unused = 48h}, {}), 10U);
    EXPECT_THAT(left(), UnorderedElementsAre("young.rpm", "old.part")) << "only packages are its business";
}

TEST_F(Cache, LosesTheLongestUnusedUntilTheRestFits) {
    package("a.rpm", 40, 30h);
    package("b.rpm", 40, 20h);
    package("c.rpm", 40, 10h);
    EXPECT_EQ(prune_cache(folder.path(), {.bytes = 90, .unused = 1000h}, {}), 40U);
    EXPECT_THAT(left(), UnorderedElementsAre("b.rpm", "c.rpm"));
}

TEST_F(Cache, KeepsWhatIsNeededOrWasUsedJustNow) {
    const auto needed = package("needed.rpm", 40, 500h), touched = package("touched.rpm", 40, 500h);
    touch_cached(touched);
    package("gone.rpm", 40, 2h);
    EXPECT_EQ(prune_cache(folder.path(), {.bytes = 0, .unused = 1h}, {needed}), 40U);
    EXPECT_THAT(left(), UnorderedElementsAre("needed.rpm", "touched.rpm"));
}

TEST_F(Cache, CountsTwoNamesOfOneFileOnceAndRemovesBoth) {
    const auto file = package("a.rpm", 60, 20h);
    fs::create_hard_link(file, folder.path() / "packages/sha512-a.rpm");
    package("b.rpm", 30, 10h);
    prune_cache(folder.path(), {.bytes = 95, .unused = 1000h}, {});
    EXPECT_EQ(left().size(), 3U) << "90 bytes in all";
    prune_cache(folder.path(), {.bytes = 80, .unused = 1000h}, {});
    EXPECT_THAT(left(), UnorderedElementsAre("b.rpm"));
}

TEST_F(Cache, ForgetsRepositoriesThatAreNoLongerAsked) {
    for (const auto* name : {"used", "unused"})
        folder.write(std::string("repositories/") + name + "/last-look.json", "{}");
    fs::last_write_time(folder.path() / "repositories/unused/last-look.json", fs::file_time_type::clock::now() - 100h);
    prune_cache(folder.path(), {.bytes = 0, .unused = 48h}, {});
    EXPECT_THAT(left("repositories"), UnorderedElementsAre("used"));
}

TEST_F(Cache, ThatIsNotThereYetIsFine) {
    EXPECT_EQ(prune_cache(folder.path() / "nowhere", {}, {}), 0U);
}

} // namespace
} // namespace rtnode::fetch
