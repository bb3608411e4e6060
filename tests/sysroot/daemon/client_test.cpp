// rtnodectl as an admin uses it, against the real daemon on a real node.

#include "node_on_the_bus.hpp"

using namespace rtnode::test;
using rtnode::tests::facts;
using rtnode::tests::package_url;
using testing::AllOf;
using testing::ContainsRegex;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

using Client = NodeOnTheBus;

TEST_F(Client, TellsTheHowTosStoryWhileItFollowsAndAfterwards) {
    start();
    const auto story = rtnodectl(
        {"override", "--replace", package_url(nevra_of("microcode_ctl")), "--kernel", "rt", "--append-karg=nohz=on"});
    EXPECT_EQ(story.status, 0) << story.out;
    std::size_t at = 0;
    for (const auto* line :
         {"Importing rpm-md... done", "Resolving dependencies... done", "Applying 5 overrides and 3 overlays",
          "Generating initramfs... done", "Writing OSTree commit... done", "Freed: ", "Upgraded:\nmicrocode_ctl 4:",
          "Removed:\nkernel-", "Added:\nkernel-rt-core-", "Run \"systemctl reboot\" to start a reboot"}) {
        const auto found = story.out.find(line, at);
        ASSERT_NE(found, std::string::npos) << line << " is not there, or not in its place, in:\n" << story.out;
        at = found;
    }
    EXPECT_THAT(story.out, Not(HasSubstr("dracut:"))) << "tools' output is for --verbose and the log";
    EXPECT_THAT(rtnodectl({"log", "1"}).out, HasSubstr("  dracut: "));
    EXPECT_EQ(rtnodectl({"log"}).out, rtnodectl({"log", "1"}).out) << "the newest job's";
    EXPECT_THAT(rtnodectl({"jobs"}).out, HasSubstr("override"));
    EXPECT_EQ(rtnodectl({"complete", "--", "log", ""}).out, "1\toverride, done\n");

    const auto status = rtnodectl({"status"});
    EXPECT_THAT(status.out,
                AllOf(StartsWith("State: idle\nDeployments:\n"),
                      HasSubstr("CustomOrigin: Managed by machine-config-operator"),
                      HasSubstr("Diff: 1 upgraded, 4 removed, 3 added"), HasSubstr("RemovedBasePackages: kernel"),
                      HasSubstr("ReplacedBasePackages: microcode_ctl 4:"), HasSubstr("LocalPackages: kernel-rt-")));

    const auto again = rtnodectl({"--unchanged-exit-77", "override", "--kernel", "rt"});
    EXPECT_EQ(again.status, 77) << again.out;
}

TEST_F(Client, ADryRunPlansAndItsPlanCanBeAskedFor) {
    start();
    const auto before = node.state();
    const auto dry = rtnodectl({"--json", "override", "--replace", "rtnode-tools", "--dry-run"});
    ASSERT_EQ(dry.status, 0) << dry.out;
    const auto plan = nlohmann::json::parse(dry.out).at("Result").at("plan").get<std::string>();
    EXPECT_EQ(node.state(), before);

    const auto stale = rtnodectl({"override", "--replace", "rtnode-tools", "--expected-plan", std::string(64, '0')});
    EXPECT_EQ(stale.status, 1);
    EXPECT_THAT(stale.out, HasSubstr(plan)) << "the message names the plan as it is now";
    EXPECT_EQ(rtnodectl({"override", "--replace", "rtnode-tools", "--expected-plan", plan}).status, 0);
    EXPECT_EQ(node.deployments().size(), 2u);
}

TEST_F(Client, KernelArgumentsRollbackAndDropPendingMoveDeployments) {
    start();
    EXPECT_EQ(rtnodectl({"kargs", "--append", "isolcpus=1"}).status, 0);
    EXPECT_EQ(node.kernel_arguments(0).back(), "isolcpus=1");
    EXPECT_THAT(rtnodectl({"kargs"}).out, HasSubstr("isolcpus=1"));
    EXPECT_EQ(rtnodectl({"rollback"}).status, 0);
    EXPECT_NE(node.kernel_arguments(0).back(), "isolcpus=1");
    EXPECT_EQ(rtnodectl({"rollback"}).status, 0);
    EXPECT_EQ(node.kernel_arguments(0).back(), "isolcpus=1");
    EXPECT_EQ(rtnodectl({"drop-pending"}).status, 0);
    EXPECT_EQ(node.deployments().size(), 1u);
    EXPECT_EQ(property("/org/rtnode1", "Manager", "RebootRequired"), false);
}

TEST_F(Client, AFailureSaysWhatAndWhatNext) {
    start();
    const auto nothere = rtnodectl({"override", "--install", "/nothere.rpm"});
    EXPECT_EQ(nothere.status, 1);
    EXPECT_THAT(nothere.out, HasSubstr("/nothere.rpm"));
    EXPECT_EQ(rtnodectl({"override", "--frobnicate"}).status, 2);
    const auto reboot = rtnodectl({"reboot"});
    EXPECT_EQ(reboot.status, 1) << "a node in a folder can't be rebooted";
    EXPECT_THAT(reboot.out, HasSubstr("folder"));
    stop_daemon();
    EXPECT_EQ(rtnodectl({"status"}).status, 4);
}

TEST_F(Client, AMeasurementEndsWithTheThreeLinesThatScriptsGrep) {
    start();
    const auto run = rtnodectl({"latency", "run", "--duration", "1s", "--cpus", "0"});
    EXPECT_EQ(run.status, 0) << run.out;
    for (const auto* name : {"Min", "Avg", "Max"}) // five digits, as cyclictest has them
        EXPECT_THAT(run.out, ContainsRegex("# " + std::string(name) + " Latencies: [0-9]{5}\n"));
    EXPECT_THAT(rtnodectl({"latency", "report", "1", "--format", "cyclictest-2.4"}).out,
                HasSubstr("# Histogram\n000000 "));
    EXPECT_EQ(rtnodectl({"complete", "--", "latency", "report", ""}).out, "1\tdone\n");
    EXPECT_TRUE(std::filesystem::exists(temp.path / "state/latency/1.json"));
}
