#pragma once
// The kernel's counters of what CPUs did, from /proc and elsewhere.

#include "latency/options.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace rtnode::latency {

/// Of one CPU, since it booted.
struct Counters {
    struct Interrupt {
        std::uint64_t count = 0; ///< 32 bits wide in the kernel, so it wraps
        std::string what;        ///< its handlers, "eth0-rx-1"; of a row with letters its meaning, "TLB shootdowns"
    };
    /// By row of /proc/interrupts: "36", "NMI". Rows that stand at 0 are left out, and those that don't count by CPU.
    std::map<std::string, Interrupt> interrupts;
    std::map<std::string, std::uint64_t> softirqs; ///< by kind, as "NET_RX"; 32 bits wide, 0 is left out
    std::uint64_t irq_ticks = 0, softirq_ticks = 0, steal_ticks = 0; ///< time, in USER_HZ (proc_stat(5)): 10 ms each
    std::uint64_t deep_idle = 0;       ///< times that a state of deep_idle_states() was entered
    std::uint64_t throttled = 0;       ///< periods in which a CPU quota stopped this process' cgroup or one around it
    std::optional<std::uint64_t> smis; ///< MSR 0x34, 32 bits wide; Intel only
    std::optional<std::uint64_t> frequency_khz; ///< now
};

/// Reads what /proc/interrupts, /proc/softirqs and /proc/stat below `root` say of `cpus`. CPUs that are offline are
/// left out, and all where nothing can be read; so is what is odd or cut short there.
std::map<unsigned, Counters> read_counters(const CpuList& cpus, const std::string& root = "/");

/// MSR_SMI_COUNT (Intel's Software Developer's Manual, volume 4: 34H, bits 31:0). @param msr of /dev/cpu/N/msr, or -1
std::optional<std::uint64_t> smis_of(int msr);

/// Periods in which a CPU quota stopped one of these cgroups. @param cgroups folders
std::uint64_t throttled_of(const std::vector<std::string>& cgroups);

/// The first number in a file.
std::optional<std::uint64_t> count_in(const std::string& path);

/// Whether a row of /proc/interrupts is a device's: its name is a number.
bool is_number(std::string_view row);

} // namespace rtnode::latency
