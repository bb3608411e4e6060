#include "latency/report/page_axis.hpp"

#include "latency/options.hpp"
#include "latency/report/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

namespace rtnode::latency::page {
namespace {

// Powers of ten come out of pow() and log10() exact or nearly so.
constexpr double nearly = 1 + 1e-9;

double step_below(double value) {
    const double decade = std::pow(10, std::floor(std::log10(value)));
    for (const double factor : {5.0, 2.0})
        if (decade * factor <= value * nearly) return decade * factor;
    return decade;
}

double step_above(double value) {
    const double decade = std::pow(10, std::floor(std::log10(value)));
    for (const double factor : {1.0, 2.0, 5.0})
        if (decade * factor * nearly >= value) return decade * factor;
    return decade * 10;
}

std::string short_count(double count) {
    static constexpr std::array<const char*, 7> suffixes{"", "k", "M", "G", "T", "P", "E"};
    std::size_t i = 0;
    for (; count >= 1000 && i + 1 < suffixes.size(); ++i)
        count /= 1000;
    return fmt::format("{:.4g}{}", count, suffixes[i]);
}

} // namespace

LogAxis::LogAxis(double low, double high) : low_(low), high_(high), decades_(std::log10(high / low)) {}

double LogAxis::percent_of(double value) const {
    if (value <= low_) return 0;
    return std::min(100.0, 100 * std::log10(value / low_) / decades_);
}

double LogAxis::value_at(double percent) const {
    return low_ * std::pow(10, decades_ * percent / 100);
}

LogAxis latency_axis(double low_ns, double high_ns, double least_ns) {
    // A tenth more on each side, so that nothing is drawn on the very edge.
    const double low = step_below(std::max(low_ns * 0.9, least_ns));
    return {low, std::max(step_above(std::max(high_ns, low_ns) * 1.1), low * 10)};
}

LogAxis count_axis(std::uint64_t largest) {
    return {0.5, step_above(std::max(static_cast<double>(largest), 10.0))};
}

std::vector<Tick> latency_ticks(const LogAxis& axis, unsigned labels) {
    // Over a few decades the steps between are worth a line; over many, not even each decade has room for its words.
    const bool fine = axis.decades() <= 1.5;
    const int every = fine ? 1 : std::max(1, static_cast<int>(std::ceil((axis.decades() + 1) / labels)));
    std::vector<Tick> ticks;
    for (int exponent = static_cast<int>(std::floor(std::log10(axis.low())));; ++exponent)
        for (const double factor : {1.0, 2.0, 5.0}) {
            const double value = std::pow(10, exponent) * factor;
            if (value > axis.high() * nearly) return ticks;
            if (value * nearly < axis.low() || (factor > 1 && !fine)) continue;
            const bool labelled = fine || exponent % every == 0;
            ticks.push_back({axis.percent_of(value), labelled ? tick_text(value) : ""});
        }
}

std::vector<Tick> count_ticks(const LogAxis& axis, unsigned labels) {
    const int every = std::max(1, static_cast<int>(std::ceil(std::log10(axis.high()) / labels)));
    std::vector<Tick> ticks;
    for (int exponent = 0; std::pow(10, exponent) <= axis.high() * nearly; ++exponent) {
        const double value = std::pow(10, exponent);
        ticks.push_back({axis.percent_of(value), exponent % every == 0 ? short_count(value) : ""});
    }
    return ticks;
}

std::vector<Tick> time_ticks(std::int64_t length_ms, unsigned labels) {
    constexpr std::int64_t second = 1000, minute = 60 * second, hour = 60 * minute;
    std::int64_t step = 1;
    for (const auto candidate : {std::int64_t{1},   std::int64_t{2},
                                 std::int64_t{5},   std::int64_t{10},
                                 std::int64_t{20},  std::int64_t{50},
                                 std::int64_t{100}, std::int64_t{200},
                                 std::int64_t{500}, second,
                                 2 * second,        5 * second,
                                 10 * second,       15 * second,
                                 30 * second,       minute,
                                 2 * minute,        5 * minute,
                                 10 * minute,       15 * minute,
                                 30 * minute,       hour,
                                 2 * hour,          4 * hour,
                                 6 * hour,          12 * hour,
                                 24 * hour}) {
        step = candidate;
        if (length_ms / step < labels) break;
    }
    while (length_ms / step >= labels)
        step *= 2;
    std::vector<Tick> ticks;
    for (std::int64_t ms = 0; ms <= length_ms; ms += step)
        ticks.push_back({100.0 * static_cast<double>(ms) / static_cast<double>(std::max<std::int64_t>(length_ms, 1)),
                         ms == 0 ? "0" : format_duration(std::chrono::milliseconds(ms))});
    return ticks;
}

} // namespace rtnode::latency::page
