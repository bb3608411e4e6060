// A node of four CPUs, of which 2 and 3 are isolated. Everything that its profile asks for has its effect there; each
// test spoils one thing.
#include "profile/effects/effects.hpp"

#include "node_in_a_folder.hpp"

#include <gmock/gmock.h>

namespace rtnode::profile {
namespace {

using testing::AllOf;
using testing::Each;
using testing::ElementsAre;
using testing::Field;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

class Effects : public NodeInAFolder {
  protected:
    Effects() {
        profile.require_real_time = true;
        profile.clocksource = "tsc";
        profile.microcode = "0x2b000600";
        profile.housekeeping_workqueues = profile.housekeeping_interrupts = true;
        profile.ignore_corrected_errors = profile.timer_migration = true;
        profile.sysctls = {{"kernel.sched_rt_runtime_us", "-1"}, {"net.ipv4.tcp_rmem", "4096 131072 6291456"}};
        profile.huge_pages = {{2048, 64, 1u}};
        arguments = {"nohz_full=2-3",
                     "isolcpus=domain,managed_irq,2-3",
                     "systemd.cpu_affinity=0,1",
                     "processor.max_cstate=1",
                     "intel_idle.max_cstate=0",
                     "default_hugepagesz=1G",
                     "hugepagesz=1G",
                     "hugepages=4"};
        node.online = node.present = {0, 1, 2, 3};
        node.numa.resize(2);
        node.numa[0].huge_pages = {{1048576, 2}, {2048, 0}};
        node.numa[1].node = 1;
        node.numa[1].huge_pages = {{1048576, 2}, {2048, 64}};

        write("sys/kernel/realtime", "1\n");
        write("sys/devices/system/clocksource/clocksource0/current_clocksource", "tsc\n");
        for (const std::string cpu : {"0", "1", "2", "3"}) {
            write("sys/devices/system/cpu/cpu" + cpu + "/microcode/version", "0x2b000603\n");
            write("sys/devices/system/cpu/cpu" + cpu + "/cpuidle/state0/name", "POLL\n");
            write("sys/devices/system/cpu/cpu" + cpu + "/cpuidle/state1/name", "C1\n");
        }
        write("sys/devices/system/cpu/cpuidle/current_driver", "acpi_idle\n");
        write("proc/sys/kernel/sched_rt_runtime_us", "-1\n");
        write("proc/sys/net/ipv4/tcp_rmem", "4096\t131072\t6291456\n");
        write("proc/sys/kernel/timer_migration", "1\n");
        write("sys/devices/system/machinecheck/machinecheck0/ignore_ce", "1\n");
        write("sys/devices/system/cpu/isolated", "2-3\n");
        write("sys/devices/system/cpu/nohz_full", "2-3\n");
        write("sys/devices/virtual/workqueue/cpumask", "3\n");
        write("sys/devices/virtual/workqueue/writeback/cpumask", "3\n");
        write("proc/irq/default_smp_affinity", "3\n");
        interrupt(24, "nvme0q0\n", "3\n");
        task(1, "systemd", 0, "0-1");
        task(900, "stalld", 0, "0-1");
        task(2, "kthreadd", movable, "0-1");
        task(31, "ksoftirqd/2", bound, "2");
        task(32, "kworker/R-mm_pe", bound, "0-3");
        task(33, "irq/24-nvme0q0", movable, "2");
        task(34, "kworker/u8:1", bound, "0-1");
        write("etc/kubernetes/kubelet.conf", "kind: KubeletConfiguration\ncpuManagerPolicy: static\n"
                                             "reservedSystemCPUs: \"0,1\" # of the pool\n");
        write("var/lib/kubelet/cpu_manager_state",
              R"({"policyName":"static","defaultCpuSet":"0-1","entries":{"a-pod":{"db":"2-3"}},"checksum":1})");
    }

    std::vector<Check> checks() const { return check_effects(profile, sets, arguments, node, root); }
    Check row(const std::string& name) const {
        for (const auto& check : checks())
            if (check.name == name) return check;
        ADD_FAILURE() << "no row " << name;
        return {};
    }
    std::vector<std::string> names() const {
        std::vector<std::string> all;
        for (const auto& check : checks())
            all.push_back(check.name);
        return all;
    }

    Profile profile;
    std::vector<std::string> arguments;
    NodeTopology node;
};

TEST_F(Effects, OfEverythingThatIsAskedForAreSeen) {
    EXPECT_THAT(names(),
                ElementsAre("preemption", "clocksource", "microcode-revision", "idle-states", "huge-pages-1G",
                            "huge-pages-2M-node-1", "sysctl kernel.sched_rt_runtime_us", "sysctl net.ipv4.tcp_rmem",
                            "timer-migration", "ignore-corrected-errors", "stalld", "isolated-cpus", "tickless-cpus",
                            "workqueues", "default-interrupt-affinity", "isolated-interrupts", "kernel-threads",
                            "system-affinity", "kubelet-reserved-cpus", "kubelet-exclusive-cpus"));
    EXPECT_THAT(checks(), Each(AllOf(Field(&Check::state, CheckState::ok), Field(&Check::remedy, IsEmpty()))));
}

TEST_F(Effects, OfAProfileThatAsksForNothingAreNone) {
    profile = {};
    arguments = {"quiet"};
    take_away("etc");
    EXPECT_THAT(checks(), IsEmpty()) << "also with CPU sets, which may only say what is measured";
}

TEST_F(Effects, AreUnknownWhereNothingCanBeReadAndTheRowSaysWhy) {
    for (const auto* gone : {"sys", "proc", "var"})
        take_away(gone);
    for (const auto& check : checks()) {
        if (check.name.starts_with("huge-pages") || check.name == "kubelet-reserved-cpus") continue;
        EXPECT_THAT(check.state, testing::AnyOf(CheckState::unknown, CheckState::not_applicable)) << check.name;
        EXPECT_THAT(check.remedy, Not(IsEmpty())) << check.name;
    }
}

TEST_F(Effects, ARealTimeKernelSaysSoInSeveralSpellings) {
    take_away("sys/kernel/realtime");
    write("proc/sys/kernel/version", "#1 SMP PREEMPT_RT Thu Nov 12\n");
    EXPECT_EQ(row("preemption").state, CheckState::ok);
    write("proc/sys/kernel/version", "#1 SMP PREEMPT RT Thu Nov 12\n");
    EXPECT_EQ(row("preemption").state, CheckState::ok) << "el8";
    take_away("proc/sys/kernel/version");
    write("proc/version", "Linux version 6.6.0 (gcc) #1 SMP PREEMPT_RT\n");
    EXPECT_EQ(row("preemption").state, CheckState::ok);
    write("proc/version", "Linux version 6.6.0 (gcc) #1 SMP PREEMPT_DYNAMIC\n");
    EXPECT_EQ(row("preemption").state, CheckState::failed);
    EXPECT_THAT(row("preemption").actual, HasSubstr("PREEMPT_DYNAMIC"));
    write("proc/sys/kernel/osrelease", "6.6.0\n");
    write("usr/lib/modules/6.6.0/config", "CONFIG_PREEMPT_RT=y\n");
    EXPECT_EQ(row("preemption").state, CheckState::ok);
    write("usr/lib/modules/6.6.0/config", "# CONFIG_PREEMPT_RT is not set\n");
    EXPECT_EQ(row("preemption").state, CheckState::failed);
}

TEST_F(Effects, MicrocodeMustBeNewEnoughAndTheSameOnEveryCpu) {
    write("sys/devices/system/cpu/cpu3/microcode/version", "0x2b000604\n");
    EXPECT_EQ(row("microcode-revision").state, CheckState::failed) << "new enough, and not the same";
    EXPECT_EQ(row("microcode-revision").actual, "0x2b000603 on CPU 0-2, 0x2b000604 on CPU 3");
    for (const std::string cpu : {"0", "1", "2", "3"})
        write("sys/devices/system/cpu/cpu" + cpu + "/microcode/version", "0x2b0005ff\n");
    EXPECT_EQ(row("microcode-revision").state, CheckState::failed) << "the same, and too old";
    profile.microcode = "";
    profile.replace = {"https://example.com/microcode_ctl-20260512-1.el9.noarch.rpm"};
    EXPECT_EQ(row("microcode-revision").state, CheckState::ok) << "no limit, only an override";
}

TEST_F(Effects, AnIdleStateBeyondTheArgumentsFailsUnlessSomebodyDisabledIt) {
    write("sys/devices/system/cpu/cpu3/cpuidle/state2/name", "C2\n");
    EXPECT_EQ(row("idle-states").actual, "driver acpi_idle: C2 on CPU 3");
    EXPECT_EQ(row("idle-states").state, CheckState::failed);
    write("sys/devices/system/cpu/cpu3/cpuidle/state2/disable", "1\n");
    EXPECT_EQ(row("idle-states").state, CheckState::ok);
    write("sys/devices/system/cpu/cpuidle/current_driver", "intel_idle\n");
    EXPECT_EQ(row("idle-states").state, CheckState::failed) << "intel_idle.max_cstate=0 is to keep it away";
    arguments = {"idle=poll"};
    EXPECT_THAT(row("idle-states").actual, HasSubstr("C1 on CPU 0-3"));
}

TEST_F(Effects, HugePagesThatTheKernelDidNotFindFail) {
    node.numa[0].huge_pages[1048576] = 1;
    EXPECT_EQ(row("huge-pages-1G").state, CheckState::failed);
    EXPECT_EQ(row("huge-pages-1G").actual, "3");
    node.numa[1].huge_pages[2048] = 63;
    EXPECT_EQ(row("huge-pages-2M-node-1").state, CheckState::failed);
    profile.huge_pages = {{2048, 1, 7u}};
    EXPECT_THAT(row("huge-pages-2M-node-7").actual, HasSubstr("no such NUMA node"));
}

TEST_F(Effects, ASysctlThatTheKernelDoesNotHaveIsNotApplicableAndOneThatDiffersFails) {
    profile.sysctls = {{"kernel.numa_balancing", "0"}, {"net.core.rps_default_mask", "00000000,00000003"}};
    write("proc/sys/net/core/rps_default_mask", "3\n");
    EXPECT_EQ(row("sysctl kernel.numa_balancing").state, CheckState::not_applicable);
    EXPECT_EQ(row("sysctl net.core.rps_default_mask").state, CheckState::ok) << "another spelling of the mask";
    write("proc/sys/net/core/rps_default_mask", "f\n");
    EXPECT_EQ(row("sysctl net.core.rps_default_mask").state, CheckState::failed);
}

TEST_F(Effects, ASysctlCannotReadElsewhere) {
    write("secret", "of somebody\n");
    profile.sysctls = {{"kernel/../../../secret", "1"}};
    EXPECT_EQ(row("sysctl kernel/../../../secret").actual, "");
}

TEST_F(Effects, WithoutThrottlingAndStalldTheRowSaysWhatThatMeans) {
    take_away("proc/900");
    EXPECT_EQ(row("stalld").state, CheckState::not_applicable);
    EXPECT_THAT(row("stalld").remedy, HasSubstr("starves"));
    profile.sysctls.clear();
    write("proc/sys/kernel/sched_rt_runtime_us", "950000\n");
    EXPECT_EQ(row("rt-throttling").actual, "950000 of 1000000 µs");
}

TEST_F(Effects, MitigationsAreAFact) {
    write("sys/devices/system/cpu/vulnerabilities/meltdown", "Not affected\n");
    write("sys/devices/system/cpu/vulnerabilities/spectre_v2", "Mitigation: Enhanced IBRS\n");
    write("sys/devices/system/cpu/vulnerabilities/retbleed", "Vulnerable\n");
    EXPECT_EQ(row("mitigations").actual, "vulnerable: retbleed; mitigated: spectre_v2");
    EXPECT_EQ(row("mitigations").state, CheckState::not_applicable);
}

TEST_F(Effects, CpusThatTheKernelDidNotIsolateFail) {
    write("sys/devices/system/cpu/isolated", "\n");
    EXPECT_EQ(row("isolated-cpus").state, CheckState::failed);
    EXPECT_EQ(row("isolated-cpus").expected, "2-3");
    arguments = {"nohz_full=2-3", "isolcpus=managed_irq,2-3"};
    EXPECT_THAT(names(), Not(testing::Contains("isolated-cpus"))) << "without the flag domain they stay balanced";
    arguments = {"isolcpus=2"};
    EXPECT_EQ(row("isolated-cpus").expected, "2") << "no flag is the flag domain";
}

TEST_F(Effects, NoCpuIsTicklessInTheKernelsOwnOddSpellings) {
    for (const auto* none : {"(null)\n", " (null)\n", "\n"}) {
        write("sys/devices/system/cpu/nohz_full", none);
        EXPECT_EQ(row("tickless-cpus").state, CheckState::failed) << none;
        EXPECT_EQ(row("tickless-cpus").actual, "") << none;
    }
    take_away("sys/devices/system/cpu/nohz_full");
    EXPECT_EQ(row("tickless-cpus").state, CheckState::failed);
    EXPECT_THAT(row("tickless-cpus").remedy, HasSubstr("CONFIG_NO_HZ_FULL"));
}

TEST_F(Effects, AWorkqueueThatMayUseAnIsolatedCpuIsNamed) {
    write("sys/devices/virtual/workqueue/writeback/cpumask", "f\n");
    EXPECT_EQ(row("workqueues").state, CheckState::failed);
    EXPECT_EQ(row("workqueues").actual, "/sys/devices/virtual/workqueue/writeback/cpumask has CPU 2-3");
    EXPECT_THAT(row("workqueues").remedy, HasSubstr("00000003"));
}

TEST_F(Effects, AnInterruptOnAnIsolatedCpuIsNamedAndCountsUnlessItsDriverBoundItThere) {
    interrupt(25, "eth0-rx-0\n", "4\n");
    EXPECT_EQ(row("isolated-interrupts").state, CheckState::failed);
    EXPECT_EQ(row("isolated-interrupts").actual, "1 interrupt: 25 eth0-rx-0");
    profile.max_isolated_interrupts = 1;
    EXPECT_EQ(row("isolated-interrupts").state, CheckState::ok);

    profile.max_isolated_interrupts = 0;
    forbid_writing("proc/irq/25/smp_affinity");
    EXPECT_EQ(row("isolated-interrupts").state, CheckState::ok);
    EXPECT_EQ(row("isolated-interrupts").actual, "none; bound there by their drivers: 25 eth0-rx-0");
}

TEST_F(Effects, AnInterruptCountsWhereItComesAndOnlyWhenSomebodyAskedForIt) {
    interrupt(25, "eth0-rx-0\n", "f\n");
    write("proc/irq/25/effective_affinity", "1\n");
    interrupt(26, "", "f\n");
    EXPECT_EQ(row("isolated-interrupts").state, CheckState::ok);
}

TEST_F(Effects, InterruptsOfDevicesToComeStayWithinTheirArgument) {
    write("proc/irq/default_smp_affinity", "f\n");
    EXPECT_EQ(row("default-interrupt-affinity").state, CheckState::failed);
    profile.housekeeping_interrupts = false;
    arguments.emplace_back("irqaffinity=0");
    write("proc/irq/default_smp_affinity", "3\n");
    EXPECT_EQ(row("default-interrupt-affinity").state, CheckState::failed);
    EXPECT_EQ(row("default-interrupt-affinity").expected, "within CPU 0");
}

TEST_F(Effects, AKernelThreadThatMayGoToAnIsolatedCpuIsNamed) {
    task(40, "khugepaged", movable, "0-3");
    task(41, "kworker/u8:2-events_unbound", bound, "0-3");
    EXPECT_EQ(row("kernel-threads").state, CheckState::failed);
    EXPECT_EQ(row("kernel-threads").actual, "2 of 7: khugepaged (40), kworker/u8:2-events_unbound (41)");
    EXPECT_THAT(row("kernel-threads").remedy, HasSubstr("taskset -pc 0-1"));
}

TEST_F(Effects, ThreadsThatFollowTheirMemoryAreToldAndDoNotFail) {
    task(42, "kswapd0", movable, "0-3");
    EXPECT_EQ(row("kernel-threads").state, CheckState::ok);
    EXPECT_THAT(row("kernel-threads").actual, HasSubstr("kswapd0 (42)"));
}

TEST_F(Effects, AUserProcessOnAnIsolatedCpuIsTheWorkloadAndAServiceManagerIsNot) {
    task(500, "cyclictest", 0, "2-3");
    EXPECT_EQ(row("kernel-threads").state, CheckState::ok);
    task(1, "systemd", 0, "0-3");
    EXPECT_EQ(row("system-affinity").state, CheckState::failed);
}

TEST_F(Effects, KubeletMustReserveTheSameCpus) {
    write("etc/kubernetes/kubelet.conf", R"({"cpuManagerPolicy": "static", "reservedSystemCPUs": "0-2"})");
    EXPECT_EQ(row("kubelet-reserved-cpus").state, CheckState::failed);
    EXPECT_EQ(row("kubelet-reserved-cpus").actual, "0-2");
    write("etc/kubernetes/kubelet.conf", "cpuManagerPolicy: static\nsystemReserved:\n  cpu: 500m\n");
    EXPECT_THAT(row("kubelet-reserved-cpus").actual, HasSubstr("lowest-numbered"));
    write("etc/kubernetes/kubelet.conf", "cpuManagerPolicy: none\n");
    EXPECT_EQ(row("kubelet-reserved-cpus").state, CheckState::not_applicable);
    EXPECT_THAT(names(), Not(testing::Contains("kubelet-exclusive-cpus")));
}

TEST_F(Effects, AContainerThatHasAReservedCpuForItselfFails) {
    write("var/lib/kubelet/cpu_manager_state",
          R"({"policyName":"static","defaultCpuSet":"0","entries":{"a-pod":{"db":"1-2"}}})");
    EXPECT_EQ(row("kubelet-exclusive-cpus").state, CheckState::failed);
    EXPECT_EQ(row("kubelet-exclusive-cpus").actual, "containers have CPU 1-2");
    write("var/lib/kubelet/cpu_manager_state", R"({"policyName":"none","defaultCpuSet":""})");
    EXPECT_EQ(row("kubelet-exclusive-cpus").state, CheckState::failed) << "kubelet refuses to start with it";
    write("var/lib/kubelet/cpu_manager_state", R"({"policyName":"static","entries":{"a-pod":{"db":5}}})");
    EXPECT_EQ(row("kubelet-exclusive-cpus").state, CheckState::unknown);
    write("var/lib/kubelet/cpu_manager_state", "{");
    EXPECT_EQ(row("kubelet-exclusive-cpus").state, CheckState::unknown);
}

} // namespace
} // namespace rtnode::profile
