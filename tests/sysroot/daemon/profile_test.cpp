// A profile on the throwaway node: planned, explained, applied once, changed, and told when it doesn't hold.

#include "node_on_the_bus.hpp"

#include <algorithm>

using namespace rtnode::test;
using testing::Contains;
using testing::HasSubstr;
using testing::IsSupersetOf;

namespace {

class ProfileOnTheBus : public NodeOnTheBus {
  protected:
    ProfileOnTheBus() { configure("[profile]\nname = \"rt\"\n"); }

    void configure(const std::string& text) { write("config/50-test.toml", text); }
    void profile(const std::string& text) { write("config/profiles.d/rt.toml", text); }
    void write(const std::string& name, const std::string& text) const {
        const auto path = temp.path / name;
        std::filesystem::create_directories(path.parent_path());
        std::ofstream(path) << text;
    }
    nlohmann::json value(const std::string& name) const { return property("/org/rtnode1", "Manager", name); }
    std::vector<std::string> coming() const { return value("PendingKernelArguments"); }
    nlohmann::json result(unsigned job) const {
        return property("/org/rtnode1/job/" + std::to_string(job), "Job", "Result");
    }
};

constexpr const char* arguments_only = R"(
description = "arguments"
[kernel-arguments]
append = ["skew_tick=1", "nohz=on"]
)";

} // namespace

TEST_F(ProfileOnTheBus, AppliedTwiceItIsAppliedOnce) {
    profile(arguments_only);
    start();
    EXPECT_EQ(value("Condition"), "diverged");
    EXPECT_THAT(value("Reasons").dump(), HasSubstr("skew_tick=1"));
    const auto before = coming();

    const auto plan = rtnodectl({"--json", "plan"});
    EXPECT_EQ(plan.status, 0) << plan.out;
    EXPECT_EQ(coming(), before) << "a plan changes nothing";

    const auto applied = rtnodectl({"apply"});
    ASSERT_EQ(applied.status, 0) << applied.out;
    auto after = before;
    after.insert(after.end(), {"skew_tick=1", "nohz=on"});
    EXPECT_EQ(coming(), after);
    EXPECT_EQ(value("Condition"), "reboot-required");
    EXPECT_EQ(rtnodectl({"--unchanged-exit-77", "apply", "rt"}).status, 77);
    EXPECT_EQ(coming(), after);
}

TEST_F(ProfileOnTheBus, WhatItDropsGoesAndWhatOthersSetStays) {
    profile(arguments_only);
    start();
    ASSERT_EQ(rtnodectl({"kargs", "--append", "quiet", "--append", "skew_tick=1"}).status, 0);
    const auto theirs = coming();
    ASSERT_EQ(rtnodectl({"apply"}).status, 0);
    auto both = theirs;
    both.insert(both.end(), {"skew_tick=1", "nohz=on"});
    EXPECT_EQ(coming(), both);

    profile("[kernel-arguments]\nappend = [\"tsc=reliable\"]\n");
    ASSERT_EQ(rtnodectl({"apply"}).status, 0);
    auto other = theirs;
    other.emplace_back("tsc=reliable");
    EXPECT_EQ(coming(), other);

    profile("[kernel-arguments]\nappend = []\n");
    const auto nothing = rtnodectl({"apply"});
    ASSERT_EQ(nothing.status, 0) << nothing.out;
    EXPECT_EQ(coming(), theirs);
}

TEST_F(ProfileOnTheBus, KernelAndArgumentsAreOneDeployment) {
    profile("[packages]\nkernel = \"rt\"\n[kernel-arguments]\nappend = [\"nohz=on\", \"skew_tick=1\"]\n");
    start();
    const auto deployments = value("Deployments").size();
    const auto applied = rtnodectl({"apply"});
    ASSERT_EQ(applied.status, 0) << applied.out;
    EXPECT_EQ(value("Deployments").size(), deployments + 1);
    EXPECT_THAT(node.packages(0), Contains(testing::StartsWith("kernel-rt-core-")));
    EXPECT_THAT(coming(), IsSupersetOf({"nohz=on", "skew_tick=1"}));
    EXPECT_EQ(result(1).at("profile").at("data"), "rt");
    EXPECT_EQ(rtnodectl({"--unchanged-exit-77", "apply"}).status, 77);
}

TEST_F(ProfileOnTheBus, WhatTheBaseHasByItselfIsAsWantedOnceAPlanSaysSo) {
    profile("[packages]\ninstall = [\"microcode_ctl\"]\n");
    start();
    EXPECT_THAT(value("Reasons").dump(), HasSubstr("microcode_ctl is not installed"));
    EXPECT_EQ(rtnodectl({"--unchanged-exit-77", "apply"}).status, 77);
    EXPECT_THAT(value("Reasons").dump(), testing::Not(HasSubstr("microcode_ctl")));
}

TEST_F(ProfileOnTheBus, EveryArgumentIsExplained) {
    profile("[kernel-arguments]\nappend = [\"skew_tick=1\", \"mce=off\", \"kthread_cpus=0\"]\n");
    start();
    const auto rows = nlohmann::json::parse(rtnodectl({"--json", "explain"}).out);
    ASSERT_EQ(rows.size(), 3U);
    EXPECT_EQ(rows[0].at("argument"), "skew_tick=1");
    EXPECT_NE(rows[0].at("why"), "");
    EXPECT_EQ(rows[1].at("state"), "dangerous");
    EXPECT_EQ(rows[2].at("state"), "ignored");
}

TEST_F(ProfileOnTheBus, AMistakeInTheFileIsToldWithItsLine) {
    profile("[kernel-arguments]\nappent = [\"nohz=on\"]\n");
    start();
    const auto refused = rtnodectl({"apply"});
    EXPECT_EQ(refused.status, 1);
    EXPECT_THAT(refused.out, testing::AllOf(HasSubstr("rt.toml"), HasSubstr("appent"), HasSubstr("append")));
    EXPECT_EQ(value("Condition"), "diverged");
    EXPECT_THAT(rtnodectl({"apply", "nosuch"}).out, HasSubstr("nosuch"));
    EXPECT_THAT(rtnodectl({"apply", "../rt"}).out, HasSubstr("../rt"));
}

TEST_F(ProfileOnTheBus, WhatKeepsANodeFromBootingIsRefused) {
    profile("[kernel-arguments]\nappend = [\"root=/dev/nowhere\"]\n");
    start();
    const auto before = coming();
    EXPECT_EQ(rtnodectl({"apply"}).status, 1);
    profile("[kernel-arguments]\nappend = [\"init=/bin/sh\"]\n");
    const auto refused = rtnodectl({"apply"});
    EXPECT_EQ(refused.status, 1);
    EXPECT_THAT(refused.out, HasSubstr("init=/bin/sh"));
    EXPECT_EQ(coming(), before);
}

TEST_F(ProfileOnTheBus, APlanThatGoesStaleIsAnError) {
    profile(arguments_only);
    start();
    const auto plan =
        nlohmann::json::parse(rtnodectl({"--json", "plan"}).out).at("Result").at("plan").get<std::string>();
    profile("[kernel-arguments]\nappend = [\"tsc=reliable\"]\n");
    const auto stale = rtnodectl({"apply", "--expected-plan", plan});
    EXPECT_EQ(stale.status, 1);
    EXPECT_THAT(stale.out, HasSubstr("have changed since the dry run"));
}

TEST_F(ProfileOnTheBus, DriftIsRepairedWhereThatIsConfigured) {
    configure("[profile]\nname = \"rt\"\non-drift = \"repair\"\n");
    profile(arguments_only);
    start();
    const auto repaired = [&] {
        return std::find(manager->signals.begin(), manager->signals.end(), "removed 1 done") != manager->signals.end();
    };
    ASSERT_TRUE(manager->watched.wait(repaired)) << log();
    EXPECT_THAT(coming(), IsSupersetOf({"nohz=on", "skew_tick=1"}));
}

TEST_F(ProfileOnTheBus, WhoeverUndoesEachRepairIsNotFoughtForEver) {
    configure("[profile]\nname = \"rt\"\non-drift = \"repair\"\n");
    profile(arguments_only);
    start();
    const auto seen = [&](const std::string& signal) {
        return [&, signal] {
            return std::find(manager->signals.begin(), manager->signals.end(), signal) != manager->signals.end();
        };
    };
    for (const auto* repair : {"removed 1 done", "removed 3 done", "removed 5 done"}) {
        ASSERT_TRUE(manager->watched.wait(seen(repair))) << log();
        ASSERT_EQ(rtnodectl({"kargs", "--remove", "skew_tick=1"}).status, 0);
    }
    ASSERT_TRUE(manager->watched.wait([&] { return value("Condition") == "diverged"; })) << log();
    EXPECT_THAT(value("Reasons").dump(), HasSubstr("repaired 3 times within a day"));
    EXPECT_EQ(value("Jobs").size(), 6U) << "three repairs, each undone";

    ASSERT_EQ(rtnodectl({"apply"}).status, 0);
    ASSERT_EQ(rtnodectl({"kargs", "--remove", "skew_tick=1"}).status, 0);
    EXPECT_TRUE(manager->watched.wait(seen("removed 9 done"))) << "asked for once more, it is repaired again\n"
                                                               << log();
}

TEST_F(ProfileOnTheBus, APinIsNotInheritedByWhatIsMadeOfThePinnedOne) {
    profile(arguments_only);
    start();
    rtnode::tests::output_of({"ostree", "admin", "--sysroot=" + node.sysroot.string(), "pin", "0"});
    ASSERT_EQ(rtnodectl({"apply"}).status, 0);
    const auto deployments = nlohmann::json::parse(rtnodectl({"--json", "status"}).out).at("Deployments");
    ASSERT_EQ(deployments.size(), 2U);
    EXPECT_FALSE(deployments[0].value("pinned", false)) << deployments[0];
    EXPECT_TRUE(deployments[1].value("pinned", false));
}

TEST_F(ProfileOnTheBus, WithoutOneTheNodeIsUnconfigured) {
    configure("");
    start();
    EXPECT_EQ(value("Condition"), "unconfigured");
    EXPECT_EQ(value("Profile"), "");
    const auto none = rtnodectl({"apply"});
    EXPECT_EQ(none.status, 1);
    EXPECT_THAT(none.out, HasSubstr("no profile is configured"));
}
