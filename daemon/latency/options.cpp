#include "latency/options.hpp"

#include "state/error.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <fstream>
#include <iterator>

namespace rtnode::latency {
namespace {

using namespace std::chrono_literals;
using std::chrono::nanoseconds;

constexpr auto max_interval = std::chrono::microseconds(1s);
constexpr auto least_hardware = nanoseconds(1s); // a whole turn of every CPU
constexpr std::uint32_t max_columns = 1'000'000; // cyclictest's HIST_MAX
// A day at the shortest interval; so that loops times an interval is a number that 64 bits hold.
constexpr std::uint64_t most_loops = 86'400'000'000;
// Two arrays of 8-byte counters a CPU, resident and locked; and as many numbers in a report, which must fit into one
// D-Bus message (128 MiB).
constexpr std::size_t max_histogram_bytes = 64u << 20;

struct Unit {
    std::string_view suffix;
    nanoseconds length;
};
constexpr std::array units{Unit{"h", 1h}, Unit{"m", 1min}, Unit{"s", 1s}, Unit{"ms", 1ms}, Unit{"us", 1us}};

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

/// Cuts a whole number off the front of `text`.
template <typename Number>
bool take_number(std::string_view& text, Number& number) {
    if (text.empty() || !is_digit(text.front())) return false;
    const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc{}) return false;
    text.remove_prefix(static_cast<std::size_t>(stop - text.data()));
    return true;
}

Error bad_duration(std::string_view text, std::string_view why) {
    return fail(Reason::InvalidArgument,
                "'{}' is not a duration: {}; write whole numbers with units h, m, s, ms or us, like 10m or 1h30m", text,
                why);
}

} // namespace

nanoseconds parse_duration(std::string_view text) {
    if (text.empty()) throw bad_duration(text, "it is empty");
    auto rest = text;
    auto unit = units.begin();
    std::int64_t total = 0;
    while (!rest.empty()) {
        std::int64_t number = 0;
        if (!is_digit(rest.front())) throw bad_duration(text, "a number is missing");
        if (!take_number(rest, number)) throw bad_duration(text, "a number is too large");
        const auto suffix =
            rest.substr(0, static_cast<std::size_t>(std::find_if(rest.begin(), rest.end(), is_digit) - rest.begin()));
        rest.remove_prefix(suffix.size());
        if (suffix.empty()) throw bad_duration(text, "a number has no unit");
        const auto is_it = [&](const Unit& candidate) { return candidate.suffix == suffix; };
        if (std::none_of(units.begin(), units.end(), is_it))
            throw bad_duration(text, fmt::format("'{}' is no unit", suffix));
        unit = std::find_if(unit, units.end(), is_it);
        if (unit == units.end()) throw bad_duration(text, "units must go from large to small, each once");
        std::int64_t part = 0;
        if (__builtin_mul_overflow(number, std::int64_t{unit->length.count()}, &part) ||
            __builtin_add_overflow(total, part, &total))
            throw bad_duration(text, "a number is too large");
        ++unit;
    }
    return nanoseconds(total);
}

std::string format_duration(nanoseconds duration) {
    std::string text;
    for (const auto& unit : units) {
        if (const auto whole = duration / unit.length; whole > 0) text += fmt::format("{}{}", whole, unit.suffix);
        duration %= unit.length;
    }
    return text.empty() ? "0s" : text;
}

Policy parse_policy(std::string_view text) {
    for (const auto policy : {Policy::Fifo, Policy::RoundRobin, Policy::Other})
        if (name_of(policy) == text) return policy;
    throw fail(Reason::InvalidArgument, "'{}' is not a scheduling policy for a measurement; use fifo, rr or other",
               text);
}

std::string_view name_of(Policy policy) {
    switch (policy) {
    case Policy::Fifo:
        return "fifo";
    case Policy::RoundRobin:
        return "rr";
    case Policy::Other:
        return "other";
    }
    return "unknown";
}

Mode parse_mode(std::string_view text) {
    for (const auto mode : {Mode::Cyclic, Mode::Busy, Mode::Hardware})
        if (name_of(mode) == text) return mode;
    throw fail(Reason::InvalidArgument, "'{}' is not a mode of measuring; use cyclic, busy or hardware", text);
}

std::string_view name_of(Mode mode) {
    switch (mode) {
    case Mode::Cyclic:
        return "cyclic";
    case Mode::Busy:
        return "busy";
    case Mode::Hardware:
        return "hardware";
    }
    return "unknown";
}

TraceBy parse_trace_by(std::string_view text) {
    for (const auto tracer : {TraceBy::Auto, TraceBy::Osnoise, TraceBy::Timerlat, TraceBy::Events})
        if (name_of(tracer) == text) return tracer;
    throw fail(Reason::InvalidArgument, "'{}' is nothing to trace by; use auto, osnoise, timerlat or events", text);
}

std::string_view name_of(TraceBy tracer) {
    switch (tracer) {
    case TraceBy::Auto:
        return "auto";
    case TraceBy::Osnoise:
        return "osnoise";
    case TraceBy::Timerlat:
        return "timerlat";
    case TraceBy::Events:
        return "events";
    }
    return "unknown";
}

std::string_view sample_of(Mode mode) {
    return mode == Mode::Cyclic ? "wake-up" : "gap";
}

std::uint64_t Options::deadlines_of(std::size_t place) const {
    const auto in_time = static_cast<std::uint64_t>(duration / interval_of(place));
    return loops > 0 ? std::min(loops, in_time) : in_time;
}

Topology Topology::read(const std::string& root) {
    const auto path = root + "/sys/devices/system/cpu/online";
    std::ifstream file(path);
    const std::string text{std::istreambuf_iterator<char>(file), {}};
    if (text.empty()) throw fail(Reason::Internal, "cannot read which CPUs are online from {}; is /sys mounted?", path);
    std::ifstream isolated(root + "/sys/devices/system/cpu/isolated"); // not in every kernel
    return {parse_cpu_list(text), parse_cpu_list(std::string{std::istreambuf_iterator<char>(isolated), {}})};
}

namespace {

void check_no_deadlines(const Options& options) {
    if (options.loops > 0 || options.phase || options.distance > 0us)
        throw fail(Reason::InvalidArgument, "mode {} has no deadlines; leave out loops, phase and distance",
                   name_of(options.mode));
}

void check_busy(const Options& options, const Topology& topology) {
    check_no_deadlines(options);
    if (options.cpus == topology.online)
        throw fail(Reason::CpuUnavailable,
                   "a busy loop on every CPU would leave none to the node; leave out at least one of {}",
                   format_cpu_list(topology.online));
    const auto shared = cpus_without(options.cpus, topology.isolated);
    if (options.policy != Policy::Other && !shared.empty() && !options.force)
        throw fail(Reason::CpuUnavailable,
                   "a busy loop of real-time priority would take CPU {} from everything else that runs there; isolate "
                   "it (isolcpus=), measure with policy other, or force it with the option 'force'",
                   format_cpu_list(shared));
}

/// And says what a spike is.
void check_hardware(Options& options) {
    check_no_deadlines(options);
    if (options.tracemark)
        throw fail(Reason::InvalidArgument,
                   "'tracemark' marks the moment of a latency, and mode hardware learns only about a second later that "
                   "one was the hardware's; leave it out");
    if (options.duration < least_hardware)
        throw fail(Reason::InvalidArgument,
                   "a duration of {} is too short for mode hardware, which looks at each CPU for half of the time; "
                   "give at least {}",
                   format_duration(options.duration), format_duration(least_hardware));
    if (options.spike_us == 0)
        options.spike_us = options.break_us > 0 ? std::min(options.break_us, hardware_spike_us) : hardware_spike_us;
    if (options.break_us > 0 && options.break_us < options.spike_us)
        throw fail(Reason::InvalidArgument,
                   "mode hardware looks at nothing below 'spike', {} µs, so it can't break at {} µs; give a lower "
                   "'spike' or a higher 'break'",
                   options.spike_us, options.break_us);
}

} // namespace

Options validated(Options options, const Topology& topology, const Limits& limits) {
    auto& cpus = options.cpus;
    if (cpus.empty()) cpus = topology.online;
    std::sort(cpus.begin(), cpus.end());
    cpus.erase(std::unique(cpus.begin(), cpus.end()), cpus.end());
    if (const auto absent = cpus_without(cpus, topology.online); !absent.empty())
        throw fail(Reason::CpuUnavailable, "cannot measure CPU {}: not present or offline; online are {}",
                   format_cpu_list(absent), format_cpu_list(topology.online));
    if (cpus.empty()) throw fail(Reason::CpuUnavailable, "there is no CPU to measure: none is online");

    if (options.mode == Mode::Busy) check_busy(options, topology);
    if (options.mode == Mode::Hardware) check_hardware(options);

    if (options.interval < 1us || options.interval > max_interval)
        throw fail(Reason::InvalidArgument, "an interval of {} µs is out of range; give 1 to {} µs (usual is 1000)",
                   options.interval.count(), max_interval.count());
    if (options.interval < limits.min_interval && !options.force)
        throw fail(Reason::IntervalTooShort,
                   "an interval of {} µs is below {} µs: the loop could take its CPUs to itself and starve what runs "
                   "there; give a longer one, or force it with the option 'force'",
                   options.interval.count(), limits.min_interval.count());

    if (options.distance < 0us || options.distance > max_interval)
        throw fail(Reason::InvalidArgument, "a distance of {} µs is out of range; give 0 to {} µs (usual is 0)",
                   options.distance.count(), max_interval.count());
    const auto longest = options.interval_of(cpus.size() - 1);
    if (longest > max_interval)
        throw fail(Reason::InvalidArgument,
                   "with a distance of {} µs the last of {} CPUs would wake every {} µs, above {} µs; give less",
                   options.distance.count(), cpus.size(), longest.count(), max_interval.count());
    if (options.phase && (*options.phase < 0us || *options.phase >= options.interval))
        throw fail(Reason::InvalidArgument, "a phase of {} µs is out of range; give 0 to {} µs, less than the interval",
                   options.phase->count(), options.interval.count() - 1);
    if (options.loops > most_loops)
        throw fail(Reason::InvalidArgument, "{} loops are too many; give at most {}", options.loops, most_loops);
    // The CPU with the longest interval needs the most time for them.
    if (options.loops > 0 && options.duration == 0ns)
        options.duration = longest * static_cast<std::int64_t>(options.loops);

    if (options.duration <= 0ns)
        throw fail(Reason::InvalidArgument,
                   "a measurement needs a duration; give one like 10s, 10m or 1h, or a number of loops");
    if (options.duration > limits.max_duration)
        throw fail(Reason::InvalidArgument,
                   "a duration of {} is above the limit of {}; give a shorter one, or raise max-duration in the "
                   "configuration",
                   format_duration(options.duration), format_duration(limits.max_duration));
    if (options.duration < longest)
        throw fail(Reason::InvalidArgument,
                   "a duration of {} is shorter than the interval of {} µs: nothing would be "
                   "measured; give a longer one",
                   format_duration(options.duration), longest.count());
    if (options.trace && options.spike_us == 0)
        throw fail(Reason::InvalidArgument, "'trace' looks for who made a spike; say what is one with 'spike'");
    if (options.tracer != TraceBy::Auto && !options.trace)
        throw fail(Reason::InvalidArgument, "'tracer' says by what 'trace' is done; ask for that, too");
    if (options.tracemark && options.break_us == 0)
        throw fail(Reason::InvalidArgument, "'tracemark' needs a latency to break at; give it with 'break'");

    if (options.policy != Policy::Other && (options.priority < 1 || options.priority > 98))
        throw fail(Reason::InvalidArgument,
                   "a priority of {} is out of range; give 1 to 98 (99 is left to the kernel's own threads)",
                   options.priority);

    if (options.histogram_us < 1 || options.histogram_us > max_columns)
        throw fail(Reason::InvalidArgument, "a histogram of {} columns is out of range; give 1 to {} (usual is 400)",
                   options.histogram_us, max_columns);
    if (const auto bytes = std::size_t{options.histogram_us} * 16 * cpus.size(); bytes > max_histogram_bytes)
        throw fail(
            Reason::InvalidArgument,
            "a histogram of {} columns on {} CPUs needs {} MiB of locked memory, more than {} MiB; ask for fewer "
            "columns or CPUs",
            options.histogram_us, cpus.size(), bytes >> 20, max_histogram_bytes >> 20);

    if (options.name.size() > 64 ||
        std::any_of(options.name.begin(), options.name.end(), [](char c) { return c < 0x20 || c > 0x7e; }))
        throw fail(Reason::InvalidArgument, "a measurement's name may have up to 64 printable ASCII characters");
    return options;
}

} // namespace rtnode::latency
