#pragma once
// What a caller may ask of a measurement, as values: parsed strictly, then validated against the node.

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace rtnode::latency {

/// CPU numbers, ascending, each once.
using CpuList = std::vector<unsigned>;

/// Parses the kernel's list format, "0-3,5" (Documentation/admin-guide/cputopology.rst), strictly: no blanks, no empty
/// parts, no descending ranges, at most CPU 8191. One final newline, as sysfs writes it, is allowed; "" is no CPU.
/// @throws Error{InvalidArgument}
CpuList parse_cpu_list(std::string_view text);

/// The reverse of parse_cpu_list(): "0-3,5".
std::string format_cpu_list(const CpuList& cpus);

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

struct Options {
    CpuList cpus;                             ///< CPUs to measure; none means every online one
    std::chrono::microseconds interval{1000}; ///< between wake-ups, 1 µs … 1 s; below 50 µs only with force
    std::chrono::nanoseconds duration{};      ///< required; at least one interval, at most Limits::max_duration
    Policy policy = Policy::Fifo;
    int priority = 95;                ///< 1 … 98 for fifo and rr; not used by other
    std::uint32_t histogram_us = 400; ///< one-microsecond columns, 1 … 1,000,000; what is above overflows
    std::uint32_t break_us = 0;       ///< ends the run when a latency is above it; 0 = never
    bool force = false;               ///< accept an interval that may take a CPU to itself
    std::string name;                 ///< a label for people, up to 64 printable ASCII characters

    bool operator==(const Options&) const = default;
};

/// The CPUs of a node, as a value so that validation can be tested anywhere.
struct Topology {
    CpuList online;

    /// Reads sys/devices/system/cpu/online below `root`. @throws Error{Internal}
    static Topology read(const std::string& root = "/");
};

struct Limits {
    std::chrono::nanoseconds max_duration = std::chrono::hours(24);
    std::chrono::microseconds min_interval{50};
};

/// The options with cpus filled in, sorted and unique, or the reason why they can't be had.
/// @throws Error{InvalidArgument, CpuUnavailable, IntervalTooShort}
Options validated(Options options, const Topology& topology, const Limits& limits = {});

} // namespace rtnode::latency
