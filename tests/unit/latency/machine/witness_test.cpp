// What a witness says of CPU 2 of a machine that stands in a folder: CPUs 0, 2 and 3, for 1 is offline. The counters of
// the others run wild all the time, so that a column taken for another shows.
#include "latency/machine/witness.hpp"

#include "folder_machine.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

namespace rtnode::latency {
namespace {

namespace fs = std::filesystem;
using ::testing::Contains;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

using Counts = std::map<std::string, std::uint64_t>;

const std::map<std::string, std::string> words_of_row{
    {"0", "   IO-APIC   2-edge      timer"},
    {"16", "   IO-APIC  16-fasteoi   i801_smbus, ehci_hcd:usb1"},
    {"36", " IR-PCI-MSIX-0000:18:00.0   1-edge      eth0-rx-1"},
    {"40", " IR-PCI-MSIX-0000:18:00.0   5-edge"},
    {"LOC", "   Local timer interrupts"},
    {"NMI", "   Non-maskable interrupts"},
    {"RES", "   Rescheduling interrupts"},
    {"CAL", "   Function call interrupts"},
    {"TLB", "   TLB shootdowns"},
};

class WitnessTest : public FolderMachine {
  protected:
    WitnessTest() {
        write("proc/cpuinfo", "processor\t: 0\nvendor_id\t: GenuineIntel\n\n");
        write("proc/self/cgroup", "0::/system.slice/rtnoded.service\n");
        write("sys/fs/cgroup/cgroup.controllers", "cpuset cpu\n");
        write("sys/devices/system/cpu/cpu2/cpuidle/state2/name", "C6\n");
        write("sys/devices/system/cpu/cpu2/cpuidle/state2/latency", "133\n");
        interrupts({});
        softirqs({});
        ticks(0);
        smis(7);
        throttled(0);
        deep_idle(0);
        frequency(3'600'000);
    }
    void interrupts(const Counts& of_cpu_2) { write("proc/interrupts", table(of_cpu_2)); }
    void softirqs(const Counts& of_cpu_2) { write("proc/softirqs", table(of_cpu_2)); }
    void ticks(unsigned steal, unsigned irq = 0, unsigned softirq = 0) {
        wild += 1000;
        const auto others = std::to_string(wild);
        write("proc/stat", "cpu  1 2 3 4 5 6 7 8 0 0\ncpu0 1 2 3 4 5 " + others + " " + others + " " + others +
                               " 0 0\ncpu2 1 2 3 4 5 " + std::to_string(irq) + " " + std::to_string(softirq) + " " +
                               std::to_string(steal) + " 0 0\nintr 5 0 0\n");
    }
    void smis(std::uint64_t count) {
        std::string registers(0x34, '\0');
        registers.append(reinterpret_cast<const char*>(&count), sizeof count);
        write("dev/cpu/2/msr", registers);
    }
    void throttled(unsigned times) {
        write("sys/fs/cgroup/system.slice/cpu.stat",
              "usage_usec 5\nnr_periods 9\nnr_throttled " + std::to_string(times) + "\nthrottled_usec 1\n");
    }
    void deep_idle(unsigned times) {
        write("sys/devices/system/cpu/cpu2/cpuidle/state2/usage", std::to_string(times) + "\n");
    }
    void frequency(unsigned khz) {
        write("sys/devices/system/cpu/cpu2/cpufreq/scaling_cur_freq", std::to_string(khz) + "\n");
    }

    /// The hints at a spike between this look and the next.
    static std::vector<std::string> after_second(const Witness& witness, std::int64_t second) {
        return witness.hints(2, at(second) + 400'000'000, at(second) + 400'300'000);
    }
    static std::int64_t at(std::int64_t second) { return second * 1'000'000'000; }

  private:
    std::string table(const Counts& of_cpu_2) {
        std::string text = "           CPU0       CPU2       CPU3\n";
        for (const auto& [row, count] : of_cpu_2) {
            wild += 1000;
            const auto words = words_of_row.find(row);
            text += "  " + row + ":   " + std::to_string(wild) + "   " + std::to_string(count) + "   " +
                    std::to_string(wild) + (words == words_of_row.end() ? "" : words->second) + "\n";
        }
        return text + " ERR:      " + std::to_string(wild) + "\n";
    }

    unsigned wild = 0;
};

TEST_F(WitnessTest, ReadsTheColumnsOfCpusThatAreOnline) {
    interrupts({{"16", 3}, {"36", 7}, {"40", 1}, {"NMI", 2}, {"TLB", 0}});
    softirqs({{"NET_RX", 5}, {"TASKLET", 0}});
    ticks(4, 5, 6);
    const auto counters = read_counters({1, 2, 3}, root);
    ASSERT_THAT(counters, SizeIs(2)) << "CPU 1 is offline";
    ASSERT_TRUE(counters.contains(3));
    const auto& cpu = counters.at(2);
    EXPECT_THAT(cpu.interrupts, SizeIs(4)) << "neither a row at 0, nor one that doesn't count by CPU";
    EXPECT_EQ(cpu.interrupts.at("36").count, 7u);
    EXPECT_EQ(cpu.interrupts.at("36").what, "eth0-rx-1");
    EXPECT_EQ(cpu.interrupts.at("16").what, "i801_smbus, ehci_hcd:usb1");
    EXPECT_EQ(cpu.interrupts.at("40").what, "") << "nobody handles it";
    EXPECT_EQ(cpu.interrupts.at("NMI").count, 2u);
    EXPECT_EQ(cpu.interrupts.at("NMI").what, "Non-maskable interrupts");
    EXPECT_EQ(cpu.softirqs, (Counts{{"NET_RX", 5}}));
    EXPECT_EQ(cpu.steal_ticks, 4u);
    EXPECT_EQ(cpu.irq_ticks, 5u);
    EXPECT_EQ(cpu.softirq_ticks, 6u);
}

TEST_F(WitnessTest, TrustsNoLineThatIsCutShort) {
    write("proc/interrupts", "           CPU0       CPU2       CPU3\n"
                             "  16:   1   2\n"
                             "  36:   1   7   1  IO-APIC 1-edge eth0\n"
                             "  37:   1   x   1  IO-APIC 1-edge eth1\n"
                             "     \n"
                             "  40:   1   20");
    write("proc/stat", "cpu  1 2 3 4 5 6 7 8 0 0\ncpu2 1 2 3 4 5 6\n");
    const auto counters = read_counters({2}, root);
    ASSERT_TRUE(counters.contains(2));
    EXPECT_THAT(counters.at(2).interrupts, SizeIs(1));
    EXPECT_EQ(counters.at(2).interrupts.at("36").count, 7u);
    EXPECT_EQ(counters.at(2).irq_ticks, 0u);
}

TEST_F(WitnessTest, ReadsNothingFromWhatIsNoTable) {
    write("proc/interrupts", "no such thing\n 36: 1 2 3\n");
    fs::remove(fs::path(root) / "proc/softirqs");
    fs::remove(fs::path(root) / "proc/stat");
    EXPECT_THAT(read_counters({0, 1, 2}, root), IsEmpty());
}

TEST_F(WitnessTest, SaysOfHardwareWhatStopsACpuWithoutTheKernel) {
    Witness witness({2}, root);
    const auto hardware = [&](std::int64_t second) {
        return witness.hints(2, at(second) + 400'000'000, at(second) + 400'300'000, Witness::About::Hardware);
    };
    witness.look(at(1));
    interrupts({{"36", 12}, {"TLB", 3}});
    softirqs({{"NET_RX", 5}});
    deep_idle(4);
    witness.look(at(2));
    smis(9);
    ticks(3);
    interrupts({{"36", 24}, {"NMI", 1}});
    witness.look(at(3));
    EXPECT_THAT(hardware(1), ElementsAre("no SMI was counted in that second"));
    const auto words = hardware(2);
    ASSERT_THAT(words, SizeIs(3));
    EXPECT_THAT(words[0], HasSubstr("2 SMIs"));
    EXPECT_THAT(words[1], HasSubstr("NMI"));
    EXPECT_THAT(words[2], HasSubstr("steal"));
}

TEST_F(WitnessTest, DoesNotSayThatNoSmiWasCountedWhereNoneCanBe) {
    fs::remove(fs::path(root) / "dev/cpu/2/msr");
    Witness witness({2}, root);
    witness.look(at(1));
    witness.look(at(2));
    EXPECT_THAT(witness.hints(2, at(1) + 1, at(1) + 2, Witness::About::Hardware), IsEmpty());
}

TEST_F(WitnessTest, NamesTheStrongestSuspectFirst) {
    Witness witness({2}, root);
    witness.look(at(1));
    interrupts({{"36", 12}, {"NMI", 1}, {"RES", 2}, {"TLB", 3}});
    softirqs({{"NET_RX", 5}});
    ticks(4);
    smis(9);
    throttled(3);
    deep_idle(1);
    frequency(2'400'000);
    witness.look(at(2));
    EXPECT_THAT(after_second(witness, 1),
                ElementsAre("2 SMIs", "Non-maskable interrupts (NMI): 1", "steal: the hypervisor took 40 ms of CPU 2",
                            "CPU quota: the daemon's cgroup was stopped 3 times", "12 interrupts of eth0-rx-1 (IRQ 36)",
                            "TLB shootdowns (TLB): 3", "Rescheduling interrupts (RES): 2", "softirq NET_RX: 5",
                            "woke from a deep idle state 1 time", "frequency went from 3600 to 2400 MHz"));
}

TEST_F(WitnessTest, SaysNothingWhenNothingMoved) {
    Witness witness({2}, root);
    witness.look(at(1));
    interrupts({});
    frequency(3'590'000); // it always wavers
    witness.look(at(2));
    EXPECT_THAT(after_second(witness, 1), IsEmpty());
}

TEST_F(WitnessTest, NeverNamesTheTimerOrItsOwnLooks) {
    Witness witness({2}, root);
    witness.look(at(1));
    // Reading the SMI count costs the CPU one function call a look.
    interrupts({{"0", 1000}, {"LOC", 1250}, {"CAL", 1}});
    witness.look(at(2));
    EXPECT_THAT(after_second(witness, 1), IsEmpty());
    interrupts({{"0", 2000}, {"LOC", 2500}, {"CAL", 4}});
    witness.look(at(3));
    EXPECT_THAT(after_second(witness, 2), ElementsAre("Function call interrupts (CAL): 2"));
}

TEST_F(WitnessTest, AddsWhatIsUsual) {
    Witness witness({2}, root);
    witness.look(at(1));
    interrupts({{"36", 10}});
    witness.look(at(2));
    interrupts({{"36", 40}, {"TLB", 1}});
    witness.look(at(3));
    EXPECT_THAT(after_second(witness, 2),
                ElementsAre("30 interrupts of eth0-rx-1 (IRQ 36) (usually 10)", "TLB shootdowns (TLB): 1"));
    EXPECT_THAT(after_second(witness, 1), IsEmpty()) << "fewer than afterwards, which is what it can be held against";
}

TEST_F(WitnessTest, MeasuresWhatIsUsualByTime) {
    Witness witness({2}, root);
    witness.look(at(1));
    interrupts({{"36", 10}});
    witness.look(at(2));
    interrupts({{"36", 40}});
    witness.look(at(4)); // twice as long
    EXPECT_THAT(after_second(witness, 2), ElementsAre("30 interrupts of eth0-rx-1 (IRQ 36) (usually 20)"));
}

TEST_F(WitnessTest, NamesWhatTheTickDoesOnlyWhenItIsUnusual) {
    Witness witness({2}, root);
    witness.look(at(1));
    softirqs({{"TIMER", 250}, {"SCHED", 250}});
    ticks(0, 1, 0);
    witness.look(at(2));
    EXPECT_THAT(after_second(witness, 1), IsEmpty()) << "nothing to compare with";
    softirqs({{"TIMER", 500}, {"SCHED", 1250}});
    ticks(0, 2, 5);
    witness.look(at(3));
    EXPECT_THAT(after_second(witness, 2), ElementsAre("softirqs took 50 ms", "softirq SCHED: 1000 (usually 250)"));
}

TEST_F(WitnessTest, CountsOverTheEndOfACounter) {
    interrupts({{"16", 50}, {"36", 4'294'967'290}});
    Witness witness({2}, root);
    witness.look(at(1));
    interrupts({{"16", 2}, {"36", 4}});
    witness.look(at(2));
    EXPECT_THAT(after_second(witness, 1), ElementsAre("10 interrupts of eth0-rx-1 (IRQ 36)",
                                                      "2 interrupts of i801_smbus, ehci_hcd:usb1 (IRQ 16)"))
        << "IRQ 16 was given to a new device";
}

TEST_F(WitnessTest, AddsUpSmisAndStealOfAllItsLooks) {
    smis(4'294'967'290);
    ticks(5);
    Witness witness({2, 3}, root);
    witness.look(at(1));
    EXPECT_EQ(witness.totals(2).smis, 0U);
    EXPECT_EQ(witness.totals(2).stolen_ms, 0U) << "what was before isn't the run's";
    smis(4'294'967'295);
    ticks(7);
    witness.look(at(2));
    smis(1);
    ticks(8);
    witness.look(at(3));
    EXPECT_EQ(witness.totals(2).smis, 7U) << "over the end of the counter";
    EXPECT_EQ(witness.totals(2).stolen_ms, 30U);
    smis(3);
    witness.look(at(4), false);
    EXPECT_EQ(witness.totals(2).smis, 7U) << "not looked at";
    witness.look(at(5));
    EXPECT_EQ(witness.totals(2).smis, 9U);
    EXPECT_EQ(witness.totals(3).smis, std::nullopt) << "it has no register that can be read";
}

TEST_F(WitnessTest, NamesOnlySomeOfManyDevices) {
    Witness witness({2}, root);
    witness.look(at(1));
    Counts counts{{"TLB", 1}};
    for (unsigned i = 0; i < 8; ++i)
        counts[std::to_string(100 + i)] = 10 + i;
    interrupts(counts);
    witness.look(at(2));
    EXPECT_THAT(after_second(witness, 1),
                ElementsAre("17 interrupts of IRQ 107", "16 interrupts of IRQ 106", "15 interrupts of IRQ 105",
                            "14 interrupts of IRQ 104", "13 interrupts of IRQ 103", "interrupts of 3 other devices",
                            "TLB shootdowns (TLB): 1"));
}

TEST_F(WitnessTest, TellsThatTheCpuWasOffline) {
    Witness witness({2}, root);
    witness.look(at(1));
    write("proc/interrupts", "           CPU0\n  36:   9   IO-APIC 1-edge eth0\n");
    write("proc/softirqs", "           CPU0\n  NET_RX:   9\n");
    write("proc/stat", "cpu  1 2 3 4 5 6 7 8 0 0\ncpu0 1 2 3 4 5 6 7 8 0 0\n");
    witness.look(at(2));
    EXPECT_THAT(after_second(witness, 1), ElementsAre("CPU 2 was offline"));
}

TEST_F(WitnessTest, SaysNothingOfTimesThatNoLooksEnclose) {
    Witness witness({2}, root);
    EXPECT_THAT(after_second(witness, 1), IsEmpty()) << "it hasn't looked yet";
    for (unsigned second = 1; second <= 6; ++second) {
        interrupts({{"36", second * second}}); // more each time
        witness.look(at(second));
    }
    EXPECT_THAT(after_second(witness, 6), IsEmpty()) << "it hasn't looked since";
    EXPECT_THAT(after_second(witness, 5), Not(IsEmpty()));
    EXPECT_THAT(witness.hints(2, at(5), at(6)), Not(IsEmpty())) << "the looks' own times are enclosed";
    EXPECT_THAT(after_second(witness, 1), IsEmpty()) << "forgotten";
    EXPECT_THAT(witness.hints(3, at(5), at(6)), IsEmpty()) << "a CPU that it doesn't watch";
}

TEST_F(WitnessTest, LooksOverAllLooksThatALongSpikeSpans) {
    Witness witness({2}, root);
    for (unsigned second = 1; second <= 3; ++second) {
        interrupts({{"36", second * 10}});
        witness.look(at(second));
    }
    EXPECT_THAT(witness.hints(2, at(1) + 900'000'000, at(2) + 100'000'000),
                ElementsAre("20 interrupts of eth0-rx-1 (IRQ 36)"));
}

TEST_F(WitnessTest, IgnoresALookThatIsNotLater) {
    Witness witness({2}, root);
    witness.look(at(2));
    interrupts({{"36", 5}});
    witness.look(at(2));
    witness.look(at(1));
    witness.look(at(3));
    EXPECT_THAT(after_second(witness, 2), ElementsAre("5 interrupts of eth0-rx-1 (IRQ 36)"));
}

TEST_F(WitnessTest, MissesNothingWhereAllCanBeRead) {
    EXPECT_THAT(Witness({2}, root).missing(), IsEmpty());
    EXPECT_THAT(Witness({2}, root).uncounted(), IsEmpty());
}

TEST_F(WitnessTest, SaysWhatWouldMakeSmisCountable) {
    EXPECT_THAT(Witness({0, 2, 3}, root).missing(),
                Contains("SMIs of CPU 0,3 can't be counted: /dev/cpu/N/msr is absent; load the kernel module msr"));
    write("dev/cpu/2/msr", "short");
    EXPECT_THAT(Witness({2}, root).missing(), ElementsAre(HasSubstr("SMIs of CPU 2 can't be counted: MSR 0x34")));
    EXPECT_THAT(Witness({2}, root).uncounted(), ElementsAre(HasSubstr("SMIs of CPU 2 can't be counted: MSR 0x34")));
    write("proc/cpuinfo", "processor\t: 0\nvendor_id\t: AuthenticAMD\n\n");
    EXPECT_THAT(Witness({2}, root).missing(), ElementsAre(HasSubstr("only Intel's processors do (this one: Auth")));
}

TEST_F(WitnessTest, SaysWhatElseItCannotSee) {
    fs::remove_all(fs::path(root) / "sys/devices/system/cpu/cpu2/cpufreq");
    fs::remove(fs::path(root) / "proc/interrupts");
    const Witness witness({2}, root);
    EXPECT_THAT(witness.missing(),
                ElementsAre(HasSubstr("/proc/interrupts can't be read; the daemon's unit needs ProcSubset=all"),
                            HasSubstr("frequency of CPU 2 can't be seen")));
}

TEST_F(WitnessTest, GoesOnWhenFilesVanish) {
    Witness witness({2}, root);
    witness.look(at(1));
    fs::remove_all(root);
    witness.look(at(2));
    witness.look(at(3));
    EXPECT_THAT(after_second(witness, 2), IsEmpty());
}

TEST(Witness, ReadsThisMachine) {
    const auto online = Topology::read().online;
    const auto counters = read_counters(online);
    EXPECT_THAT(counters, SizeIs(online.size()));
    for (const auto& [cpu, of_cpu] : counters) {
        EXPECT_THAT(of_cpu.interrupts, Not(IsEmpty())) << "CPU " << cpu;
        EXPECT_THAT(of_cpu.softirqs, Not(IsEmpty())) << "CPU " << cpu;
        for (const auto& [row, interrupt] : of_cpu.interrupts)
            EXPECT_GT(interrupt.count, 0u) << row;
    }

    Witness witness(online);
    witness.look(1);
    witness.look(2);
    EXPECT_THAT(witness.hints(online.front(), 1, 2), Each(Not(IsEmpty())));
    EXPECT_THAT(witness.missing(), Each(Not(IsEmpty())));
}

} // namespace
} // namespace rtnode::latency
