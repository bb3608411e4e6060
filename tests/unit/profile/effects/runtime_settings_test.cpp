#include "profile/effects/runtime_settings.hpp"

#include "node_in_a_folder.hpp"

#include <gmock/gmock.h>

namespace rtnode::profile {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using Kind = Setting::Kind;
using State = SettingOutcome::State;

class RuntimeSettings : public NodeInAFolder {
  protected:
    RuntimeSettings() {
        node.online = {0, 1, 2};
        node.present = {0, 1, 2, 3};
    }

    /// "path = value" of each setting.
    std::vector<std::string> wanted() const {
        std::vector<std::string> all;
        for (const auto& setting : settings_of(profile, sets, node, root))
            all.push_back(setting.path + " = " + setting.value);
        return all;
    }
    SettingOutcome applied(const Setting& setting, unsigned tries = 1) const {
        return apply({setting}, root, tries).front();
    }

    Profile profile;
    NodeTopology node;
};

TEST_F(RuntimeSettings, OfAProfileThatAsksForNoneAreNone) {
    EXPECT_THAT(wanted(), IsEmpty());
}

TEST_F(RuntimeSettings, OfANumaNodesHugePagesComeFirstAndThoseOfTheCommandLineAreNotAmongThem) {
    profile.timer_migration = false;
    profile.huge_pages = {{1048576, 4, {}}, {2048, 64, 1u}};
    EXPECT_THAT(wanted(), ElementsAre("sys/devices/system/node/node1/hugepages/hugepages-2048kB/nr_hugepages = 64",
                                      "proc/sys/kernel/timer_migration = 0"));
}

TEST_F(RuntimeSettings, KeepWorkqueuesOnAllCpusThatAreNotIsolatedAlsoOnThoseThatAreOffline) {
    profile.housekeeping_workqueues = true;
    write("sys/devices/virtual/workqueue/cpumask", "f\n");
    write("sys/devices/virtual/workqueue/writeback/cpumask", "f\n");
    write("sys/devices/virtual/workqueue/power/control", "auto\n");
    write("sys/bus/workqueue/devices/writeback/cpumask", "f\n");
    EXPECT_THAT(wanted(), ElementsAre("sys/devices/virtual/workqueue/cpumask = 00000003",
                                      "sys/devices/virtual/workqueue/writeback/cpumask = 00000003"));
    take_away("sys/devices/virtual/workqueue/writeback");
    EXPECT_THAT(wanted(), ElementsAre("sys/devices/virtual/workqueue/cpumask = 00000003",
                                      "sys/bus/workqueue/devices/writeback/cpumask = 00000003"));
}

TEST_F(RuntimeSettings, OfEachCpuSilenceCorrectedErrors) {
    profile.ignore_corrected_errors = true;
    write("sys/devices/system/machinecheck/machinecheck0/ignore_ce", "0\n");
    write("sys/devices/system/machinecheck/machinecheck1/ignore_ce", "0\n");
    EXPECT_THAT(wanted(), ElementsAre("sys/devices/system/machinecheck/machinecheck0/ignore_ce = 1",
                                      "sys/devices/system/machinecheck/machinecheck1/ignore_ce = 1"));
}

TEST_F(RuntimeSettings, SpellSysctlsWithDotsOrSlashes) {
    profile.sysctls = {{"net.ipv4.conf.eth0/100.rp_filter", "0"}, {"net/ipv4/conf/eth0.100/forwarding", "1"}};
    EXPECT_THAT(wanted(), ElementsAre("proc/sys/net/ipv4/conf/eth0.100/rp_filter = 0",
                                      "proc/sys/net/ipv4/conf/eth0.100/forwarding = 1"));
}

TEST_F(RuntimeSettings, TakeIsolatedCpusFromInterruptsAndLeaveTheRestOfTheirMasks) {
    profile.housekeeping_interrupts = true;
    write("proc/irq/default_smp_affinity", "f\n");
    interrupt(24, "nvme0q0\n", "5\n");
    interrupt(25, "eth0\n", "c\n");
    interrupt(26, "virtio0-req.0\n", "4\n");
    forbid_writing("proc/irq/26/smp_affinity");
    interrupt(27, "nvme0q1\n", "8\n");
    write("sys/kernel/debug/irq/irqs/27", "dstate:   0x37408200\n            IRQD_AFFINITY_MANAGED\n");
    EXPECT_THAT(wanted(), ElementsAre("proc/irq/default_smp_affinity = 00000003", "proc/irq/24/smp_affinity = 00000001",
                                      "proc/irq/25/smp_affinity = 00000003"))
        << "26 and 27 are managed";
}

TEST_F(RuntimeSettings, AreWrittenOnceAndAreAlreadyThereThen) {
    write("proc/sys/kernel/timer_migration", "0\n");
    const Setting setting{"proc/sys/kernel/timer_migration", "1", "a reason"};
    EXPECT_EQ(applied(setting), (SettingOutcome{setting, State::done, "0"}));
    EXPECT_EQ(text_of(setting.path), "1\n");
    EXPECT_EQ(applied(setting), (SettingOutcome{setting, State::already, "1"}));
}

TEST_F(RuntimeSettings, AreThereInOtherSpellings) {
    write("proc/sys/net/ipv4/tcp_rmem", "4096\t131072\t6291456\n");
    EXPECT_EQ(applied({"proc/sys/net/ipv4/tcp_rmem", "4096 131072 6291456", {}}).state, State::already);
    write("mask", "3\n");
    EXPECT_EQ(applied({"mask", "00000000,00000003", {}, Kind::cpu_mask}).state, State::already);
    EXPECT_EQ(applied({"mask", "0000000f", {}, Kind::cpu_mask}).state, State::already) << "the kernel keeps 2-3 out";
    EXPECT_EQ(applied({"mask", "00000001", {}, Kind::cpu_mask}).state, State::done);
}

TEST_F(RuntimeSettings, NeverTakeHugePagesAway) {
    write("nr_hugepages", "16\n");
    EXPECT_EQ(applied({"nr_hugepages", "8", {}, Kind::huge_pages}).state, State::already);
    EXPECT_EQ(text_of("nr_hugepages"), "16\n");
    EXPECT_EQ(applied({"nr_hugepages", "32", {}, Kind::huge_pages}).state, State::done);
}

// A file in a folder takes everything. The kernel's own files stand in for those of sysfs that don't: the core dump
// filter drops the bits that it doesn't know, and nothing is mapped at the begin of our memory, where a write is EIO.

TEST_F(RuntimeSettings, TellHowManyHugePagesThereAreAfterAllTries) {
    const auto before = text_of("/proc/self/coredump_filter");
    const auto outcome = apply({{"proc/self/coredump_filter", "512", {}, Kind::huge_pages}}, "/", 3).front();
    std::ofstream("/proc/self/coredump_filter") << "0x" << before;
    EXPECT_EQ(outcome.state, State::fewer);
    EXPECT_EQ(outcome.text, "got 00000000 of 512");
}

TEST_F(RuntimeSettings, OfAnInterruptThatTheKernelKeepsInPlaceAreNoError) {
    const auto outcomes = apply(
        {{"proc/self/mem", "00000003", {}, Kind::interrupt}, {"proc/self/mem", "00000003", {}, Kind::cpu_mask}}, "/");
    EXPECT_EQ(outcomes[0].state, State::left);
    EXPECT_EQ(outcomes[1].state, State::failed);
    EXPECT_THAT(outcomes[1].text, HasSubstr("Input/output error"));
}

TEST_F(RuntimeSettings, ThatAreNotReadBackAreNoSuccess) {
    const auto outcome = apply({{"dev/null", "1", {}}}, "/").front();
    EXPECT_EQ(outcome.state, State::failed);
    EXPECT_EQ(outcome.text, "/dev/null says '' after '1' was written to it");
}

TEST_F(RuntimeSettings, MakeNoFile) {
    const auto outcome = applied({"proc/sys/kernel/numa_balancing", "0", {}});
    EXPECT_EQ(outcome.state, State::missing);
    EXPECT_THAT(outcome.text, HasSubstr("/proc/sys/kernel/numa_balancing"));
    EXPECT_FALSE(std::filesystem::exists(root / "proc"));
}

TEST_F(RuntimeSettings, FollowNoLinkAndDoNotLeaveTheRoot) {
    write("elsewhere", "0\n");
    std::filesystem::create_symlink("elsewhere", root / "link");
    EXPECT_EQ(applied({"link", "1", {}}).state, State::failed);
    const auto above = "../" + root.filename().string() + "/elsewhere";
    EXPECT_EQ(applied({above, "1", {}}).state, State::failed);
    EXPECT_EQ(applied({(root / "elsewhere").string(), "1", {}}).state, State::failed);
    EXPECT_EQ(applied({"", "1", {}}).state, State::failed);
    EXPECT_EQ(text_of("elsewhere"), "0\n");
}

TEST_F(RuntimeSettings, ThatFailDoNotKeepTheOthersFromBeingTried) {
    std::filesystem::create_directories(root / "a-folder");
    write("last", "0\n");
    const auto outcomes = apply({{"a-folder", "1", {}}, {"last", "1", {}}}, root);
    EXPECT_EQ(outcomes[0].state, State::failed);
    EXPECT_THAT(outcomes[0].text, HasSubstr("Is a directory"));
    EXPECT_EQ(outcomes[1].state, State::done);
}

TEST_F(RuntimeSettings, HaveANameForEachOutcome) {
    EXPECT_EQ(name_of(State::fewer), "fewer");
    EXPECT_EQ(name_of(State::left), "left");
}

} // namespace
} // namespace rtnode::profile
