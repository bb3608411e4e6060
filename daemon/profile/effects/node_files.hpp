#pragma once
// What files of /proc and /sys below a root say of this node's interrupts, workqueues and tasks. What is missing or odd
// there is nothing, never an error. Private to daemon/profile.

#include "state/cpu_list.hpp"

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace rtnode::profile {

/// Without blanks, tabs and line ends at both ends, and with one blank for each run of them inside.
std::string with_single_blanks(std::string_view text);

/// The first few, and how many more: "a, b and 3 more".
std::string listed(const std::vector<std::string>& items, std::size_t most = 6);

/// Path below the root of a sysctl, in either spelling of sysctl.d(5): kernel.timer_migration, net/ipv4/conf/eth0.1/x.
/// "" when it would lead out of proc/sys.
std::string sysctl_file(std::string name);

/// Paths below the root, of those that are there: the unbound workqueues' masks, the common one first
/// (Documentation/core-api/workqueue.rst); each CPU's switch that makes corrected machine checks unheard
/// (Documentation/arch/x86/x86_64/machinecheck.rst).
std::vector<std::string> workqueue_masks(const std::filesystem::path& root);
std::vector<std::string> corrected_error_switches(const std::filesystem::path& root);

struct Interrupt {
    unsigned number = 0;
    std::string handlers;  ///< "nvme0q1"; "" = unknown
    bool requested = true; ///< else nobody asked for it, and it doesn't come
    CpuList allowed;       ///< smp_affinity
    CpuList effective;     ///< where it comes: effective_affinity, before 4.13 as allowed
    bool movable = true;   ///< by user space, as far as the kernel says so beforehand
};

/// Of proc/irq, ascending. A managed interrupt (its driver spread it, PCI_IRQ_AFFINITY) isn't movable: since 6.13 its
/// file smp_affinity has no write permission then (kernel/irq/proc.c, register_irq_proc), and debugfs tells where it is
/// built in (IRQD_AFFINITY_MANAGED); else only an attempt shows, with EIO.
std::vector<Interrupt> interrupts(const std::filesystem::path& root);

struct Task {
    unsigned pid = 0;
    std::string name;
    std::uint64_t flags = 0; ///< PF_… of the kernel's include/linux/sched.h, see proc_pid_stat(5)

    bool of_kernel() const { return (flags & 0x00200000) != 0; } ///< PF_KTHREAD
    bool bound() const { return (flags & 0x04000000) != 0; }     ///< PF_NO_SETAFFINITY: the kernel keeps it in place
};

/// Processes and kernel threads, ascending by their ids.
std::vector<Task> tasks(const std::filesystem::path& root);

/// Cpus_allowed_list of its status.
std::optional<CpuList> allowed_cpus(const std::filesystem::path& root, unsigned pid);

} // namespace rtnode::profile
