// The whole of it: busctl, the real daemon, the real worker, a real node and web server.

#include "node_on_the_bus.hpp"
#include "worker/failpoint.hpp"

#include <algorithm>
#include <csignal>

using namespace rtnode::test;
using rtnode::tests::facts;
using rtnode::tests::package_url;
using testing::Contains;
using testing::HasSubstr;
using testing::StartsWith;

namespace {

/// Without a new initramfs, so that each place is reached in little time.
const Words small_override{"/org/rtnode1",
                           "org.rtnode1.Manager",
                           "Override",
                           "asasasa{sv}",
                           "1",
                           "rtnode-tools",
                           "0",
                           "0",
                           "1",
                           "append-kernel-arguments",
                           "as",
                           "1",
                           "kill.test=1"};

class DaemonKilledAt : public NodeOnTheBus, public testing::WithParamInterface<std::string> {};

std::vector<std::string> failpoints() {
    const auto& names = rtnode::worker::failpoint_names();
    return {names.begin(), names.end()};
}

} // namespace

TEST_F(NodeOnTheBus, TheWholeHowToIsThreeBusctlLines) {
    start();
    const auto override_line = call({"/org/rtnode1", "org.rtnode1.Manager", "Override", "asasasa{sv}", "1",
                                     package_url(nevra_of("microcode_ctl")), "0", "0", "2", "kernel", "s", "rt",
                                     "append-kernel-arguments", "as", "2", "nohz=on", "skew_tick=1"});
    EXPECT_EQ(override_line.status, 0) << override_line.out;
    EXPECT_EQ(override_line.out, "o \"/org/rtnode1/job/1\"\n");

    const auto wait = call({"/org/rtnode1/job/1", "org.rtnode1.Job", "Wait"});
    EXPECT_EQ(wait.status, 0) << wait.out;
    EXPECT_THAT(wait.out, StartsWith("sa{sv} \"done\""));

    const auto deployments = property("/org/rtnode1", "Manager", "Deployments");
    ASSERT_EQ(deployments.size(), 2u);
    EXPECT_EQ(deployments[0].at("checksum").at("data"), node.checksum(0));
    EXPECT_EQ(deployments[0].at("kernel").at("data"), facts().at("kernels").at("rt_new").at("kver"));
    EXPECT_EQ(property("/org/rtnode1", "Manager", "RebootRequired"), true);
    const auto pending = property("/org/rtnode1", "Manager", "PendingKernelArguments");
    EXPECT_EQ(pending.back(), "skew_tick=1");
    EXPECT_EQ(property("/org/rtnode1/job/1", "Job", "Percent"), 100);
    node.expect_sound();
}

TEST_F(NodeOnTheBus, AFailedJobFailsTheLineThatWaitsForIt) {
    start();
    const auto before = node.state();
    EXPECT_EQ(
        call({"/org/rtnode1", "org.rtnode1.Manager", "Override", "asasasa{sv}", "0", "1", "kernel-core", "0", "0"})
            .status,
        0);
    const auto wait = call({"/org/rtnode1/job/1", "org.rtnode1.Job", "Wait"});
    EXPECT_EQ(wait.status, 1);
    EXPECT_THAT(wait.out, HasSubstr("kernel"));
    EXPECT_EQ(property("/org/rtnode1/job/1", "Job", "State"), "failed");
    EXPECT_THAT(property("/org/rtnode1/job/1", "Job", "ErrorName").get<std::string>(),
                StartsWith("org.rtnode1.Error."));
    EXPECT_EQ(node.state(), before);
}

TEST_F(NodeOnTheBus, JobsRunOneAfterTheOtherAndEachBuildsOnTheOneBefore) {
    start();
    EXPECT_EQ(call(small_override).status, 0);
    EXPECT_EQ(
        call({"/org/rtnode1", "org.rtnode1.Manager", "SetKernelArguments", "asasa{sv}", "1", "second=1", "0", "0"})
            .status,
        0);
    const auto wait = call({"/org/rtnode1/job/2", "org.rtnode1.Job", "Wait"});
    EXPECT_EQ(wait.status, 0) << wait.out;
    EXPECT_EQ(property("/org/rtnode1/job/1", "Job", "State"), "done");
    EXPECT_THAT(node.packages(0), Contains(StartsWith("rtnode-tools-1.1")));
    const auto arguments = node.kernel_arguments(0);
    ASSERT_GE(arguments.size(), 2u);
    EXPECT_EQ(arguments[arguments.size() - 2], "kill.test=1");
    EXPECT_EQ(arguments.back(), "second=1");
}

TEST_P(DaemonKilledAt, TheNextOneCleansUpAndWorks) {
    start(GetParam() + "=wait");
    ASSERT_EQ(call(small_override).status, 0);
    wait_for_job_log(1, "failpoint '" + GetParam() + "': held");
    stop_daemon(SIGKILL);

    start();
    EXPECT_EQ(property("/org/rtnode1/job/1", "Job", "State"), "interrupted");
    ASSERT_EQ(call(small_override).status, 0);
    const auto wait = call({"/org/rtnode1/job/2", "org.rtnode1.Job", "Wait"});
    EXPECT_EQ(wait.status, 0) << wait.out;
    EXPECT_THAT(node.packages(0), Contains(StartsWith("rtnode-tools-1.1")));
    EXPECT_EQ(node.kernel_arguments(0).back(), "kill.test=1");
    node.expect_sound();
    node.expect_no_leftovers();
}

INSTANTIATE_TEST_SUITE_P(EveryFailpoint, DaemonKilledAt, testing::ValuesIn(failpoints()), [](const auto& row) {
    auto name = row.param;
    std::replace(name.begin(), name.end(), '-', '_');
    return name;
});
