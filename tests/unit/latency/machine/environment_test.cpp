// Findings on a machine that stands in a folder: four CPUs, of which 2 and 3 are measured, set up as they should be.
// Each test spoils one thing. sysfs can't be written, and no real machine has all of this.
#include "latency/machine/environment.hpp"

#include "folder_machine.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sys/utsname.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

namespace rtnode::latency {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::AnyOf;
using ::testing::ElementsAreArray;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

const std::vector<std::string> all_checks{"preemption",    "clocksource",         "governor",  "idle-states",
                                          "smt-siblings",  "isolation",           "nohz-full", "interrupts",
                                          "rt-throttling", "rt-group-scheduling", "cgroup",    "microcode",
                                          "bios",          "virtual-machine"};

std::vector<std::string> names_of(const std::vector<Finding>& findings) {
    std::vector<std::string> names;
    for (const auto& finding : findings)
        names.push_back(finding.check);
    return names;
}

class EnvironmentTest : public FolderMachine {
  protected:
    EnvironmentTest() {
        utsname name{};
        ::uname(&name);
        kernel_configuration = std::string("usr/lib/modules/") + name.release + "/config";

        write("proc/cmdline", "BOOT_IMAGE=/vmlinuz root=UUID=1 isolcpus=managed_irq,domain,2-3 nohz_full=2-3\n");
        write("proc/cpuinfo", "processor\t: 0\nvendor_id\t: GenuineIntel\nmodel name\t: Intel(R) Xeon(R) Gold 6438N\n"
                              "microcode\t: 0x2b000590\nflags\t\t: fpu msr tsc nonstop_tsc\n\n"
                              "processor\t: 1\nvendor_id\t: GenuineIntel\nmodel name\t: another\n\n");
        write("proc/sys/kernel/version", "#1 SMP PREEMPT_RT Thu, 12 Nov 2026\n");
        write("sys/kernel/realtime", "1\n");
        write("sys/devices/system/clocksource/clocksource0/current_clocksource", "tsc\n");
        cpu("online", "0-3\n");
        cpu("isolated", "2-3\n");
        cpu("nohz_full", "2-3\n");
        cpu("cpuidle/current_driver", "intel_idle\n");
        cpu("cpu0/microcode/version", "0x2b000603\n");
        for (const std::string number : {"2", "3"}) {
            cpu("cpu" + number + "/cpufreq/scaling_governor", "performance\n");
            cpu("cpu" + number + "/topology/thread_siblings_list", number + "\n");
            idle_state(number, 0, "POLL", "0");
            idle_state(number, 1, "C1", "1");
        }
        write("sys/class/dmi/id/bios_vendor", "Dell Inc.\n");
        write("sys/class/dmi/id/bios_version", "2.10.2\n");
        write("sys/class/dmi/id/bios_date", "02/24/2026\n");
        write("proc/irq/default_smp_affinity", "3\n");
        interrupt("24", "nvme0q0\n", "0-1\n");
        write("proc/sys/kernel/sched_rt_runtime_us", "-1\n");
        write("proc/sys/kernel/sched_rt_period_us", "1000000\n");
        write(kernel_configuration, "# CONFIG_RT_GROUP_SCHED is not set\n");
        write("proc/self/cgroup", "0::/system.slice/rtnoded.service\n");
        write("sys/fs/cgroup/cgroup.controllers", "cpuset cpu io memory\n");
        write("sys/fs/cgroup/cpuset.cpus.effective", "0-3\n");
        write("sys/fs/cgroup/system.slice/rtnoded.service/cpu.max", "max 100000\n");
    }
    void cpu(const std::string& path, const std::string& text) { write("sys/devices/system/cpu/" + path, text); }
    void idle_state(const std::string& of_cpu, int number, const std::string& name, const std::string& latency) {
        const auto folder = "cpu" + of_cpu + "/cpuidle/state" + std::to_string(number);
        cpu(folder + "/name", name + "\n");
        cpu(folder + "/latency", latency + "\n");
        cpu(folder + "/disable", "0\n");
    }
    void interrupt(const std::string& number, const std::string& handlers, const std::string& cpus) {
        write("sys/kernel/irq/" + number + "/actions", handlers);
        write("proc/irq/" + number + "/effective_affinity_list", cpus);
    }
    void take_away(const std::string& path) { fs::remove_all(fs::path(root) / path); }

    Finding find(const std::string& check) const {
        for (const auto& finding : findings_of(root, measured, options))
            if (finding.check == check) return finding;
        ADD_FAILURE() << "no row for " << check;
        return {};
    }

    std::string kernel_configuration;
    CpuList measured{2, 3};
    Options options;
};

TEST_F(EnvironmentTest, DescribesTheMachine) {
    const auto environment = Environment::read(root);
    utsname name{};
    ASSERT_EQ(::uname(&name), 0);
    EXPECT_EQ(environment.release, name.release);
    EXPECT_TRUE(environment.realtime);
    EXPECT_THAT(environment.command_line, HasSubstr("nohz_full=2-3"));
    EXPECT_EQ(environment.clocksource, "tsc");
    EXPECT_EQ(environment.cpus_online, "0-3");
    EXPECT_EQ(environment.microcode, "0x2b000603");
    EXPECT_EQ(environment.bios, "Dell Inc. 2.10.2 02/24/2026");
    EXPECT_EQ(environment.cpu_model, "Intel(R) Xeon(R) Gold 6438N");
    EXPECT_EQ(environment.deployment, "") << "no OSTree here";
    EXPECT_THAT(environment.findings, IsEmpty()) << "these depend on what is measured";
}

TEST_F(EnvironmentTest, TakesTheMicrocodeFromCpuinfoWhereNoDriverTells) {
    take_away("sys/devices/system/cpu/cpu0/microcode");
    EXPECT_EQ(Environment::read(root).microcode, "0x2b000590");
}

TEST_F(EnvironmentTest, ReadsTheMicrocodeOfTheLowestCpuThatIsOnline) {
    cpu("online", "1-3\n");
    cpu("cpu1/microcode/version", "0x2b000604\n");
    EXPECT_EQ(Environment::read(root).microcode, "0x2b000604");
}

TEST_F(EnvironmentTest, FollowsTheCommandLineToTheBootedDeployment) {
    const std::string checksum(64, 'a');
    const auto link = "/ostree/boot.1/rhcos/" + std::string(64, 'b') + "/0";
    write("proc/cmdline", "quiet ostree=" + link + " rw\n");
    fs::create_directories(fs::path(root + link).parent_path());
    fs::create_symlink("../../../deploy/rhcos/deploy/" + checksum + ".0", root + link);
    EXPECT_EQ(Environment::read(root).deployment, checksum);

    fs::remove(root + link);
    EXPECT_EQ(Environment::read(root).deployment, "") << "the link is gone";
    fs::create_symlink("../somewhere", root + link);
    EXPECT_EQ(Environment::read(root).deployment, "") << "that is no checksum";
}

TEST_F(EnvironmentTest, KnowsNothingOfAnEmptyTree) {
    fs::remove_all(root);
    const auto environment = Environment::read(root);
    EXPECT_EQ(environment.microcode + environment.bios + environment.cpu_model + environment.clocksource, "");
    const auto findings = findings_of(root, measured, options);
    EXPECT_THAT(names_of(findings), ElementsAreArray(all_checks));
    for (const auto& finding : findings)
        EXPECT_EQ(finding.state, finding.check == "governor" ? "note" : "unknown") << finding.check;
}

TEST_F(EnvironmentTest, FindsNothingBadWhereNothingIs) {
    const auto findings = findings_of(root, measured, options);
    EXPECT_THAT(names_of(findings), ElementsAreArray(all_checks));
    for (const auto& finding : findings) {
        const bool is_told_only = finding.check == "microcode" || finding.check == "bios";
        EXPECT_EQ(finding.state, is_told_only ? "note" : "good") << finding.check << ": " << finding.actual;
        EXPECT_EQ(finding.remedy, "") << finding.check;
        EXPECT_NE(finding.actual, "") << finding.check;
    }
    EXPECT_EQ(find("microcode").actual, "revision 0x2b000603");
    EXPECT_EQ(find("bios").actual, "Dell Inc. 2.10.2 02/24/2026");
}

TEST_F(EnvironmentTest, WantsARealTimeKernel) {
    take_away("sys/kernel/realtime");
    EXPECT_EQ(find("preemption").state, "good") << "its version says it too";
    write("proc/sys/kernel/version", "#1 SMP PREEMPT RT Tue Jun 6 2023\n");
    EXPECT_EQ(find("preemption").state, "good") << "as el8 writes it";

    write("proc/sys/kernel/version", "#1 SMP PREEMPT_DYNAMIC Thu, 12 Nov 2026\n");
    auto finding = find("preemption");
    EXPECT_EQ(finding.state, "bad");
    EXPECT_EQ(finding.actual, "PREEMPT_DYNAMIC, mode unknown");
    EXPECT_THAT(finding.remedy, AllOf(HasSubstr("kernel=rt"), HasSubstr("preempt=full")));

    write("proc/cmdline", "quiet preempt=voluntary\n");
    EXPECT_EQ(find("preemption").actual, "PREEMPT_DYNAMIC, mode voluntary");
    write("sys/kernel/debug/sched/preempt", "none voluntary (full) lazy \n");
    finding = find("preemption");
    EXPECT_EQ(finding.actual, "PREEMPT_DYNAMIC, mode full") << "what is in use counts, not what was asked for";
    EXPECT_THAT(finding.remedy, Not(HasSubstr("preempt=full")));

    write("proc/sys/kernel/version", "#1 SMP Thu, 12 Nov 2026\n");
    EXPECT_EQ(find("preemption").state, "bad");
}

TEST_F(EnvironmentTest, DoubtsASlowClock) {
    const std::string file = "sys/devices/system/clocksource/clocksource0/current_clocksource";
    write(file, "hpet\n");
    EXPECT_EQ(find("clocksource").state, "bad");
    EXPECT_THAT(find("clocksource").remedy, HasSubstr("tsc=reliable"));
    write(file, "kvm-clock\n");
    EXPECT_EQ(find("clocksource").state, "note");
    EXPECT_THAT(find("clocksource").actual, HasSubstr("kvm-clock"));
}

TEST_F(EnvironmentTest, LooksAtTheGovernorOfEachMeasuredCpu) {
    cpu("cpu0/cpufreq/scaling_governor", "powersave\n");
    EXPECT_EQ(find("governor").state, "good") << "CPU 0 isn't measured";
    cpu("cpu3/cpufreq/scaling_governor", "powersave\n");
    EXPECT_EQ(find("governor").state, "bad");
    EXPECT_EQ(find("governor").actual, "performance on CPU 2, powersave on CPU 3");
    EXPECT_THAT(find("governor").remedy, HasSubstr("cpufreq.default_governor=performance"));
}

TEST_F(EnvironmentTest, NotesThatThereIsNoFrequencyScaling) {
    take_away("sys/devices/system/cpu/cpu2/cpufreq");
    EXPECT_EQ(find("governor").state, "good") << "the other one has";
    take_away("sys/devices/system/cpu/cpu3/cpufreq");
    EXPECT_EQ(find("governor").state, "note");
    EXPECT_EQ(find("governor").actual, "no frequency scaling");
}

TEST_F(EnvironmentTest, NamesDeepIdleStates) {
    idle_state("2", 2, "C1E", "2");
    EXPECT_EQ(find("idle-states").state, "good") << "no deeper than C1 in what matters";
    idle_state("2", 3, "C6", "290");
    idle_state("3", 2, "C6", "290");
    auto finding = find("idle-states");
    EXPECT_EQ(finding.state, "bad");
    EXPECT_THAT(finding.actual, HasSubstr("driver intel_idle: C6 (290 µs) on CPU 2-3"));
    EXPECT_THAT(finding.remedy, HasSubstr("intel_idle.max_cstate=1"));

    cpu("cpuidle/current_driver", "acpi_idle\n");
    EXPECT_THAT(find("idle-states").remedy, HasSubstr("processor.max_cstate=1"));

    cpu("cpu2/cpuidle/state3/disable", "1\n");
    EXPECT_THAT(find("idle-states").actual, HasSubstr("C6 (290 µs) on CPU 3"));
    cpu("cpu3/cpuidle/state2/disable", "1\n");
    EXPECT_EQ(find("idle-states").state, "good") << "an admin has switched them off";
}

TEST_F(EnvironmentTest, TellsNoIdleDriverFromOneThatCannotBeRead) {
    take_away("sys/devices/system/cpu/cpu2/cpuidle");
    take_away("sys/devices/system/cpu/cpu3/cpuidle");
    EXPECT_EQ(find("idle-states").state, "unknown");
    cpu("cpuidle/current_driver", "none\n");
    EXPECT_EQ(find("idle-states").state, "good");
}

TEST_F(EnvironmentTest, MindsWhatRunsOnTheOtherThreadOfACore) {
    cpu("cpu2/topology/thread_siblings_list", "0,2\n");
    auto finding = find("smt-siblings");
    EXPECT_EQ(finding.state, "bad");
    EXPECT_THAT(finding.actual, HasSubstr("CPU 2 shares its core with CPU 0"));
    EXPECT_THAT(finding.remedy, HasSubstr("nosmt"));

    cpu("cpu2/topology/thread_siblings_list", "2-3\n");
    cpu("cpu3/topology/thread_siblings_list", "2-3\n");
    EXPECT_EQ(find("smt-siblings").state, "note") << "both are measured";

    cpu("cpu3/topology/thread_siblings_list", "three\n");
    finding = find("smt-siblings");
    EXPECT_EQ(finding.state, "unknown");
    EXPECT_THAT(finding.actual, HasSubstr("CPU 3"));
}

TEST_F(EnvironmentTest, NotesCpusThatAreNotIsolated) {
    cpu("isolated", "3\n");
    EXPECT_EQ(find("isolation").state, "note");
    EXPECT_THAT(find("isolation").actual, HasSubstr("CPU 2 not isolated"));
    EXPECT_THAT(find("isolation").remedy, HasSubstr("isolcpus=managed_irq,domain,2-3"));
    cpu("isolated", "\n");
    EXPECT_THAT(find("isolation").actual, HasSubstr("CPU 2-3 not isolated"));
}

TEST_F(EnvironmentTest, AdvisesNobodyToIsolateEveryCpu) {
    cpu("online", "2-3\n");
    cpu("isolated", "\n");
    cpu("nohz_full", "\n");
    for (const auto* check : {"isolation", "nohz-full"})
        EXPECT_THAT(find(check).remedy, HasSubstr("measure fewer CPUs")) << check;
}

TEST_F(EnvironmentTest, AcceptsAnIsolatedPartitionInPlaceOfTheArgument) {
    cpu("isolated", "3\n");
    write("sys/fs/cgroup/cpuset.cpus.isolated", "2\n");
    EXPECT_EQ(find("isolation").state, "good") << "one by argument, one by partition";

    // Kernels before 6.7 don't list them; the daemon's own partition is seen all the same.
    take_away("sys/fs/cgroup/cpuset.cpus.isolated");
    write("sys/fs/cgroup/system.slice/cpuset.cpus.partition", "isolated\n");
    write("sys/fs/cgroup/system.slice/cpuset.cpus.effective", "2-3\n");
    EXPECT_EQ(find("isolation").state, "good");
    write("sys/fs/cgroup/system.slice/cpuset.cpus.partition", "isolated invalid (Parent is not a partition root)\n");
    EXPECT_EQ(find("isolation").state, "note");
}

TEST_F(EnvironmentTest, NotesTheTick) {
    cpu("nohz_full", "(null)\n");
    EXPECT_EQ(find("nohz-full").state, "note") << "the kernel's way to say none";
    EXPECT_THAT(find("nohz-full").remedy, HasSubstr("nohz_full=2-3"));
    cpu("nohz_full", "2\n");
    EXPECT_EQ(find("nohz-full").actual, "CPU 3 has the timer tick");
    cpu("nohz_full", "many\n");
    EXPECT_EQ(find("nohz-full").state, "unknown");
    take_away("sys/devices/system/cpu/nohz_full");
    EXPECT_EQ(find("nohz-full").state, "unknown");
}

TEST_F(EnvironmentTest, NamesInterruptsThatFallOnMeasuredCpus) {
    interrupt("25", "eth0-rx-1\n", "2\n");
    interrupt("9", "acpi\n", "0-3\n");
    interrupt("7", "", "0-3\n"); // without a handler
    const auto finding = find("interrupts");
    EXPECT_EQ(finding.state, "bad");
    EXPECT_EQ(finding.actual, "2 of 3 interrupts: 9 acpi, 25 eth0-rx-1");
    EXPECT_THAT(finding.remedy, AllOf(HasSubstr("irqaffinity=0-1"), HasSubstr("managed_irq")));
}

TEST_F(EnvironmentTest, NamesOnlySomeOfManyInterrupts) {
    for (int i = 0; i < 20; ++i)
        interrupt(std::to_string(100 + i), "queue" + std::to_string(i) + "\n", "3\n");
    EXPECT_THAT(find("interrupts").actual, AllOf(HasSubstr("20 of 21 interrupts: 100 queue0, 101 queue1"),
                                                 HasSubstr("107 queue7 and 12 more"), Not(HasSubstr("queue8"))));
}

TEST_F(EnvironmentTest, GoesByTheWantedAffinityWhereTheEffectiveIsNotTold) {
    write("sys/kernel/irq/25/actions", "eth0-rx-1\n");
    write("proc/irq/25/smp_affinity_list", "2-3\n");
    EXPECT_THAT(find("interrupts").actual, HasSubstr("25 eth0-rx-1"));
}

TEST_F(EnvironmentTest, HasNoPlaceForInterruptsWhenAllCpusAreMeasured) {
    measured = {0, 1, 2, 3};
    EXPECT_EQ(find("interrupts").state, "bad");
    EXPECT_THAT(find("interrupts").remedy, AllOf(HasSubstr("fewer CPUs"), Not(HasSubstr("irqaffinity="))));
}

TEST_F(EnvironmentTest, TellsWhatShareRealTimeThreadsMayUse) {
    write("proc/sys/kernel/sched_rt_runtime_us", "950000\n");
    EXPECT_EQ(find("rt-throttling").state, "note") << "the kernel's own setting";
    EXPECT_THAT(find("rt-throttling").actual, HasSubstr("95 % of a CPU (950000 of 1000000 µs)"));
    write("proc/sys/kernel/sched_rt_runtime_us", "500000\n");
    EXPECT_EQ(find("rt-throttling").state, "bad");
    EXPECT_THAT(find("rt-throttling").remedy, HasSubstr("sched_rt_runtime_us=-1"));
    options.policy = Policy::Other;
    EXPECT_EQ(find("rt-throttling").state, "note") << "other threads aren't held to it";
    write("proc/sys/kernel/sched_rt_runtime_us", "lots\n");
    EXPECT_EQ(find("rt-throttling").state, "unknown");
}

TEST_F(EnvironmentTest, MindsRealTimeGroupScheduling) {
    write(kernel_configuration, "CONFIG_RT_GROUP_SCHED=y\n");
    EXPECT_EQ(find("rt-group-scheduling").state, "good") << "without a limit it has no effect";
    write("proc/sys/kernel/sched_rt_runtime_us", "950000\n");
    EXPECT_EQ(find("rt-group-scheduling").state, "bad");
    EXPECT_THAT(find("rt-group-scheduling").actual, HasSubstr("/system.slice/rtnoded.service"));
    EXPECT_THAT(find("rt-group-scheduling").remedy, HasSubstr("sched_rt_runtime_us=-1"));
    write("proc/self/cgroup", "0::/\n");
    EXPECT_EQ(find("rt-group-scheduling").state, "note") << "the root cgroup has all of it";
    take_away(kernel_configuration);
    EXPECT_EQ(find("rt-group-scheduling").state, "unknown");
}

TEST_F(EnvironmentTest, WantsAllMeasuredCpusInTheCgroup) {
    write("sys/fs/cgroup/system.slice/cpuset.cpus.effective", "0-2\n");
    const auto finding = find("cgroup");
    EXPECT_EQ(finding.state, "bad");
    EXPECT_EQ(finding.actual, "/system.slice/rtnoded.service may only use CPU 0-2: CPU 3 is missing");
    EXPECT_THAT(finding.remedy, HasSubstr("AllowedCPUs="));
    write("sys/fs/cgroup/system.slice/rtnoded.service/cpuset.cpus.effective", "2-3\n");
    EXPECT_EQ(find("cgroup").state, "good") << "the innermost that tells decides";
}

TEST_F(EnvironmentTest, MindsAQuotaOnlyForThreadsThatAreHeldToIt) {
    write("sys/fs/cgroup/system.slice/cpu.max", "50000 100000\n");
    EXPECT_EQ(find("cgroup").state, "note");
    EXPECT_EQ(find("cgroup").actual, "/system.slice has cpu.max 50000 100000; real-time threads are not held to it");
    options.policy = Policy::Other;
    EXPECT_EQ(find("cgroup").state, "bad");
    EXPECT_THAT(find("cgroup").remedy, HasSubstr("CPUQuota="));
}

TEST_F(EnvironmentTest, KnowsNothingOfCgroupsOutsideItsNamespaceOrOfVersionOne) {
    write("proc/self/cgroup", "0::/../other.service\n");
    EXPECT_EQ(find("cgroup").state, "unknown");
    write("proc/self/cgroup", "4:cpuset:/\n0::/\n");
    EXPECT_EQ(find("cgroup").state, "good");
    take_away("sys/fs/cgroup/cgroup.controllers");
    EXPECT_EQ(find("cgroup").state, "unknown");
}

TEST_F(EnvironmentTest, NotesThatAHypervisorMayTakeTimeAway) {
    write("proc/cpuinfo", "processor\t: 0\nflags\t\t: fpu msr hypervisor lahf_lm\n\n");
    EXPECT_EQ(find("virtual-machine").state, "note");
    EXPECT_THAT(find("virtual-machine").actual, HasSubstr("steal"));
}

TEST_F(EnvironmentTest, ListsDeepIdleStatesWithTheirFiles) {
    idle_state("2", 2, "C6", "290");
    cpu("cpu2/cpuidle/state3/name", "C8\n"); // the rest is missing
    const auto states = deep_idle_states(root, 2);
    ASSERT_EQ(states.size(), 2u);
    EXPECT_EQ(states[0].name, "C6");
    EXPECT_EQ(states[0].latency_us, 290);
    EXPECT_TRUE(fs::exists(states[0].folder + "/latency"));
    EXPECT_EQ(states[1].name, "C8");
    EXPECT_EQ(states[1].latency_us, std::nullopt);
    EXPECT_FALSE(states[1].disabled);
}

TEST_F(EnvironmentTest, FindsTheCgroupsFromTheInsideOut) {
    const auto base = root + "/sys/fs/cgroup";
    EXPECT_THAT(cgroup_folders(root),
                ::testing::ElementsAre(base + "/system.slice/rtnoded.service", base + "/system.slice", base));
}

TEST(Findings, OfThisMachineHaveEachCheckOnceAndKnownStates) {
    const auto online = Topology::read().online;
    const auto findings = findings_of("/", {online.back()}, Options{});
    EXPECT_THAT(names_of(findings), ElementsAreArray(all_checks));
    for (const auto& finding : findings) {
        EXPECT_THAT(finding.state, AnyOf("good", "bad", "note", "unknown")) << finding.check;
        EXPECT_NE(finding.actual, "") << finding.check;
        EXPECT_TRUE(finding.state != "bad" || finding.remedy != "") << finding.check;
        EXPECT_TRUE(finding.state == "bad" || finding.state == "note" || finding.remedy == "") << finding.check;
    }
}

} // namespace
} // namespace rtnode::latency
