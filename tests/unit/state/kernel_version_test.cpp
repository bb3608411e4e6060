// Versions as Red Hat's repositories have them.

#include "state/error.hpp"
#include "state/kernel_version.hpp"

#include <gtest/gtest.h>

using namespace rtnode;
using Policy = KernelVersion::Policy;

TEST(KernelVersion, IsAPolicyOrAVersion) {
    EXPECT_EQ(KernelVersion::parse("").policy, Policy::match_base);
    EXPECT_EQ(KernelVersion::parse("match-base").policy, Policy::match_base);
    EXPECT_EQ(KernelVersion::parse("newest").policy, Policy::newest);
    EXPECT_EQ(KernelVersion::parse("pinned"), (KernelVersion{Policy::pinned, ""}));
    EXPECT_EQ(KernelVersion::parse("4.18.0-147.rt24.93.el8"),
              (KernelVersion{Policy::pinned, "4.18.0-147.rt24.93.el8"}));
    for (const auto* wrong : {"latest", "kernel-rt-core", "-1", "5.14 .0", "5.14*"})
        EXPECT_THROW(KernelVersion::parse(wrong), Error) << wrong;
}

TEST(KernelVersion, PinsAVersionWithOrWithoutItsReleaseAndEpoch) {
    EXPECT_TRUE(KernelVersion::parse("5.14.0-427.el9").names("5.14.0-427.el9"));
    EXPECT_TRUE(KernelVersion::parse("5.14.0").names("5.14.0-427.el9"));
    EXPECT_TRUE(KernelVersion::parse("5.14.0").names("1:5.14.0-427.el9"));
    EXPECT_TRUE(KernelVersion::parse("1:5.14.0").names("1:5.14.0-427.el9"));
    EXPECT_FALSE(KernelVersion::parse("1:5.14.0").names("5.14.0-427.el9"));
    EXPECT_FALSE(KernelVersion::parse("5.14").names("5.14.0-427.el9")) << "a prefix is no version";
    EXPECT_FALSE(KernelVersion::parse("5.14.0-42").names("5.14.0-427.el9"));
    EXPECT_FALSE(KernelVersion::parse("pinned").names("5.14.0-427.el9"));
}

TEST(KernelVersion, OfOneSourceDiffersAtMostInTheCounterOfTheRealTimePatches) {
    EXPECT_TRUE(same_sources("4.18.0-147.rt24.93.el8", "4.18.0-147.el8")) << "the RHCOS-RT how-to's";
    EXPECT_TRUE(same_sources("4.18.0-147.3.1.rt24.96.el8_1", "4.18.0-147.3.1.el8_1"));
    EXPECT_TRUE(same_sources("5.14.0-70.13.1.rt21.83.el9_0", "5.14.0-70.13.1.el9_0"));
    EXPECT_TRUE(same_sources("5.14.0-427.13.1.el9_4", "5.14.0-427.13.1.el9_4")) << "since RHEL 9.3";
    EXPECT_FALSE(same_sources("4.18.0-193.rt13.51.el8", "4.18.0-147.el8"));
    EXPECT_FALSE(same_sources("4.18.0-147.3.1.rt24.96.el8_1", "4.18.0-147.el8"));
    EXPECT_FALSE(same_sources("4.18.0-147.rtx.el8", "4.18.0-147.el8"));
}
