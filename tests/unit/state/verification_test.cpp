#include "state/verification.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <algorithm>

namespace rtnode {
namespace {

using testing::Each;
using testing::Field;
using testing::HasSubstr;
using testing::IsEmpty;

const std::string ours(64, 'a'), base(64, 'b');
const std::vector<std::string> arguments{"rw", "hugepagesz=2M", "nohz=on"};

Deployment deployment(const std::string& checksum, const std::string& kernel_arguments, const std::string& kernel) {
    Deployment made;
    made.stateroot = "rhcos";
    made.checksum = checksum;
    made.kernel = kernel;
    made.kernel_arguments = KernelArguments::parse(kernel_arguments + " ostree=/ostree/boot.1/rhcos/x/0");
    return made;
}

Deployment booted_with_rt() {
    auto made = deployment(ours, "rw hugepagesz=2M nohz=on", "5.14-rt");
    made.booted = true;
    made.layered_packages = {Nevra::parse("kernel-rt-core-5.14.0-1.el9.x86_64")};
    return made;
}

Deployment booted_stock() {
    auto made = deployment(base, "rw", "5.14");
    made.booted = true;
    return made;
}

const RunningSystem running_rt{"5.14-rt", true, {"BOOT_IMAGE=x", "rw", "hugepagesz=2M", "nohz=on"}};
const RunningSystem running_stock{"5.14", false, {"BOOT_IMAGE=x", "rw"}};

const Check& row(const std::vector<Check>& checks, const std::string& name) {
    const auto found =
        std::find_if(checks.begin(), checks.end(), [&](const Check& check) { return check.name == name; });
    if (found == checks.end()) throw std::out_of_range("no check " + name);
    return *found;
}

TEST(Verification, ANodeThatBootedWhatTheJobMadeIsRightInEveryRow) {
    const auto checks =
        check_boot(IntendedBoot{3, ours, arguments}, {booted_with_rt(), deployment(base, "rw", "5.14")}, running_rt);
    EXPECT_THAT(checks, Each(Field(&Check::state, CheckState::ok)));
    EXPECT_THAT(checks, Each(Field(&Check::remedy, IsEmpty())));
    EXPECT_EQ(checks.size(), 3 + arguments.size());
}

TEST(Verification, BeforeTheRebootTheRemedyIsToReboot) {
    auto staged = deployment(ours, "rw hugepagesz=2M nohz=on", "5.14-rt");
    staged.staged = staged.pending = true;
    const auto checks = check_boot(IntendedBoot{3, ours, arguments}, {staged, booted_stock()}, running_stock);
    EXPECT_EQ(row(checks, "booted-deployment").state, CheckState::failed);
    EXPECT_THAT(row(checks, "booted-deployment").remedy, HasSubstr("reboot"));
    EXPECT_EQ(row(checks, "kernel-argument nohz=on").state, CheckState::failed);
    EXPECT_EQ(row(checks, "kernel-argument rw").state, CheckState::ok);
    EXPECT_EQ(row(checks, "real-time-kernel").state, CheckState::not_applicable);
}

TEST(Verification, AStagedDeploymentThatIsGoneIsTold) {
    const auto checks = check_boot(IntendedBoot{3, ours, arguments}, {booted_stock()}, running_stock);
    EXPECT_EQ(row(checks, "booted-deployment").state, CheckState::failed);
    EXPECT_THAT(row(checks, "booted-deployment").remedy, HasSubstr("job 3"));
    EXPECT_THAT(row(checks, "booted-deployment").remedy, HasSubstr("somebody dropped or replaced it"));
}

TEST(Verification, WhatWasFoundOutAboutTheShutdownIsTold) {
    const IntendedBoot failed{3, ours, arguments, "finalizing it at the shutdown failed: no space"};
    const std::string sentence =
        "what job 3 made is neither booted nor booted next: finalizing it at the shutdown failed: no space";
    EXPECT_EQ(row(check_boot(failed, {booted_stock()}, running_stock), "booted-deployment").remedy, sentence);
    EXPECT_EQ(why_not_booted(failed, {booted_stock()}), sentence);
}

TEST(Verification, WhatIsBootedOrBootedNextIsNotMissed) {
    const IntendedBoot intended{3, ours, arguments};
    auto staged = booted_with_rt();
    staged.booted = false;
    staged.pending = true;
    EXPECT_EQ(why_not_booted(intended, {booted_with_rt()}), "");
    EXPECT_EQ(why_not_booted(intended, {staged, booted_stock()}), "");
    EXPECT_EQ(why_not_booted(std::nullopt, {booted_stock()}), "");
    EXPECT_EQ(why_not_booted(intended, {}), "") << "a node in a folder";
    auto rollback = booted_with_rt();
    rollback.booted = false;
    EXPECT_NE(why_not_booted(intended, {booted_stock(), rollback}), "");
}

TEST(Verification, TheSameCommitWithOtherArgumentsIsAnotherDeployment) {
    const auto checks = check_boot(IntendedBoot{3, ours, {"rw", "isolcpus=1"}}, {booted_with_rt()}, running_rt);
    EXPECT_EQ(row(checks, "booted-deployment").state, CheckState::failed);
}

TEST(Verification, AnotherKernelThanTheDeploymentsFails) {
    const auto checks = check_boot(std::nullopt, {booted_with_rt()}, running_stock);
    EXPECT_EQ(row(checks, "booted-deployment").state, CheckState::not_applicable);
    EXPECT_EQ(row(checks, "kernel"),
              (Check{"kernel", CheckState::failed, "5.14-rt", "5.14", row(checks, "kernel").remedy}));
    EXPECT_EQ(row(checks, "real-time-kernel").state, CheckState::failed);
}

TEST(Verification, AnArgumentThatIsWantedTwiceMustBeThereTwice) {
    auto running = running_rt;
    running.command_line = {"console=a", "nohz=on"};
    auto booted = deployment(ours, "console=a console=a nohz=on", "5.14-rt");
    booted.booted = true;
    const auto checks = check_boot(std::nullopt, {booted}, running);
    EXPECT_EQ(std::count_if(checks.begin(), checks.end(),
                            [](const Check& c) { return c.name == "kernel-argument console=a" && c.actual.empty(); }),
              1);
}

TEST(Verification, NothingOfThatAppliesToANodeInAFolder) {
    const auto checks = check_boot(std::nullopt, {deployment(base, "rw", "5.14")}, running_stock);
    EXPECT_THAT(checks, Each(Field(&Check::state, CheckState::not_applicable)));
    EXPECT_THAT(checks, Each(Field(&Check::remedy, HasSubstr("folder"))));
}

TEST(Verification, ADryRunAndAJobWithNothingToDoIntendNothing) {
    const nlohmann::json result{{"checksum", ours}, {"kernel-arguments", arguments}};
    auto dry = result, idle = result;
    dry["dry-run"] = true;
    idle["nothing-to-do"] = true;
    EXPECT_FALSE(intended_by(1, dry.dump()));
    EXPECT_FALSE(intended_by(1, idle.dump()));
    EXPECT_FALSE(intended_by(1, "{}"));
    ASSERT_TRUE(intended_by(1, result.dump()));
    EXPECT_EQ(intended_by(1, result.dump())->kernel_arguments, arguments);
    EXPECT_EQ(intended_by(1, result.dump())->fate, "");
    auto lost = result;
    lost[fate_key] = "the node went down";
    EXPECT_EQ(intended_by(1, lost.dump())->fate, "the node went down");
}

TEST(Verification, PackagesAreWhatTheOriginPins) {
    Origin origin;
    origin.overrides_remove = {"kernel", "kernel-core"};
    origin.requested_local = {std::string(64, '1') + ":kernel-rt-core-5.14.0-1.el9.x86_64"};
    origin.overrides_replace_local = {std::string(64, '2') + ":microcode_ctl-4:2-1.el9.x86_64"};
    const auto rt = Nevra::parse("kernel-rt-core-5.14.0-1.el9.x86_64");
    const auto checks = check_packages(
        origin, {rt, Nevra::parse("microcode_ctl-4:1-1.el9.x86_64"), Nevra::parse("kernel-core-5.14.0-0.el9.x86_64")});
    EXPECT_EQ(row(checks, "package kernel").state, CheckState::ok);
    EXPECT_EQ(row(checks, "package kernel-core").actual, "kernel-core-5.14.0-0.el9.x86_64");
    EXPECT_EQ(row(checks, "package kernel-core").state, CheckState::failed);
    EXPECT_EQ(row(checks, "package kernel-rt-core").state, CheckState::ok);
    EXPECT_EQ(row(checks, "package microcode_ctl").state, CheckState::failed);
    EXPECT_EQ(check_packages(Origin{}, {rt}).front().state, CheckState::not_applicable);
}

TEST(Verification, ARowSurvivesItsJson) {
    const Check check{"microcode", CheckState::not_applicable, "a", "b", "c"};
    EXPECT_EQ(nlohmann::json(check).get<Check>(), check);
    EXPECT_EQ(nlohmann::json(check)["state"], "not-applicable");
}

} // namespace
} // namespace rtnode
