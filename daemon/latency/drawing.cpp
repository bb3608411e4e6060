// The histogram as people want to see it in a terminal.

#include "latency/report.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>

namespace rtnode::latency {
namespace {

constexpr std::size_t most_rows = 20;

struct Row {
    std::string label;
    std::uint64_t count;
};

/// Adds up the CPUs' microsecond columns, and those into rows of 1, 2, 5, 10, … µs, so that at most most_rows are left
/// between the first and the last that aren't empty.
std::vector<Row> rows_of(const Result& result) {
    std::vector<std::uint64_t> sums(result.options.histogram_us);
    std::uint64_t overflows = 0;
    for (const auto& cpu : result.cpus) {
        for (std::size_t us = 0; us < std::min(sums.size(), cpu.histogram_us.size()); ++us)
            sums[us] += cpu.histogram_us[us];
        overflows += cpu.statistics.overflows;
    }
    std::vector<Row> rows;
    const auto filled = [](std::uint64_t count) { return count > 0; };
    const auto first = static_cast<std::size_t>(std::find_if(sums.begin(), sums.end(), filled) - sums.begin());
    const auto end = static_cast<std::size_t>(sums.rend() - std::find_if(sums.rbegin(), sums.rend(), filled));
    if (first < end) {
        std::size_t step = 1;
        for (unsigned i = 0; (end - 1) / step - first / step >= most_rows; ++i)
            step = step * (i % 3 == 1 ? 5 : 4) / 2;
        for (auto from = first / step * step; from < end; from += step) {
            const auto to = std::min(from + step, sums.size());
            std::uint64_t count = 0;
            for (auto us = from; us < to; ++us)
                count += sums[us];
            rows.push_back({step == 1 ? fmt::format("{} µs", from) : fmt::format("{}–{} µs", from, to - 1), count});
        }
    }
    if (overflows > 0) rows.push_back({fmt::format("≥ {} µs", sums.size()), overflows});
    return rows;
}

/// Characters, of UTF-8 text that has no combining ones.
std::size_t characters(std::string_view text) {
    return static_cast<std::size_t>(
        std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
}

/// A bar of `length` columns in steps of an eighth; what isn't nothing shows at least one step.
std::string bar(double length, bool something) {
    static constexpr const char* eighths[] = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
    auto steps = static_cast<std::size_t>(std::lround(length * 8));
    if (something && steps == 0) steps = 1;
    std::string text;
    for (std::size_t i = 0; i < steps / 8; ++i)
        text += "█";
    return text + eighths[steps % 8];
}

} // namespace

std::string report_terminal(const Result& result, unsigned width) {
    width = std::clamp(width, 40u, 400u);
    const auto rows = rows_of(result);
    if (rows.empty()) return "no wake-up was measured\n";

    std::size_t label_width = 0;
    std::uint64_t largest = 0, smallest = UINT64_MAX;
    for (const auto& row : rows) {
        label_width = std::max(label_width, characters(row.label));
        largest = std::max(largest, row.count);
        if (row.count > 0) smallest = std::min(smallest, row.count);
    }
    const auto count_width = fmt::formatted_size("{}", largest);
    const auto space = width - label_width - count_width - 3; // " │" and the blank before the count
    // Linear bars would hide rows below a hundredth of the largest, which are the ones that matter here.
    const bool logarithmic = largest / smallest >= 100;
    const auto share = [&](std::uint64_t count) {
        return logarithmic ? std::log1p(static_cast<double>(count)) / std::log1p(static_cast<double>(largest))
                           : static_cast<double>(count) / static_cast<double>(largest);
    };

    std::string text = fmt::format("Wake-up latency, CPU {}, {} every {} µs{}\n", format_cpu_list(result.options.cpus),
                                   format_duration(result.options.duration), result.options.interval.count(),
                                   logarithmic ? " (bars are logarithmic)" : "");
    for (const auto& row : rows) {
        const auto drawn = bar(share(row.count) * static_cast<double>(space), row.count > 0);
        text += std::string(label_width - characters(row.label), ' ') + row.label + " │" + drawn +
                std::string(space - std::min<std::size_t>(space, characters(drawn)) + 1, ' ') +
                fmt::format("{:>{}}\n", row.count, count_width);
    }
    return text;
}

} // namespace rtnode::latency
