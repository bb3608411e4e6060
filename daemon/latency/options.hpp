#pragma once
// What a caller may ask of a measurement, as values: parsed strictly, then validated against the node.

#include "state/cpu_list.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace rtnode::latency {

// Options are made of these, and callers know them by both names.
using rtnode::CpuList;
using rtnode::format_cpu_list;
using rtnode::parse_cpu_list;

/// Parses "10s", "10m", "1h", "1h30m", "500ms": one or more whole numbers, each with its unit (h, m, s, ms, us),
/// largest unit first, no unit twice. A bare number or an unknown unit is refused (cyclictest takes "1x" for a second
/// and "abc" for an endless run). @throws Error{InvalidArgument}
std::chrono::nanoseconds parse_duration(std::string_view text);

/// The reverse of parse_duration(), shortest: "10m", "1h30m", "500ms"; "0s" for nothing.
std::string format_duration(std::chrono::nanoseconds duration);

enum class Policy { Fifo, RoundRobin, Other };

/// "fifo", "rr", "other". @throws Error{InvalidArgument}
Policy parse_policy(std::string_view text);
std::string_view name_of(Policy policy);

enum class Mode {
    Cyclic, ///< sleeps until deadlines: how late is a wake-up
    Busy,   ///< never sleeps: for how long is the CPU taken away
    /// As Busy for half of the time, with what interrupts and threads took left out: for how long was the CPU taken
    /// away by what the kernel doesn't see (firmware, SMI, a hypervisor), as the kernel's hwlat tracer.
    Hardware
};

/// "cyclic", "busy", "hardware". @throws Error{InvalidArgument}
Mode parse_mode(std::string_view text);
std::string_view name_of(Mode mode);

/// By what a trace tells who had the CPU.
enum class TraceBy {
    Auto,     ///< osnoise where it can be had, else Events
    Osnoise,  ///< the kernel's tracer, without a thread of its own
    Timerlat, ///< the kernel's tracer, of which a thread of SCHED_FIFO 95 wakes once a second on each measured CPU
    Events    ///< the kernel's single events of interrupts, softirqs and switches between threads
};

/// "auto", "osnoise", "timerlat", "events". @throws Error{InvalidArgument}
TraceBy parse_trace_by(std::string_view text);
std::string_view name_of(TraceBy tracer);

/// What such a run counts, for people: "wake-up", or "gap" between two readings of the clock.
std::string_view sample_of(Mode mode);

/// The threshold for spikes of mode hardware unless another is given, µs: hwlat's
/// (Documentation/trace/hwlat_detector.rst).
inline constexpr std::uint32_t hardware_spike_us = 10;

struct Options {
    Mode mode = Mode::Cyclic;
    CpuList cpus;                             ///< CPUs to measure; none means every online one
    std::chrono::microseconds interval{1000}; ///< between wake-ups, 1 µs … 1 s; below 50 µs only with force
    std::chrono::nanoseconds duration{};      ///< this or loops; at least one interval, at most Limits::max_duration
    std::uint64_t loops = 0;                  ///< deadlines of each CPU after which its run ends; 0 = by duration alone
    std::chrono::microseconds distance{};     ///< the interval of each further CPU is longer by so much
    /// Deadlines of all CPUs fall on whole seconds of CLOCK_MONOTONIC plus this and multiples of the interval; nothing
    /// = soon, and spread over one interval, so that the CPUs don't wake in step. Below the interval.
    std::optional<std::chrono::microseconds> phase;
    Policy policy = Policy::Fifo;
    int priority = 95; ///< 1 … 98 for fifo and rr; not used by other
    /// Columns, 1 … 1,000,000, of one microsecond each, or of one nanosecond; what is above overflows.
    std::uint32_t histogram_us = 400;
    bool nanoseconds = false; ///< the linear histogram and cyclictest's reports count in ns (cyclictest -N)
    /// Ends the run when a latency is above it; 0 = never. In mode hardware that is known within about a second.
    std::uint32_t break_us = 0;
    bool tracemark = false;     ///< with break_us: mark the kernel's trace at that latency, and stop it
    std::uint32_t spike_us = 0; ///< notes each latency above it with its time and what went on; 0 = none
    /// With spike_us: trace who has the measured CPUs, to name what made a spike. Mode hardware does so where it can
    /// also without this; with it, only where it can.
    bool trace = false;
    TraceBy tracer = TraceBy::Auto; ///< others only with trace
    bool force = false;             ///< accept what may take a CPU from others: see validated()
    std::string name;               ///< a label for people, up to 64 printable ASCII characters

    bool operator==(const Options&) const = default;

    /// Of the CPU at a place in `cpus`.
    std::chrono::microseconds interval_of(std::size_t place) const { return interval + distance * place; }
    /// How many deadlines that CPU has in the whole run.
    std::uint64_t deadlines_of(std::size_t place) const;
};

/// The CPUs of a node, as a value so that validation can be tested anywhere.
struct Topology {
    CpuList online;
    CpuList isolated; ///< from the scheduler, by isolcpus= or an isolated cpuset: nothing else runs there by itself

    /// Reads sys/devices/system/cpu/{online,isolated} below `root`. @throws Error{Internal}
    static Topology read(const std::string& root = "/");
};

struct Limits {
    std::chrono::nanoseconds max_duration = std::chrono::hours(24);
    std::chrono::microseconds min_interval{50};
};

/// The options with cpus filled in, sorted and unique, and mode hardware's threshold for spikes; or the reason why they
/// can't be had. Without `force` an interval below the limit is refused, and so is a busy loop with real-time policy on
/// CPUs that aren't isolated; a busy loop on every CPU is refused always. Mode hardware is refused neither: it leaves
/// each CPU to others for half of the time, in turns, and no longer than a third of a second without a pause.
/// @throws Error{InvalidArgument, CpuUnavailable, IntervalTooShort}
Options validated(Options options, const Topology& topology, const Limits& limits = {});

} // namespace rtnode::latency
