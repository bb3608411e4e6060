#include "profile/arguments/table.hpp"

#include "state/edit_distance.hpp"

#include <algorithm>
#include <array>

namespace rtnode::profile {
namespace {

constexpr Since old{};
constexpr std::string_view breaks_boot =
    "with a wrong value the node doesn't boot, and no profile needs it; leave it to "
    "the installer";

// Kernel arguments: Documentation/admin-guide/kernel-parameters.txt. The builds of Red Hat's kernels: the release
// notes' chapters on kernel parameters.
constexpr std::array table{
    // isolation
    KnownArgument{"isolcpus",
                  "keeps what its flags say off these CPUs: without flags, or with 'domain', the scheduler's "
                  "load balancing",
                  old},
    KnownArgument{"nohz_full",
                  "stops the timer tick of these CPUs while one task runs there, offloads their RCU "
                  "callbacks, and from 5.8 on keeps unbound kernel threads off them",
                  old},
    KnownArgument{"nohz", "lets idle CPUs go without timer tick (the default)", old},
    KnownArgument{"rcu_nocbs", "has the RCU callbacks of these CPUs run in threads that may run elsewhere", old},
    KnownArgument{"rcu_nocb_poll",
                  "has the threads of rcu_nocbs= look for callbacks by themselves, so that isolated CPUs "
                  "don't have to wake them",
                  old},
    KnownArgument{"rcupdate.rcu_normal_after_boot",
                  "after the boot, has RCU never hurry a grace period by interrupting "
                  "CPUs",
                  old},
    KnownArgument{"rcutree.nohz_full_patience_delay",
                  "has RCU wait for so many milliseconds before it interrupts a CPU "
                  "without tick",
                  Since{6, 11, 0, 0, {}}},
    KnownArgument{"rcutree.kthread_prio",
                  "gives RCU's threads this SCHED_FIFO priority, which must be that of ksoftirqd, "
                  "11 with TuneD's profiles, or RCU stalls",
                  old},
    KnownArgument{"skew_tick",
                  "has the ticks of the CPUs come one after the other, so that they don't wait for the same "
                  "locks; costs a little power",
                  old},
    KnownArgument{"irqaffinity", "sends interrupts to these CPUs unless somebody sets another affinity", old},
    // The parser is systemd's. Red Hat brought it to el8 with the updates of 8.2 (RHBZ 1812894, 1827621), whose kernel
    // stands for it here; elsewhere a 5.6 kernel comes with a systemd of its time.
    KnownArgument{"systemd.cpu_affinity", "keeps systemd, and all that it starts, on these CPUs",
                  Since{5, 6, 8, 193, "systemd 245 (el8: kernel build 193)"}},
    KnownArgument{"workqueue.unbound_cpus", "keeps unbound workqueues on these CPUs", Since{6, 6, 0, 0, {}}},
    KnownArgument{"tuned.non_isolcpus", "is meant to keep workqueues on the CPUs of this mask", old, Nature::ignored,
                  "no kernel reads it, but a hook of TuneD's in the initramfs, which OSTree nodes don't have; set "
                  "housekeeping-workqueues in [run-time] instead"},
    KnownArgument{"kthread_cpus", "is meant to keep kernel threads on these CPUs", old, Nature::ignored,
                  "only kernels of Wind River and MontaVista know it, others hand it to init; nohz_full= keeps unbound "
                  "kernel threads off its CPUs from 5.8 on"},
    KnownArgument{"threadirqs", "has interrupt handlers run in threads", old},
    KnownArgument{"preempt", "chooses how a PREEMPT_DYNAMIC kernel preempts itself", Since{5, 12, 0, 0, {}}},

    // clocks and watchdogs
    KnownArgument{"tsc=reliable", "takes the TSC for sound and doesn't watch it", old},
    KnownArgument{"tsc=nowatchdog", "doesn't watch the TSC by another clock", old, Nature::noted,
                  "on kernels of Red Hat's 9 a timer that adjusts the TSC stays, and was seen as latency; tsc=reliable "
                  "stops that, too"},
    KnownArgument{"tsc", "says how far the TSC is trusted", old},
    KnownArgument{"clocksource", "chooses the clock source", old},
    KnownArgument{"hpet", "configures the HPET", old},
    KnownArgument{"nosoftlockup",
                  "switches off the detector of CPUs that don't schedule, which a real-time thread sets "
                  "off by running long",
                  old, Nature::noted, "a CPU that hangs in the kernel isn't reported"},
    KnownArgument{"nmi_watchdog=0", "spares CPUs the interrupts of the hard lockup detector", old, Nature::noted,
                  "a CPU that hangs with interrupts off isn't reported"},
    KnownArgument{"nmi_watchdog", "configures the hard lockup detector", old},
    KnownArgument{"nowatchdog", "switches off the detectors of lockups, soft and hard", old, Nature::noted,
                  "a CPU that hangs isn't reported"},

    // power
    KnownArgument{"processor.max_cstate",
                  "lets acpi_idle go no deeper than this C-state; intel_idle has an argument of "
                  "its own",
                  old},
    KnownArgument{"intel_idle.max_cstate",
                  "lets intel_idle go no deeper than this C-state; 0 leaves idling to acpi_idle", old},
    KnownArgument{
        "idle=poll", "has idle CPUs spin rather than sleep", old, Nature::dangerous,
        "every CPU, the reserved ones too, draws full power all the time: hot, without turbo, and at the cost "
        "of its sibling thread"},
    KnownArgument{"idle", "chooses how idle CPUs wait", old},
    KnownArgument{"intel_pstate", "chooses how the frequency of Intel CPUs is set; 'disable' leaves it to acpi-cpufreq",
                  old},
    KnownArgument{"amd_pstate=guided",
                  "has the firmware choose the frequency of AMD CPUs between limits of the kernel's",
                  Since{6, 4, 9, 362, {}}},
    KnownArgument{"amd_pstate=active", "leaves the frequency of AMD CPUs to the firmware", Since{6, 3, 9, 362, {}}},
    KnownArgument{"amd_pstate", "chooses how the frequency of AMD CPUs is set", Since{6, 1, 9, 362, {}}},
    KnownArgument{"cpufreq.default_governor", "chooses the frequency governor", Since{5, 9, 0, 0, {}}},
    KnownArgument{"cpuidle.off", "switches off the idle drivers", old},
    KnownArgument{"pcie_aspm", "configures the power saving of PCIe links", old},

    // devices and memory
    KnownArgument{"intel_iommu", "configures Intel's IOMMU, which SR-IOV and VFIO need", old},
    KnownArgument{"amd_iommu", "configures AMD's IOMMU", old},
    KnownArgument{"iommu", "configures the IOMMU; 'pt' spares the host's own devices its translation", old},
    KnownArgument{"default_hugepagesz", "chooses the size of huge pages that are asked for without a size", old},
    KnownArgument{"hugepagesz", "says of which size the huge pages are that the next hugepages= reserves", old},
    KnownArgument{"hugepages", "reserves so many huge pages of the size that stands before it, evenly over NUMA nodes",
                  old},
    KnownArgument{"hugetlb_cma", "sets memory aside from which huge pages can be made later", Since{5, 7, 0, 0, {}}},
    KnownArgument{"transparent_hugepage", "configures huge pages that the kernel makes by itself", old},
    KnownArgument{"numa_balancing", "configures the moving of memory to the node that uses it", old},
    KnownArgument{"mem", "limits the memory that is used", old, Nature::noted, "the memory above it is lost"},
    KnownArgument{"efi=runtime", "lets a real-time kernel call EFI's services, as efibootmgr needs", old, Nature::noted,
                  "a call may hold its CPU for milliseconds"},
    KnownArgument{"efi", "configures EFI", old},
    KnownArgument{"pci", "configures PCI", old},
    KnownArgument{"module_blacklist", "keeps modules from being loaded", old},
    KnownArgument{"modprobe.blacklist", "keeps modules from being loaded for a device", old},

    // what protects the node
    KnownArgument{"mce=off", "switches off machine checks", old, Nature::dangerous,
                  "faults of memory and processors go unreported, and one that can't be corrected shuts the CPU down; "
                  "ignore-corrected-errors in [run-time] spares CPUs the polling, which is what is wanted"},
    KnownArgument{"mce", "configures machine checks", old},
    KnownArgument{"audit=0", "switches off auditing", old, Nature::dangerous,
                  "it can't be switched on again without a reboot, and STIG, CIS and FIPS sites need it"},
    KnownArgument{"audit", "configures auditing", old},
    KnownArgument{"mitigations=off", "switches off all mitigations of processor faults", old, Nature::dangerous,
                  "what runs on the node can read what it must not (Spectre, Meltdown and their kin)"},
    KnownArgument{"mitigations", "configures the mitigations of processor faults", old},
    KnownArgument{"selinux=0", "switches off SELinux", old, Nature::dangerous,
                  "new files get no labels, so that the node may not come up when SELinux is switched on again"},
    KnownArgument{"selinux", "configures SELinux", old},
    KnownArgument{"enforcing=0", "has SELinux report rather than deny", old, Nature::dangerous,
                  "nothing is denied; OpenShift doesn't support that"},
    KnownArgument{"enforcing", "configures SELinux", old},
    KnownArgument{"fips", "switches on FIPS mode", old, Nature::noted,
                  "the kernel must have its .vmlinuz.hmac, or it stops the boot"},
    KnownArgument{"systemd.unit", "boots into this unit", old, Nature::dangerous,
                  "the node doesn't come up as it should, at every boot"},
    KnownArgument{"single", "boots into rescue mode", old, Nature::dangerous, "the node waits at its console"},
    KnownArgument{"rescue", "boots into rescue mode", old, Nature::dangerous, "the node waits at its console"},
    KnownArgument{"emergency", "boots into emergency mode", old, Nature::dangerous, "the node waits at its console"},

    // processors
    KnownArgument{"nosmt", "takes all but the first thread of each core offline", old, Nature::noted,
                  "the others are present but offline then: leave them in the CPU sets"},
    KnownArgument{"maxcpus", "starts only so many CPUs", old, Nature::noted, "the others stay offline"},
    KnownArgument{"nr_cpus", "lets there be only so many CPUs", old, Nature::noted,
                  "the CPU sets must be written for the CPUs that are left"},
    KnownArgument{"nosmp", "starts one CPU only", old, Nature::dangerous, "nothing is left to isolate"},
    KnownArgument{"acpi=off", "switches off ACPI", old, Nature::dangerous,
                  "most machines then find one CPU only and can't power off"},
    KnownArgument{"noapic", "doesn't use the IO-APIC", old, Nature::dangerous, "interrupts may be lost or slow"},
    KnownArgument{"nolapic", "doesn't use the local APIC", old, Nature::dangerous, "one CPU only is used"},

    // the rest of a usual command line
    KnownArgument{"console", "adds a console", old},
    KnownArgument{"quiet", "keeps most messages off the console", old},
    KnownArgument{"panic", "says how long to wait before the reboot after a panic", old},
    KnownArgument{"crashkernel", "sets memory aside for a crash kernel", old},
    KnownArgument{"psi", "configures pressure stall information", old},
    KnownArgument{"cgroup_no_v1", "switches off controllers of cgroup v1", old},
    KnownArgument{"systemd.unified_cgroup_hierarchy", "chooses cgroup v2 or v1", old},
    KnownArgument{"net.ifnames", "configures the names of network devices", old},
    KnownArgument{"ignition.*", "is Ignition's", old},
    KnownArgument{"sysctl.*", "sets a sysctl at boot", Since{5, 8, 0, 0, {}}},
    KnownArgument{"systemd.*", "is systemd's", old},

    KnownArgument{"root", "says where the root file system is", old, Nature::refused, breaks_boot},
    KnownArgument{"rootflags", "says how the root file system is mounted", old, Nature::refused, breaks_boot},
    KnownArgument{"rootfstype", "says what the root file system is", old, Nature::refused, breaks_boot},
    KnownArgument{"ostree", "says which deployment is booted", old, Nature::refused,
                  "libostree writes it for each deployment"},
    KnownArgument{"BOOT_IMAGE", "is the boot loader's", old, Nature::refused, "the boot loader writes it"},
    KnownArgument{"init", "chooses the first process", old, Nature::refused, breaks_boot},
    KnownArgument{"rdinit", "chooses the first process of the initramfs", old, Nature::refused, breaks_boot},
    KnownArgument{"rd.*", "configures the initramfs", old, Nature::refused, breaks_boot},
};

} // namespace

std::string name_of_argument(std::string_view token) {
    std::string name(token.substr(0, token.find('=')));
    std::ranges::replace(name, '-', '_');
    return name;
}

std::string_view value_of_argument(std::string_view token) {
    const auto equals = token.find('=');
    return equals == std::string_view::npos ? std::string_view() : token.substr(equals + 1);
}

const KnownArgument* known_argument(std::string_view token) {
    const auto name = name_of_argument(token);
    std::string whole = name;
    if (const auto equals = token.find('='); equals != std::string_view::npos) whole += token.substr(equals);
    const KnownArgument* found = nullptr;
    for (const auto& known : table) {
        const auto& pattern = known.pattern;
        if (pattern == whole) return &known;
        const bool begins = pattern.ends_with('*') && name.starts_with(pattern.substr(0, pattern.size() - 1));
        // A name before a beginning, whichever comes first in the table.
        if (pattern == name || (begins && found == nullptr)) found = &known;
    }
    return found;
}

std::string_view meant_argument(std::string_view token) {
    const auto name = name_of_argument(token);
    std::string_view meant;
    std::size_t nearest = 3; // so many slips are another word
    for (const auto& known : table) {
        const auto pattern = known.pattern.substr(0, known.pattern.find('='));
        // One slip in a short name makes another word of it, too.
        if (pattern.size() <= 5 || pattern.ends_with('*')) continue;
        if (const auto slips = edit_distance(name, pattern); slips < nearest) {
            nearest = slips;
            meant = pattern;
        }
    }
    return meant;
}

} // namespace rtnode::profile
