#pragma once
// The machine under a measurement: what it is (Environment::read() of result.hpp), and what about it makes latency
// worse or the numbers doubtful. Everything is read from files of /proc and /sys below a root. What is missing or odd
// there is unknown, never an error: a measurement runs without it.

#include "latency/options.hpp"
#include "latency/result.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace rtnode::latency {

/// One row for each check, always all of them and in this order: preemption, clocksource, governor, idle-states,
/// smt-siblings, isolation, nohz-full, interrupts, rt-throttling, rt-group-scheduling, cgroup, microcode, bios,
/// virtual-machine. A remedy also stands with a note that could become good.
/// @param measured CPUs that are, or are about to be, measured
std::vector<Finding> findings_of(const std::string& root, const CpuList& measured, const Options& options);

/// An idle state from which waking takes long enough to be seen.
struct IdleState {
    std::string name;   ///< "C6"
    std::string folder; ///< of its files, root included: …/cpuidle/state3
    std::optional<std::int64_t> latency_us;
    bool disabled = false; ///< by an admin
};

/// The states of a CPU that are deeper than C1 and take more than 2 µs to leave, by the kernel's own numbers
/// (Documentation/admin-guide/pm/cpuidle.rst; state 0 polls and state 1 is C1 on x86).
std::vector<IdleState> deep_idle_states(const std::string& root, unsigned cpu);

/// The folder of this process' cgroup, then of each one around it, the root last; the unified hierarchy (version 2)
/// only, none where there is no such.
std::vector<std::string> cgroup_folders(const std::string& root);

/// Revision of the lowest CPU's microcode as the kernel prints it, "0x2b000603"; and the BIOS' vendor, version and
/// date.
/// "" = unknown.
std::string microcode_of(const std::string& root);
std::string bios_of(const std::string& root);

} // namespace rtnode::latency
