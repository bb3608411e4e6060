#include "latency/permission.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sys/utsname.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace rtnode::latency {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

std::string explained(const Permissions& permissions) {
    return explain_denied(permissions, Policy::Fifo, 95);
}

TEST(RealTimeDenied, NamesCapabilityAndLimitWhenBothAreMissing) {
    const Permissions permissions{.rtprio_limit = 20, .group_scheduling = true};
    EXPECT_EQ(
        explained(permissions),
        "the kernel refuses scheduling policy fifo with priority 95: the daemon has neither the capability "
        "CAP_SYS_NICE nor a limit RLIMIT_RTPRIO of at least 95 (it is 20); have CAP_SYS_NICE in its unit's "
        "CapabilityBoundingSet= (and, unless it runs as root, in AmbientCapabilities=), or LimitRTPRIO=99, or measure "
        "with policy other");
}

TEST(RealTimeDenied, NamesGroupSchedulingWhenPermissionIsThere) {
    const Permissions permissions{
        .sys_nice = true, .group_scheduling = true, .cgroup = "/system.slice/rtnoded.service", .rt_runtime_us = 950000};
    EXPECT_THAT(explained(permissions),
                AllOf(HasSubstr("CAP_SYS_NICE is there, but the kernel is built with CONFIG_RT_GROUP_SCHED and cgroup "
                                "/system.slice/rtnoded.service has no real-time runtime"),
                      HasSubstr("kernel.sched_rt_runtime_us=-1"), Not(HasSubstr("RestrictRealtime"))));
}

TEST(RealTimeDenied, AcceptsALimitInPlaceOfTheCapability) {
    const Permissions permissions{.rtprio_limit = 99, .group_scheduling = true};
    EXPECT_THAT(explained(permissions), AllOf(HasSubstr("RLIMIT_RTPRIO is 99, but"), HasSubstr("RT_GROUP_SCHED")));
}

TEST(RealTimeDenied, NamesTheSeccompFilterWhenNothingElseIsLeft) {
    const Permissions permissions{.sys_nice = true, .seccomp = true, .group_scheduling = false};
    EXPECT_THAT(explained(permissions), AllOf(HasSubstr("RestrictRealtime=no"), Not(HasSubstr("RT_GROUP_SCHED"))));
}

TEST(RealTimeDenied, NamesBothWhenEitherMayBe) {
    const Permissions permissions{.sys_nice = true, .seccomp = true};
    EXPECT_THAT(explained(permissions),
                AllOf(HasSubstr("so either"), HasSubstr("RestrictRealtime=no"), HasSubstr("CONFIG_RT_GROUP_SCHED")));
}

TEST(RealTimeDenied, LeavesGroupSchedulingOutWhereItIsSwitchedOff) {
    const Permissions permissions{.sys_nice = true, .group_scheduling = true, .rt_runtime_us = -1};
    EXPECT_THAT(explained(permissions), AllOf(HasSubstr("no known reason"), Not(HasSubstr("RT_GROUP_SCHED"))));
}

TEST(Permissions, AreReadFromProcAndTheKernelsConfiguration) {
    const auto root =
        std::filesystem::path(::testing::TempDir()) / ("rtnode-permissions-" + std::to_string(::getpid()));
    utsname name{};
    ASSERT_EQ(::uname(&name), 0);
    const auto write = [&](const std::filesystem::path& path, const std::string& text) {
        std::filesystem::create_directories((root / path).parent_path());
        std::ofstream(root / path) << text;
    };
    write("proc/self/status", "Name:\trtnoded\nCapPrm:\t000001ffffffffff\nCapEff:\t0000000000804000\nSeccomp:\t2\n"
                              "Seccomp_filters:\t4\n");
    write("proc/self/cgroup", "1:name=systemd:/old\n0::/system.slice/rtnoded.service\n");
    write("proc/sys/kernel/sched_rt_runtime_us", "950000\n");
    write(std::filesystem::path("usr/lib/modules") / name.release / "config",
          "CONFIG_SCHED_MC=y\nCONFIG_RT_GROUP_SCHED=y\n");
    auto permissions = Permissions::read(root);
    EXPECT_TRUE(permissions.sys_nice);
    EXPECT_TRUE(permissions.ipc_lock);
    EXPECT_TRUE(permissions.seccomp);
    EXPECT_EQ(permissions.cgroup, "/system.slice/rtnoded.service");
    EXPECT_EQ(permissions.rt_runtime_us, 950000);
    EXPECT_EQ(permissions.group_scheduling, true);

    write("proc/self/status", "CapEff:\t0000000000000000\nSeccomp:\t0\n");
    write(std::filesystem::path("usr/lib/modules") / name.release / "config", "# CONFIG_RT_GROUP_SCHED is not set\n");
    permissions = Permissions::read(root);
    EXPECT_FALSE(permissions.sys_nice);
    EXPECT_FALSE(permissions.ipc_lock);
    EXPECT_FALSE(permissions.seccomp);
    EXPECT_EQ(permissions.group_scheduling, false);
    std::filesystem::remove_all(root);
    EXPECT_EQ(Permissions::read(root).group_scheduling, std::nullopt) << "no configuration to be found";
}

} // namespace
} // namespace rtnode::latency
