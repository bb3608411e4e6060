// What a terminal shows while a measurement runs. What says whether the node is good enough comes first, since a narrow
// terminal cuts lines off: the maximum and missed deadlines.

#include "client/latency.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <numeric>
#include <span>
#include <utility>

namespace rtnode::client {

namespace {

/// "1h2m3s"; begun seconds count as whole ones.
std::string short_text(std::uint64_t us) {
    std::uint64_t seconds = (us + 999'999) / 1'000'000;
    if (seconds == 0) return "0s";
    std::string out;
    for (const auto& [unit, length] : {std::pair("h", 3600u), {"m", 60u}, {"s", 1u}}) {
        if (seconds >= length) out += fmt::format("{}{}", seconds / length, unit);
        seconds %= length;
    }
    return out;
}

/// "" when it isn't known how long it is to run.
std::string time_left(const Json& measurement, std::uint64_t now_us) {
    const auto started = count(measurement, "Started"), duration = count(measurement, "Duration");
    if (!started || !duration || *duration == 0) return "";
    // The clock may have been set meanwhile.
    const auto gone = std::min(now_us - std::min(now_us, *started), *duration);
    return fmt::format("{} of {} left", short_text(*duration - gone), short_text(*duration));
}

struct Values {
    explicit Values(const Json& measurement)
        : cpus(numbers(measurement, "Cpus")), cycles(numbers(measurement, "Cycles")),
          last(numbers(measurement, "Last")), minimum(numbers(measurement, "Minimum")),
          average(numbers(measurement, "Average")), maximum(numbers(measurement, "Maximum")),
          missed(numbers(measurement, "Missed")) {}

    std::string line(std::size_t i) const {
        const auto us = [i](const std::vector<double>& values) { return at(values, i) / 1000; };
        return fmt::format("CPU {:>3}  {:>8.1f}  {:>6.0f}  {:>8.1f}  {:>8.1f}  {:>8.1f}  {:>10.0f}", cpus[i],
                           us(maximum), at(missed, i), us(last), us(average), us(minimum), at(cycles, i));
    }

    /// Of @p rest CPUs, which have no line.
    std::string summary(std::span<const std::size_t> rest) const {
        double worst = 0, deadlines = 0;
        for (const auto i : rest) {
            worst = std::max(worst, at(maximum, i));
            deadlines += at(missed, i);
        }
        return fmt::format("… and {} more CPU{}, max {}, {:.0f} missed", rest.size(), rest.size() == 1 ? "" : "s",
                           microseconds(worst), deadlines);
    }

    std::vector<double> cpus, cycles, last, minimum, average, maximum, missed;
};

} // namespace

std::vector<std::string> live_lines(const Json& measurement, std::size_t limit, std::uint64_t now_us) {
    const Values values(measurement);
    std::vector<std::string> lines;
    if (limit > 3) { // else a CPU is worth more
        if (auto left = time_left(measurement, now_us); !left.empty()) lines.push_back(std::move(left));
        lines.push_back(fmt::format("{:<7}  {:>8}  {:>6}  {:>8}  {:>8}  {:>8}  {:>10}", "", "MAX µs", "MISSED",
                                    "NOW µs", "AVG µs", "MIN µs", "CYCLES"));
    }
    std::vector<std::size_t> order(values.cpus.size());
    std::iota(order.begin(), order.end(), 0);
    const auto room = std::max<std::size_t>(limit - std::min(limit, lines.size()), 1);
    const auto shown = order.size() <= room ? order.size() : std::max<std::size_t>(room - 1, 1);
    if (shown < order.size())
        std::ranges::stable_sort(order, std::greater(), [&](std::size_t i) { return at(values.maximum, i); });
    // By number again, so that lines don't change places all the time.
    std::sort(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(shown));
    for (std::size_t place = 0; place < shown; ++place)
        lines.push_back(values.line(order[place]));
    if (shown < order.size() && room > 1) lines.push_back(values.summary(std::span(order).subspan(shown)));
    return lines;
}

} // namespace rtnode::client
