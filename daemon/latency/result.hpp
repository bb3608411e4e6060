#pragma once
// What a measurement found, as plain values. The report writers and the store need nothing else.

#include "latency/options.hpp"

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace rtnode::latency {

/// The percentiles that are always given, and how they are written as keys.
inline constexpr std::array<double, 7> percentile_ranks{50, 90, 99, 99.9, 99.99, 99.999, 99.9999};
inline constexpr std::array<const char*, 7> percentile_names{"p50",    "p90",     "p99",     "p99.9",
                                                             "p99.99", "p99.999", "p99.9999"};

/// Wake-up latency of one CPU, live or final. Times are nanoseconds between a deadline and the thread's first clock
/// reading after it. With no cycles all latencies are 0.
struct CpuStatistics {
    unsigned cpu = 0;
    std::uint64_t cycles = 0;    ///< deadlines that were waited for and measured
    std::uint64_t missed = 0;    ///< deadlines that had passed before the thread could wait for them
    std::uint64_t early = 0;     ///< wake-ups before the deadline (a clock that is broken); measured as 0
    std::uint64_t overflows = 0; ///< cycles at or above the linear histogram's size
    std::int64_t min_ns = 0, last_ns = 0, max_ns = 0;
    double avg_ns = 0;
    /// By percentile_ranks: the smallest latency that this share of cycles does not exceed; at most 0.8 % too large.
    std::array<std::int64_t, percentile_ranks.size()> percentiles_ns{};
    /// The same of all deadlines: one that had passed counts with the lateness that it had when it was passed over. The
    /// two differ when deadlines were missed; these say what share of deadlines a real-time task would have met.
    std::array<std::int64_t, percentile_ranks.size()> corrected_percentiles_ns{};
    std::uint64_t spikes = 0;                         ///< cycles above Options::spike_us
    std::uint64_t minor_faults = 0, major_faults = 0; ///< of the measuring thread inside its loop; should be 0
};

/// Spikes that are kept of each CPU: the worst ones of a run.
inline constexpr std::size_t max_spikes = 256;

/// What the measuring thread says of itself: asked for against read back, before and after its loop.
struct Audit {
    int thread = 0;                         ///< kernel thread id
    std::string policy;                     ///< as read back: fifo, rr, other
    int priority = 0;                       ///< as read back
    CpuList affinity;                       ///< as read back at the end
    bool migrated = false;                  ///< was seen on another CPU, or its affinity was changed in mid-run
    std::uint64_t voluntary_switches = 0;   ///< about one per cycle
    std::uint64_t allocations = 0;          ///< of memory, inside the loop; should be 0
    std::uint64_t involuntary_switches = 0; ///< preempted by something of higher priority, or throttled
    std::uint64_t cpu_time_ns = 0;          ///< user + system time in the loop, to the kernel's accounting grain
};

/// A stretch of a run. Long runs keep a bounded number of them, so that "when did it get worse" has an answer.
struct Window {
    std::int64_t start_ms = 0, length_ms = 0; ///< since the start of the run
    std::uint64_t cycles = 0, missed = 0;
    std::int64_t p50_ns = 0, p99_ns = 0, max_ns = 0; ///< as percentiles_ns: at most 0.8 % too large
};

struct CpuResult {
    CpuStatistics statistics;
    Audit audit;
    std::vector<std::uint64_t> histogram_us; ///< Options::histogram_us columns; [i] counts latencies of i … i+1 µs
    std::vector<std::uint64_t> overflow_cycles; ///< numbers (from 0) of the first histogram_us overflowing cycles
    /// Non-empty log-linear buckets: lower edge, count. Of the cycles, and of all deadlines (corrected).
    std::vector<std::pair<std::int64_t, std::uint64_t>> histogram_ns, corrected_ns;
    std::vector<Window> windows; ///< the run in equal stretches of time, the last one maybe shorter
    /// System management interrupts of the CPU during the run; nothing = they can't be counted here.
    std::optional<std::uint64_t> smis;
    std::uint64_t stolen_ms = 0; ///< time that the hypervisor gave to others, to the kernel's grain (10 ms)
};

/// A latency above the threshold that the caller set, and what was going on.
struct Spike {
    unsigned cpu = 0;
    std::uint64_t cycle = 0;                        ///< number of the wake-up, from 0
    std::int64_t late_ns = 0;                       ///< the latency
    std::int64_t monotonic_ns = 0, realtime_ns = 0; ///< when the thread woke, by both clocks
    std::vector<std::string> hints; ///< what happened on that CPU in the second around it; none = nothing was seen
};

/// A fact about the machine that decides what the numbers are worth.
struct Finding {
    std::string check;  ///< kebab-case key, as "clocksource" or "smt-siblings"
    std::string state;  ///< good, bad (it makes latency worse or the numbers doubtful), note, unknown (can't be read)
    std::string actual; ///< what was found, for people
    std::string remedy; ///< what to change when bad; else ""
};

/// The machine under the measurement.
struct Environment {
    std::string sysname, nodename, release, version, machine; ///< uname(2)
    bool realtime = false;                                    ///< /sys/kernel/realtime says 1
    std::string command_line;                                 ///< of the kernel
    std::string clocksource;
    std::string cpus_online;
    std::string microcode;  ///< revision of the lowest CPU, as "0x2b000603"; "" = unknown
    std::string bios;       ///< vendor, version and date; "" = unknown
    std::string cpu_model;  ///< "model name" of /proc/cpuinfo
    std::string deployment; ///< checksum of the booted OSTree deployment; "" = none
    std::vector<Finding> findings;

    /// All but the findings, from /proc and /sys below `root`. What can't be read is "".
    static Environment read(const std::string& root = "/");
};

enum class End { Duration, Stopped, Break, Overloaded, Running };

/// "duration", "stopped", "break", "overloaded"; "running" for a result that isn't the last word.
std::string_view name_of(End end);

struct Result {
    Options options; ///< as validated
    Environment environment;
    std::chrono::system_clock::time_point started, ended;
    std::int64_t started_monotonic_ns = 0; ///< `started` by CLOCK_MONOTONIC, which nobody sets; 0 = not known
    End end = End::Duration;
    int end_cpu = -1;              ///< the CPU that ended the run by break or overload; -1 = none
    bool dma_latency_held = false; ///< /dev/cpu_dma_latency was held at 0 µs
    bool memory_locked = false;
    std::string load;                 ///< what was run beside it on purpose, by describe(LoadOptions); "" = nothing
    std::vector<std::string> invalid; ///< reasons not to trust the numbers; empty = valid
    std::vector<std::string> notes;   ///< what a reader should know besides
    std::vector<CpuResult> cpus;
    std::vector<Spike> spikes; ///< in the order of time, at most max_spikes a CPU; CpuStatistics::spikes counts all

    bool valid() const { return invalid.empty(); }
};

} // namespace rtnode::latency
