// Somebody else deploys a base without the real-time kernel: an admin sees it in time, and one command puts it back.

#include "node_on_the_bus.hpp"

using namespace rtnode::test;
using rtnode::tests::output_of;
using testing::Contains;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

using Update = NodeOnTheBus;

TEST_F(Update, WhatSomebodyElsesDeploymentLosesIsSaidAndPutBack) {
    const auto base = node.checksum(0);
    const auto admin = [&](const std::vector<std::string>& words) {
        std::vector<std::string> all{"ostree", "admin", "--sysroot=" + node.sysroot.string()};
        all.insert(all.end(), words.begin(), words.end());
        output_of(all);
    };
    start();
    ASSERT_EQ(rtnodectl({"override", "--kernel", "rt", "--append-karg", "nohz=on"}).status, 0);
    EXPECT_THAT(rtnodectl({"status"}).out, Not(HasSubstr("Warning")));
    EXPECT_EQ(property("/org/rtnode1", "Manager", "WillLoseRealTime"), false);

    // On a node in a folder the last deployment stands in for the booted one.
    stop_daemon();
    admin({"undeploy", "1"});
    admin({"deploy", "--os=rhcos", "--retain", base});
    start();
    EXPECT_EQ(property("/org/rtnode1", "Manager", "WillLoseRealTime"), true);
    EXPECT_THAT(
        rtnodectl({"status"}).out,
        HasSubstr("Warning: the next boot has no real-time kernel, and no job asked for that; \"rtnodectl update "
                  "--no-pull\" puts it back\n"));
    EXPECT_THAT(node.packages(0), Contains(StartsWith("kernel-core-")));

    const auto pulls = rtnodectl({"update"});
    EXPECT_EQ(pulls.status, 1) << "the origin is a commit";
    EXPECT_THAT(pulls.out, HasSubstr("--no-pull"));
    const auto put_back = rtnodectl({"update", "--no-pull"});
    EXPECT_EQ(put_back.status, 0) << put_back.out;
    EXPECT_THAT(put_back.out, HasSubstr("Putting back what the pending deployment lost: 4 overrides and 3 overlays"));
    EXPECT_EQ(property("/org/rtnode1", "Manager", "WillLoseRealTime"), false);
    EXPECT_THAT(node.packages(0), Contains(StartsWith("kernel-rt-core-")));
    EXPECT_THAT(node.packages(0), Not(Contains(StartsWith("kernel-core-"))));
    EXPECT_EQ(rtnodectl({"--unchanged-exit-77", "update", "--no-pull"}).status, 77);
}
