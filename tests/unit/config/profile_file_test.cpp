#include "profile_fixture.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

using namespace rtnode;
using namespace rtnode::config;
using namespace std::chrono_literals;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Pair;

namespace {

class ProfileFileTest : public ProfileFixture {};

Sources shipped() {
    Sources sources;
    sources.profile_folders = {SHIPPED_PROFILES};
    return sources;
}

} // namespace

TEST(ShippedProfiles, AllLoadAndSayWhatTheyAre) {
    EXPECT_THAT(profile_names(shipped()), ElementsAre("measure-only", "worker-rt", "worker-rt-isolated"));
    for (const auto& name : profile_names(shipped())) {
        const auto profile = load_profile(shipped(), name);
        EXPECT_EQ(profile.name, name);
        EXPECT_NE(profile.description, "") << name;
        EXPECT_THAT(profile.files, ElementsAre(HasSubstr(name + ".toml")));
        EXPECT_FALSE(profile.rollback) << name << " must not reboot a node by itself";
        EXPECT_EQ(profile.reboot, Profile::Reboot::manual) << name;
    }
}

TEST(ShippedProfiles, WorkerRtIsTheHowTosNodeWithItsArgumentsInItsOrder) {
    const auto profile = load_profile(shipped(), "worker-rt");
    EXPECT_EQ(profile.kernel, "rt");
    EXPECT_THAT(profile.replace, ElementsAre("microcode_ctl"));
    EXPECT_EQ(fmt::format("{}", fmt::join(profile.append, " ")),
              "default_hugepagesz=1G hugepagesz=1G hugepages=32 nohz=on nosoftlockup nmi_watchdog=0 audit=0 mce=off "
              "kthread_cpus=0 irqaffinity=0 skew_tick=1 processor.max_cstate=1 idle=poll intel_pstate=disable "
              "intel_idle.max_cstate=0 intel_iommu=on iommu=pt");
    EXPECT_FALSE(profile.isolate);
    EXPECT_TRUE(profile.require_real_time);
}

TEST(ShippedProfiles, WorkerRtIsolatedComputesItsArgumentsAndIsJudged) {
    const auto profile = load_profile(shipped(), "worker-rt-isolated");
    EXPECT_EQ(profile.kernel, "rt");
    EXPECT_EQ(profile.reserve_cores, 1U);
    EXPECT_TRUE(profile.isolate);
    EXPECT_THAT(profile.append, IsEmpty());
    EXPECT_EQ(profile.ignore_corrected_errors, true) << "instead of mce=off";
    EXPECT_FALSE(profile.sysctls.contains("kernel.sched_rt_runtime_us")) << "stops nodes that have no stalld";
    EXPECT_EQ(profile.acceptance.cpus, "isolated");
    EXPECT_GT(profile.acceptance.max_us, 0U);
}

TEST(ShippedProfiles, MeasureOnlyChangesNothing) {
    const auto profile = load_profile(shipped(), "measure-only");
    Profile nothing;
    nothing.name = profile.name;
    nothing.description = profile.description;
    nothing.files = profile.files;
    nothing.acceptance = profile.acceptance;
    EXPECT_EQ(profile, nothing);
    EXPECT_GT(profile.acceptance.duration, 0s);
}

TEST_F(ProfileFileTest, AnEmptyFileIsAProfileThatAsksForNothing) {
    Profile nothing;
    nothing.name = "node";
    nothing.files = {(temp.path / "usr/node.toml").string()};
    EXPECT_EQ(profile_of(""), nothing);
}

TEST_F(ProfileFileTest, ALaterFoldersFileReplacesAnEarlierOnes) {
    write("usr/node.toml", "[packages]\nkernel = 'rt'\n[verify]\nrequire-real-time = true\n");
    write("etc/node.toml", "[verify]\nclocksource = 'tsc'\n");
    write("run/other.toml", "");
    const auto profile = load_profile(sources, "node");
    EXPECT_EQ(profile.kernel, "");
    EXPECT_EQ(profile.clocksource, "tsc");
    EXPECT_THAT(profile_names(sources), ElementsAre("node", "other"));
}

TEST_F(ProfileFileTest, ALinkToDevNullTakesAProfileOrADropInAway) {
    write("usr/other.toml", "");
    write("usr/node.toml.d/10-a.toml", "[packages]\nkernel = 'rt'\n");
    std::filesystem::create_directories(temp.path / "etc/node.toml.d");
    std::filesystem::create_symlink("/dev/null", temp.path / "etc/other.toml");
    std::filesystem::create_symlink("/dev/null", temp.path / "etc/node.toml.d/10-a.toml");
    EXPECT_THAT(profile_names(sources), ElementsAre("node"));
    EXPECT_EQ(load_profile(sources, "node").kernel, "");
    EXPECT_THAT(refusal("other"), HasSubstr("no profile 'other'"));
}

TEST_F(ProfileFileTest, DropInsOfAllFoldersAreReadInTheOrderOfTheirNames) {
    write("usr/node.toml", "[kernel-arguments]\nappend = ['a=1', 'b=1']\n[verify]\nclocksource = 'tsc'\n");
    write("etc/node.toml.d/10-first.toml", "[kernel-arguments]\nappend = ['c=1']\n[verify]\nclocksource = 'hpet'\n");
    write("usr/node.toml.d/50-last.toml", "[verify]\nclocksource = 'kvm-clock'\n");
    write("usr/node.toml.d/20-same.toml", "[packages]\nkernel = 'rt'\n");
    write("etc/node.toml.d/20-same.toml", "[packages]\ninstall = ['tuna']\n");
    write("etc/node.toml.d/readme.txt", "not TOML");
    const auto profile = load_profile(sources, "node");
    EXPECT_THAT(profile.append, ElementsAre("c=1")) << "a list as a whole";
    EXPECT_EQ(profile.clocksource, "kvm-clock");
    EXPECT_EQ(profile.kernel, "") << "the file of that name in etc is the one";
    EXPECT_THAT(profile.install, ElementsAre("tuna"));
    EXPECT_THAT(profile.files, ElementsAre(HasSubstr("usr/node.toml"), HasSubstr("10-first.toml"),
                                           HasSubstr("etc/node.toml.d/20-same.toml"), HasSubstr("50-last.toml")));
}

TEST_F(ProfileFileTest, WhatAnEarlierFileSaidCanBeTakenBack) {
    write("usr/node.toml", documented_profile());
    write("etc/node.toml.d/50-site.toml",
          "[packages]\nkernel = ''\nreplace = []\n[cpus]\nreserved = ''\nisolated = ''\nreserve-cores = 2\n"
          "[huge-pages]\ndefault-size = ''\npages = []\n[run-time.sysctls]\n'net.ipv4.tcp_rmem' = ''\n"
          "[verify]\nclocksource = ''\nmicrocode = ''\n[acceptance]\nduration = '0s'\nmax-us = 0\n"
          "[reboot]\nwhen = 'manual'\ngo-file = ''\ngo-unit = ''\ndays = []\n");
    const auto profile = load_profile(sources, "node");
    EXPECT_EQ(profile.kernel, "");
    EXPECT_THAT(profile.replace, IsEmpty());
    EXPECT_THAT(profile.isolated, IsEmpty());
    EXPECT_EQ(profile.reserve_cores, 2U);
    EXPECT_THAT(profile.huge_pages, IsEmpty());
    EXPECT_THAT(profile.sysctls, ElementsAre(Pair("kernel.hung_task_timeout_secs", "600")));
    EXPECT_EQ(profile.acceptance.duration, 0s);
    EXPECT_EQ(profile.reboot, Profile::Reboot::manual);
}

TEST_F(ProfileFileTest, ANameThatIsNoneIsRefusedWithThoseThatThereAre) {
    write("etc/worker-rt.toml", "");
    EXPECT_THAT(refusal("worker-tr"),
                AllOf(HasSubstr("there is no profile 'worker-tr' (NAME.toml of "),
                      HasSubstr("etc); there are: node, worker-rt"), HasSubstr("did you mean `worker-rt`?")));
    for (const std::string name : {"", ".", "..", "/etc/passwd", "../usr/node", "node.toml", "node.toml.d/10-a"})
        EXPECT_THAT(refusal(name), HasSubstr("there are: node, worker-rt")) << name;
    sources.profile_folders = {temp.path / "nowhere"};
    EXPECT_THAT(refusal("node"), AllOf(HasSubstr("there is none"), HasSubstr("nowhere")));
    EXPECT_THAT(profile_names(sources), IsEmpty());
}

TEST_F(ProfileFileTest, AFileThatVanishedOrIsNoFileIsRefusedByItsName) {
    std::filesystem::create_symlink(temp.path / "gone", temp.path / "usr/vanished.toml");
    EXPECT_THAT(refusal("vanished"), AllOf(HasSubstr("usr/vanished.toml: can't be read"), HasSubstr("No such file")));
    std::filesystem::create_directories(temp.path / "usr/folder.toml");
    EXPECT_THAT(refusal("folder"), HasSubstr("usr/folder.toml: is no regular file"));
    write("etc/node.toml.d", "a file");
    EXPECT_THAT(refusal(), AllOf(HasSubstr("etc/node.toml.d: can't be read"), HasSubstr("Not a directory")));
}

TEST_F(ProfileFileTest, TheConfigurationNamesTheProfileAndWhatBecomesOfDrift) {
    const auto sources_in = Sources::in(temp.path);
    EXPECT_THAT(sources_in.profile_folders, ElementsAre(temp.path / "profiles.d"));
    EXPECT_EQ(load(sources_in).profile, "");
    EXPECT_FALSE(load(sources_in).repair_drift);
    write("a.toml", "[profile]\nname = 'worker-rt'\non-drift = 'repair'\n");
    EXPECT_EQ(load(sources_in).profile, "worker-rt");
    EXPECT_TRUE(load(sources_in).repair_drift);
    write("b.toml", "[profile]\non-drift = 'report'\n");
    EXPECT_EQ(load(sources_in).profile, "worker-rt");
    EXPECT_FALSE(load(sources_in).repair_drift);
    write("b.toml", "[profile]\non-drift = 'ignore'\n");
    EXPECT_THROW(load(sources_in), Error);
}
