#include "ostree/evr.hpp"

#include <gtest/gtest.h>

namespace rtnode::ostree {
namespace {

struct Order {
    const char *older, *newer;
};

class VersionOrder : public testing::TestWithParam<Order> {};

TEST_P(VersionOrder, IsRpms) {
    EXPECT_LT(compare_versions(GetParam().older, GetParam().newer), 0);
    EXPECT_GT(compare_versions(GetParam().newer, GetParam().older), 0);
}

INSTANTIATE_TEST_SUITE_P(Examples, VersionOrder,
                         testing::Values(Order{"1.0", "2.0"}, Order{"2.0", "2.0.1"}, Order{"5.5p1", "5.5p2"},
                                         Order{"5.5p2", "5.5p10"}, Order{"xyz10", "10xyz"}, Order{"xyz.4", "8"},
                                         Order{"5.5p2", "5.6p1"}, Order{"1.0~rc1", "1.0"}, Order{"1.0~rc1", "1.0~rc2"},
                                         Order{"1.0", "1.0^git1"}, Order{"1.0^git1", "1.0^git2"},
                                         Order{"1.0^git1", "1.0.1"}, Order{"1.0~rc1^git1", "1.0"},
                                         Order{"147.el8", "147.rt24.93.el8"}, Order{"9", "10"},
                                         Order{"20190618", "20190918"}, Order{"1.a", "1.1"}));

TEST(VersionOrderEqual, IgnoresLeadingZerosAndSeparators) {
    EXPECT_EQ(compare_versions("1.01", "1.1"), 0);
    EXPECT_EQ(compare_versions("1_0", "1.0"), 0);
    EXPECT_EQ(compare_versions("", ""), 0);
}

TEST(PackageOrder, IsNameThenEvrThenArch) {
    const Nevra a{"kernel", 0, "4.18.0", "147.el8", "x86_64"}, b{"kernel", 1, "4.17.0", "1.el8", "x86_64"},
        c{"kernel-core", 0, "1", "1", "noarch"}, d{"kernel-core", 0, "1", "1", "x86_64"};
    EXPECT_TRUE(package_less(a, b));
    EXPECT_TRUE(package_less(b, c));
    EXPECT_TRUE(package_less(c, d));
    EXPECT_FALSE(package_less(d, c));
    EXPECT_FALSE(package_less(a, a));
}

} // namespace
} // namespace rtnode::ostree
