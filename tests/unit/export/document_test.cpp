#include "node.hpp"
#include "reading.hpp"

namespace rtnode::exports {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

std::string exported(const NodeState& state, const std::string& format = "all", const Options& options = {}) {
    return document(format, state, options);
}

} // namespace

TEST(ExportDocument, IsTheSameBytesForTheSameState) {
    EXPECT_EQ(exported(node()), exported(node()));
    auto later = node();
    later.time_s += 60;
    EXPECT_NE(exported(node()), exported(later)) << "which says when it was";
}

TEST(ExportDocument, NamesTheStateOfTheNode) {
    const auto text = exported(node());
    EXPECT_THAT(text, HasSubstr("# A node's state, exported by rtnoded 0.1.0 at 2020-09-13T12:26:40Z.\n"));
    EXPECT_THAT(text, HasSubstr("# Deployment: " + std::string(64, 'a') + ", version 46.82.202010091720-0\n"));
    EXPECT_THAT(text, HasSubstr("# Kernel: 4.18.0-193.rt13.51.el8.x86_64, real-time\n"));
    EXPECT_THAT(text, HasSubstr("# Profile: worker-rt; the node is converged\n"));
    EXPECT_THAT(text, HasSubstr("# Plan: " + std::string(64, 'b') + " of profile worker-rt\n"));
    EXPECT_THAT(text, HasSubstr("# Verified: 8 ok, 0 failed, 0 unknown, 0 not-applicable\n"));
    EXPECT_THAT(text, Not(HasSubstr("Not verified")));
}

TEST(ExportDocument, IsRefusedWhenChecksFailedAndSaysWhichAndWhatToDo) {
    auto state = node();
    for (const auto* row : {"kernel", "clocksource", "workqueues", "microcode", "package a"})
        state.checks.push_back(failed(row, "good", "bad", "mend it"));
    const auto message = refusal(Reason::NotVerified, [&] { exported(state); });
    EXPECT_THAT(message,
                AllOf(HasSubstr("5 checks failed: kernel: expected 'good', found 'bad'; mend it; clocksource"),
                      HasSubstr("; workqueues: "), HasSubstr("; and 2 more. "), HasSubstr("allow-unverified")));
    EXPECT_THAT(message, Not(HasSubstr("microcode")));
}

TEST(ExportDocument, NamesEachUnknownCheckAndIsNotRefusedForIt) {
    auto state = node();
    state.checks.push_back({.name = "clocksource", .state = CheckState::unknown, .remedy = "it can't be read"});
    EXPECT_THAT(exported(state), HasSubstr("# Not verified, unknown: clocksource: it can't be read\n"));
}

TEST(ExportDocument, IsNotRefusedForWhatItsKubeletConfigMends) {
    auto state = node();
    state.checks.push_back(failed("kubelet-reserved-cpus", "0-1", "not set", "set reservedSystemCPUs"));
    EXPECT_THAT(exported(state), HasSubstr("# Not verified, failed: kubelet-reserved-cpus: expected '0-1'"));
}

TEST(ExportDocument, SaysNoSecretOfAFailedCheck) {
    auto state = node();
    const std::string argument = "rd.password=hunter2";
    state.checks.push_back(failed("kernel-argument " + argument, argument, "", "reboot"));
    const auto message = refusal(Reason::NotVerified, [&] { exported(state); });
    EXPECT_THAT(message, AllOf(HasSubstr("kernel-argument rd.password: reboot"), Not(HasSubstr("hunter2"))));
    EXPECT_THAT(exported(state, "all", {.allow_unverified = true}), Not(HasSubstr("hunter2")));
}

TEST(ExportDocument, LeavesOutWhatTheNodeHasNothingToSayFor) {
    auto state = node();
    state.cpus = {};
    state.profile.reset();
    const auto text = exported(state);
    const auto objects = read_again(text);
    ASSERT_EQ(objects.size(), 1U);
    EXPECT_EQ(objects[0].at("kind"), "MachineConfig");
    EXPECT_THAT(text, AllOf(HasSubstr("# KubeletConfig: none: no CPU is isolated"), HasSubstr("# Tuned: none: ")));
    EXPECT_THAT(refusal(Reason::NothingToExport, [&] { exported(state, "tuned"); }),
                AllOf(HasSubstr("nothing for 'tuned'"), HasSubstr("no profile is configured")));
}

TEST(ExportDocument, AsksForARealTimeKernelOnlyWhereOneRunsInThePlaceOfTheStockOne) {
    const auto kernel_type = [](const NodeState& state) {
        return read_again(exported(state, "machineconfig")).at(0).at("spec").value("kernelType", "none");
    };
    EXPECT_EQ(kernel_type(node()), "realtime") << "by package files";
    auto by_mco = node();
    by_mco.deployment.layered_packages.clear();
    by_mco.deployment.origin.requested = {"kernel-rt-core"};
    EXPECT_EQ(kernel_type(by_mco), "realtime") << "by name";
    auto base = node();
    base.deployment.layered_packages.clear();
    EXPECT_EQ(kernel_type(base), "none") << "the base has it";
    auto stock = node();
    stock.real_time = false;
    EXPECT_EQ(kernel_type(stock), "none") << "it doesn't run";
    EXPECT_THAT(exported(stock), HasSubstr("MachineConfig: no kernelType: the deployment has the real-time kernel"));
}

TEST(ExportDocument, SaysThatItIsNotForTheNodeThatItCameFrom) {
    EXPECT_THAT(exported(node()), HasSubstr("# MachineConfig: for nodes that rtnode has not changed"));
}

TEST(ExportDocument, LeavesOutSettingsThatTheKernelHasNotAndThoseThatTunedCanNotSay) {
    auto state = node();
    state.profile->sysctls = {{"kernel.numa_balancing", "0"}, {"kernel.core_pattern", "a#b"}, {"vm.swappiness", "10"}};
    state.checks = {{.name = "sysctl kernel.numa_balancing",
                     .state = CheckState::not_applicable,
                     .remedy = "the running kernel has no such sysctl"},
                    {.name = "sysctl kernel.core_pattern"}};
    const auto text = exported(state, "tuned");
    EXPECT_THAT(
        text, AllOf(HasSubstr("vm.swappiness=10"), Not(HasSubstr("numa_balancing=")), Not(HasSubstr("core_pattern="))));
    EXPECT_THAT(text, HasSubstr("the running kernel has no such sysctl: kernel.numa_balancing\n"));
    EXPECT_THAT(text, HasSubstr("TuneD would read its value otherwise: kernel.core_pattern\n"));
    EXPECT_THAT(text, HasSubstr("but not looked at: sysctl vm.swappiness, timer-migration, workqueues"));
}

TEST(ExportDocument, HasNoFilesWhenNoneAreWanted) {
    const auto spec = read_again(exported(node(), "machineconfig", {.files = false})).at(0).at("spec");
    EXPECT_FALSE(spec.contains("config")) << "which a MachineConfig need not have";
    EXPECT_TRUE(spec.contains("kernelArguments"));
}

TEST(ExportDocument, WarnsWhereKubeletOf4_3WouldReserveOtherCpus) {
    auto state = node();
    EXPECT_THAT(exported(state, "kubeletconfig", {.ignition = "2.2.0"}), Not(HasSubstr("which are others")));
    state.cpus = {{0, 4}, {1, 2, 3, 5, 6, 7}};
    EXPECT_THAT(exported(state, "kubeletconfig", {.ignition = "2.2.0"}), HasSubstr("CPU 0,4, which are others"));
}

} // namespace rtnode::exports
