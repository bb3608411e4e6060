#include "profile/arguments/arguments.hpp"
#include "state/error.hpp"
#include "state/kernel_arguments.hpp"
#include "topologies.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fmt/format.h>

namespace rtnode::profile {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

const auto el8_1 = TargetKernel::parse("4.18.0-147.rt24.93.el8.x86_64");
const auto el8_4 = TargetKernel::parse("4.18.0-305.rt7.72.el8.x86_64");
const auto el9_4 = TargetKernel::parse("5.14.0-427.13.1.el9_4.x86_64+rt");
const auto el10 = TargetKernel::parse("6.12.0-55.9.1.el10_0.x86_64+rt");
const auto debian = TargetKernel::parse("6.1.0-56-rt-amd64");

const NodeTopology sixteen = machine({.cores = 16});
const CpuSets two_reserved{{0, 1}, parse_cpu_list("2-15")};

Profile isolating() {
    Profile profile;
    profile.name = "worker-rt-isolated";
    profile.isolate = true;
    return profile;
}

std::string line(const Profile& profile, const TargetKernel& kernel, const NodeTopology& node = sixteen,
                 const CpuSets& sets = two_reserved) {
    return fmt::format("{}", fmt::join(tokens_of(arguments_of(profile, sets, node, kernel)), " "));
}

std::vector<std::string> left_out(const Profile& profile, const TargetKernel& kernel) {
    std::vector<std::string> tokens;
    for (const auto& argument : left_out_of(profile, two_reserved, sixteen, kernel)) {
        EXPECT_THAT(argument.reason, Not(IsEmpty())) << argument.token;
        EXPECT_THAT(argument.why, Not(IsEmpty())) << argument.token;
        tokens.push_back(argument.token);
    }
    return tokens;
}

// What TuneD's own loader makes of NTO's templates for 16 CPUs of a Skylake, isolated 2-15, hints realTime and
// highPowerConsumption, 32 pages of 1G, less its second skew_tick=1 and tsc=reliable, tuned.non_isolcpus=00000003 and
// mce=off.
TEST(Arguments, AreThoseOfNtoInItsOrderLessWhatIsLeftOutOnPurpose) {
    auto profile = isolating();
    profile.high_power = true;
    profile.default_huge_page_kib = 1048576;
    profile.huge_pages = {{1048576, 32, std::nullopt}};
    EXPECT_EQ(line(profile, el10),
              "skew_tick=1 tsc=reliable rcupdate.rcu_normal_after_boot=1 rcutree.nohz_full_patience_delay=1000 nohz=on "
              "rcu_nocbs=2-15 systemd.cpu_affinity=0,1 intel_iommu=on iommu=pt nmi_watchdog=0 processor.max_cstate=1 "
              "intel_idle.max_cstate=0 idle=poll intel_pstate=disable nohz_full=2-15 isolcpus=managed_irq,2-15 "
              "nosoftlockup rcutree.kthread_prio=11 default_hugepagesz=1G hugepagesz=1G hugepages=32");
    EXPECT_THAT(left_out(profile, el10), ElementsAre("tuned.non_isolcpus=00000003", "mce=off"));
}

TEST(Arguments, FollowTheHints) {
    auto profile = isolating();
    EXPECT_EQ(line(profile, el10),
              "skew_tick=1 tsc=reliable rcupdate.rcu_normal_after_boot=1 rcutree.nohz_full_patience_delay=1000 nohz=on "
              "rcu_nocbs=2-15 systemd.cpu_affinity=0,1 intel_iommu=on iommu=pt nmi_watchdog=0 intel_pstate=disable "
              "nohz_full=2-15 isolcpus=managed_irq,2-15 nosoftlockup rcutree.kthread_prio=11");
    profile.real_time = false;
    EXPECT_EQ(line(profile, el10),
              "skew_tick=1 tsc=reliable rcupdate.rcu_normal_after_boot=1 rcutree.nohz_full_patience_delay=1000 nohz=on "
              "rcu_nocbs=2-15 systemd.cpu_affinity=0,1 intel_iommu=on iommu=pt intel_pstate=disable nohz_full=2-15 "
              "isolcpus=managed_irq,2-15");
    profile.high_power = true;
    EXPECT_THAT(line(profile, el10), HasSubstr(" processor.max_cstate=1 intel_idle.max_cstate=0 intel_pstate=disable "))
        << "idle=poll is of both hints together";
    profile.balance_isolated = false;
    EXPECT_THAT(line(profile, el10), HasSubstr(" isolcpus=domain,managed_irq,2-15"));
}

TEST(Arguments, LeaveOutWhatTheTargetKernelDoesNotUnderstand) {
    EXPECT_EQ(line(isolating(), el9_4),
              "skew_tick=1 tsc=reliable rcupdate.rcu_normal_after_boot=1 nohz=on rcu_nocbs=2-15 "
              "systemd.cpu_affinity=0,1 intel_iommu=on iommu=pt nmi_watchdog=0 intel_pstate=disable nohz_full=2-15 "
              "isolcpus=managed_irq,2-15 nosoftlockup rcutree.kthread_prio=11");
    EXPECT_THAT(left_out(isolating(), el9_4),
                ElementsAre("rcutree.nohz_full_patience_delay=1000", "tuned.non_isolcpus=00000003", "mce=off"));
    EXPECT_EQ(line(isolating(), el8_4), line(isolating(), el9_4)) << "by Red Hat's backports";
    EXPECT_EQ(line(isolating(), debian), line(isolating(), el9_4));
}

TEST(Arguments, DoNotMakeAnOldKernelIgnoreAllOfIsolcpus) {
    auto profile = isolating();
    EXPECT_EQ(
        line(profile, el8_1),
        "skew_tick=1 tsc=reliable rcupdate.rcu_normal_after_boot=1 nohz=on rcu_nocbs=2-15 intel_iommu=on iommu=pt "
        "nmi_watchdog=0 intel_pstate=disable nohz_full=2-15 nosoftlockup rcutree.kthread_prio=11");
    EXPECT_THAT(left_out(profile, el8_1),
                ElementsAre("rcutree.nohz_full_patience_delay=1000", "tuned.non_isolcpus=00000003",
                            "systemd.cpu_affinity=0,1", "mce=off", "isolcpus=managed_irq,2-15"));
    profile.balance_isolated = false;
    EXPECT_THAT(line(profile, el8_1), HasSubstr(" isolcpus=domain,2-15 ")) << "the flag that it knows stays";
    EXPECT_THAT(left_out(profile, el8_1).back(), "isolcpus=domain,managed_irq,2-15");
}

TEST(Arguments, OfAnUnknownKernelAreThoseThatEachOneUnderstands) {
    EXPECT_EQ(line(isolating(), {}), line(isolating(), el8_1));
}

TEST(Arguments, FollowTheProcessor) {
    auto node = sixteen;
    node.pmu_name = "icelake";
    EXPECT_THAT(line(isolating(), el10, node), HasSubstr(" intel_pstate=active "));
    for (const auto* old : {"", "sandybridge", "ivybridge", "haswell", "broadwell", "skylake"}) {
        node.pmu_name = old;
        EXPECT_THAT(line(isolating(), el10, node), HasSubstr(" intel_pstate=disable ")) << old;
    }

    auto profile = isolating();
    profile.high_power = true;
    node.vendor = "AuthenticAMD";
    EXPECT_EQ(line(profile, el9_4, node),
              "skew_tick=1 tsc=reliable rcupdate.rcu_normal_after_boot=1 nohz=on rcu_nocbs=2-15 "
              "systemd.cpu_affinity=0,1 iommu=pt nmi_watchdog=0 processor.max_cstate=1 idle=poll amd_pstate=guided "
              "nohz_full=2-15 isolcpus=managed_irq,2-15 nosoftlockup rcutree.kthread_prio=11");
    EXPECT_THAT(line(profile, debian, node), Not(HasSubstr("amd_pstate"))) << "guided came with 6.4";

    node.vendor = "";
    EXPECT_EQ(line(isolating(), el9_4, node),
              "skew_tick=1 tsc=reliable rcupdate.rcu_normal_after_boot=1 nohz=on rcu_nocbs=2-15 "
              "systemd.cpu_affinity=0,1 nmi_watchdog=0 nohz_full=2-15 isolcpus=managed_irq,2-15 nosoftlockup "
              "rcutree.kthread_prio=11");
}

TEST(Arguments, DoNotChangeWhenACpuGoesOffline) {
    auto node = sixteen;
    take_offline(node, 1);
    take_offline(node, 9);
    EXPECT_EQ(line(isolating(), el10, node), line(isolating(), el10));
}

TEST(Arguments, HaveRangesWhereTheKernelReadsThemAndNoneForSystemd) {
    const auto node = machine({.nodes = 2, .cores = 10, .threads = 2});
    auto profile = isolating();
    profile.reserve_cores = 4;
    const auto text = line(profile, el10, node, choose(profile, node));
    EXPECT_THAT(text, HasSubstr(" rcu_nocbs=3-9,11-19,23-29,31-39 "));
    EXPECT_THAT(text, HasSubstr(" systemd.cpu_affinity=0,1,2,10,20,21,22,30 "));
    EXPECT_THAT(text, HasSubstr(" nohz_full=3-9,11-19,23-29,31-39 "));
}

TEST(Arguments, CanNotIsolateWithoutCpuSets) {
    try {
        line(isolating(), el10, sixteen, {});
        ADD_FAILURE() << "not refused";
    } catch (const Error& e) {
        EXPECT_EQ(e.reason(), Reason::Configuration);
        EXPECT_THAT(e.what(), HasSubstr("profile 'worker-rt-isolated': isolate = true"));
    }
}

// The how-to's, in its order, doubtful ones among them.
TEST(Arguments, OfAProfileThatComputesNothingAreItsOwnVerbatim) {
    Profile profile;
    profile.append = KernelArguments::parse("default_hugepagesz=1G hugepagesz=1G hugepages=32 nohz=on nosoftlockup "
                                            "nmi_watchdog=0 audit=0 mce=off kthread_cpus=0 irqaffinity=0 skew_tick=1 "
                                            "processor.max_cstate=1 idle=poll intel_pstate=disable "
                                            "intel_idle.max_cstate=0 intel_iommu=on iommu=pt")
                         .tokens();
    const auto arguments = arguments_of(profile, {}, sixteen, el8_1);
    EXPECT_EQ(tokens_of(arguments), profile.append);
    for (const auto& argument : arguments)
        EXPECT_FALSE(argument.computed) << argument.token;
    EXPECT_THAT(left_out_of(profile, {}, sixteen, el8_1), IsEmpty());
}

TEST(Arguments, HaveTheProfilesOwnLastEvenWhenTheyRepeatOrContradict) {
    auto profile = isolating();
    profile.append = {"skew_tick=1", "mce=off"};
    EXPECT_TRUE(line(profile, el10).ends_with(" rcutree.kthread_prio=11 skew_tick=1 mce=off"));
}

TEST(Arguments, SayWhyAndSinceWhen) {
    auto profile = isolating();
    profile.append = {"console=ttyS0", "my_driver.debug=1"};
    for (const auto& argument : arguments_of(profile, two_reserved, sixteen, el10)) {
        EXPECT_THAT(argument.why, Not(IsEmpty())) << argument.token;
        EXPECT_EQ(argument.computed, argument.token != "console=ttyS0" && argument.token != "my_driver.debug=1");
        if (argument.token == "isolcpus=managed_irq,2-15") {
            EXPECT_EQ(argument.since, "5.6 (el8: build 193)");
        }
        if (argument.token == "nmi_watchdog=0") {
            EXPECT_THAT(argument.why, HasSubstr("isolate and real-time: "));
        }
        if (argument.token == "my_driver.debug=1") {
            EXPECT_EQ(argument.since, "");
        }
    }
}

Profile with_pages(std::uint64_t default_kib, std::vector<Profile::HugePages> pages) {
    Profile profile;
    profile.default_huge_page_kib = default_kib;
    profile.huge_pages = std::move(pages);
    return profile;
}

TEST(HugePageArguments, KeepThePairsTogetherInTheGivenOrder) {
    EXPECT_EQ(line(with_pages(1048576, {{1048576, 4, {}}, {2048, 128, {}}}), el9_4),
              "default_hugepagesz=1G hugepagesz=1G hugepages=4 hugepagesz=2M hugepages=128");
    EXPECT_EQ(line(with_pages(2048, {{2048, 128, {}}, {1048576, 4, {}}}), el9_4),
              "default_hugepagesz=2M hugepagesz=2M hugepages=128 hugepagesz=1G hugepages=4");
    EXPECT_EQ(line(with_pages(0, {{1048576, 4, {}}}), el9_4), "hugepagesz=1G hugepages=4") << "the kernel's default";
    EXPECT_EQ(line(with_pages(1048576, {}), el9_4), "default_hugepagesz=1G");
    EXPECT_EQ(line(with_pages(0, {}), el9_4), "");
}

TEST(HugePageArguments, LeavePagesOfANumaNodeToTheRunTime) {
    EXPECT_EQ(line(with_pages(2048, {{2048, 128, 0}, {2048, 256, 1}}), el9_4), "default_hugepagesz=2M");
    EXPECT_EQ(line(with_pages(1048576, {{1048576, 2, 1}, {1048576, 4, {}}}), el9_4),
              "default_hugepagesz=1G hugepagesz=1G hugepages=4");
}

TEST(HugePageArguments, KeepSmallPagesPossibleBesideABigDefault) {
    EXPECT_EQ(line(with_pages(1048576, {{1048576, 4, {}}, {2048, 128, 0}}), el9_4),
              "default_hugepagesz=1G hugepagesz=1G hugepages=4 hugepagesz=2M hugepages=0");
    EXPECT_EQ(line(with_pages(1048576, {{2048, 128, 0}, {2048, 64, {}}}), el9_4),
              "default_hugepagesz=1G hugepagesz=2M hugepages=64")
        << "there are some by argument";
    EXPECT_EQ(line(with_pages(2048, {{2048, 128, 0}}), el9_4), "default_hugepagesz=2M");
}

} // namespace
} // namespace rtnode::profile
