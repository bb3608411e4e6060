#include "state/own_prefix.hpp"

#include "temp_folder.hpp"

#include <gtest/gtest.h>

using namespace rtnode;
namespace fs = std::filesystem;

namespace {

TEST(OwnPrefix, is_where_the_program_lies_when_its_data_are_there) {
    const TempFolder folder;
    fs::create_directories(folder.path / "software/1/lib/rtnode");
    EXPECT_EQ(prefix_of(folder.path / "software/1/libexec/rtnoded"), folder.path / "software/1");
}

TEST(OwnPrefix, is_the_one_it_was_built_for_in_a_build_folder) {
    const TempFolder folder;
    fs::create_directories(folder.path / "build/daemon");
    EXPECT_EQ(prefix_of(folder.path / "build/daemon/rtnoded"), RTNODE_PREFIX);
    EXPECT_EQ(prefix_of(""), RTNODE_PREFIX);
}

TEST(OwnPrefix, of_the_running_program_is_found) {
    EXPECT_EQ(own_prefix(), prefix_of(fs::canonical("/proc/self/exe")));
}

} // namespace
