#include "latency/options.hpp"

#include "state/error.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <fstream>
#include <iterator>
#include <set>

namespace rtnode::latency {
namespace {

using namespace std::chrono_literals;
using std::chrono::nanoseconds;

constexpr unsigned highest_cpu = 8191; // the kernel's NR_CPUS limit on x86-64
constexpr auto max_interval = std::chrono::microseconds(1s);
constexpr std::uint32_t max_columns = 1'000'000; // cyclictest's HIST_MAX
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

Error bad_cpu_list(std::string_view text, std::string_view why) {
    return fail(Reason::InvalidArgument, "'{}' is not a list of CPUs: {}; write numbers and ranges like 0-3,5", text,
                why);
}

Error bad_duration(std::string_view text, std::string_view why) {
    return fail(Reason::InvalidArgument,
                "'{}' is not a duration: {}; write whole numbers with units h, m, s, ms or us, like 10m or 1h30m", text,
                why);
}

} // namespace

CpuList parse_cpu_list(std::string_view text) {
    auto rest = text;
    if (rest.ends_with('\n')) rest.remove_suffix(1);
    std::set<unsigned> cpus;
    while (!rest.empty()) {
        unsigned first = 0;
        if (!take_number(rest, first)) throw bad_cpu_list(text, "a number is missing");
        unsigned last = first;
        if (rest.starts_with('-')) {
            rest.remove_prefix(1);
            if (!take_number(rest, last)) throw bad_cpu_list(text, "a range has no end");
        }
        if (last < first) throw bad_cpu_list(text, "a range runs backwards");
        if (last > highest_cpu) throw bad_cpu_list(text, fmt::format("the highest possible CPU is {}", highest_cpu));
        for (auto cpu = first; cpu <= last; ++cpu)
            cpus.insert(cpu);
        if (rest.empty()) break;
        if (rest.front() != ',') throw bad_cpu_list(text, fmt::format("'{}' is unexpected", rest.front()));
        rest.remove_prefix(1);
        if (rest.empty()) throw bad_cpu_list(text, "it ends with a comma");
    }
    return {cpus.begin(), cpus.end()};
}

std::string format_cpu_list(const CpuList& cpus) {
    std::string text;
    for (std::size_t i = 0; i < cpus.size();) {
        auto end = i + 1;
        while (end < cpus.size() && cpus[end] == cpus[end - 1] + 1)
            ++end;
        if (!text.empty()) text += ',';
        text += end - i > 1 ? fmt::format("{}-{}", cpus[i], cpus[end - 1]) : fmt::format("{}", cpus[i]);
        i = end;
    }
    return text;
}

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

Topology Topology::read(const std::string& root) {
    const auto path = root + "/sys/devices/system/cpu/online";
    std::ifstream file(path);
    const std::string text{std::istreambuf_iterator<char>(file), {}};
    if (text.empty()) throw fail(Reason::Internal, "cannot read which CPUs are online from {}; is /sys mounted?", path);
    return {parse_cpu_list(text)};
}

Options validated(Options options, const Topology& topology, const Limits& limits) {
    auto& cpus = options.cpus;
    if (cpus.empty()) cpus = topology.online;
    std::sort(cpus.begin(), cpus.end());
    cpus.erase(std::unique(cpus.begin(), cpus.end()), cpus.end());
    CpuList absent;
    std::set_difference(cpus.begin(), cpus.end(), topology.online.begin(), topology.online.end(),
                        std::back_inserter(absent));
    if (!absent.empty())
        throw fail(Reason::CpuUnavailable, "cannot measure CPU {}: not present or offline; online are {}",
                   format_cpu_list(absent), format_cpu_list(topology.online));
    if (cpus.empty()) throw fail(Reason::CpuUnavailable, "there is no CPU to measure: none is online");

    if (options.interval < 1us || options.interval > max_interval)
        throw fail(Reason::InvalidArgument, "an interval of {} µs is out of range; give 1 to {} µs (usual is 1000)",
                   options.interval.count(), max_interval.count());
    if (options.interval < limits.min_interval && !options.force)
        throw fail(Reason::IntervalTooShort,
                   "an interval of {} µs is below {} µs: the loop could take its CPUs to itself and starve what runs "
                   "there; give a longer one, or force it with the option 'force'",
                   options.interval.count(), limits.min_interval.count());

    if (options.duration <= 0ns)
        throw fail(Reason::InvalidArgument, "a measurement needs a duration; give one like 10s, 10m or 1h");
    if (options.duration > limits.max_duration)
        throw fail(Reason::InvalidArgument,
                   "a duration of {} is above the limit of {}; give a shorter one, or raise max-duration in the "
                   "configuration",
                   format_duration(options.duration), format_duration(limits.max_duration));
    if (options.duration < options.interval)
        throw fail(Reason::InvalidArgument,
                   "a duration of {} is shorter than the interval of {} µs: nothing would be "
                   "measured; give a longer one",
                   format_duration(options.duration), options.interval.count());

    if (options.policy != Policy::Other && (options.priority < 1 || options.priority > 98))
        throw fail(Reason::InvalidArgument,
                   "a priority of {} is out of range; give 1 to 98 (99 is left to the kernel's own threads)",
                   options.priority);

    if (options.histogram_us < 1 || options.histogram_us > max_columns)
        throw fail(Reason::InvalidArgument, "a histogram of {} µs is out of range; give 1 to {} (usual is 400)",
                   options.histogram_us, max_columns);
    if (const auto bytes = std::size_t{options.histogram_us} * 16 * cpus.size(); bytes > max_histogram_bytes)
        throw fail(Reason::InvalidArgument,
                   "a histogram of {} µs on {} CPUs needs {} MiB of locked memory, more than {} MiB; ask for fewer "
                   "microseconds or CPUs",
                   options.histogram_us, cpus.size(), bytes >> 20, max_histogram_bytes >> 20);

    if (options.name.size() > 64 ||
        std::any_of(options.name.begin(), options.name.end(), [](char c) { return c < 0x20 || c > 0x7e; }))
        throw fail(Reason::InvalidArgument, "a measurement's name may have up to 64 printable ASCII characters");
    return options;
}

} // namespace rtnode::latency
