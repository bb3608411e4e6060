#include "latency/report.hpp"

#include "state/error.hpp"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <numeric>

namespace rtnode::latency {
namespace {

/// Appends one value per CPU, blank before each but the first.
template <typename Value>
void columns(std::string& text, const Result& result, std::string_view form, Value value) {
    for (std::size_t i = 0; i < result.cpus.size(); ++i) {
        if (i > 0) text += ' ';
        fmt::format_to(std::back_inserter(text), fmt::runtime(form), value(result.cpus[i]));
    }
    text += '\n';
}

std::uint64_t counted(const CpuResult& cpu) {
    return std::accumulate(cpu.histogram_us.begin(), cpu.histogram_us.end(), std::uint64_t{0});
}

std::uint64_t whole_us(double ns) {
    return static_cast<std::uint64_t>(std::max(0.0, ns) / 1000);
}

} // namespace

const std::vector<std::string>& report_formats() {
    static const std::vector<std::string> formats{"cyclictest-2.4", "json", "hist"};
    return formats;
}

std::string report(const Result& result, std::string_view format) {
    if (format == "cyclictest-2.4") return report_cyclictest_2_4(result);
    if (format == "json") return report_json(result);
    if (format == "hist") return report_hist(result);
    throw fail(Reason::InvalidArgument, "'{}' is not a report format; known are {}", format,
               fmt::join(report_formats(), ", "));
}

std::string report_cyclictest_2_4(const Result& result) {
    std::string text;
    auto out = std::back_inserter(text);
    if (result.dma_latency_held) text += "# /dev/cpu_dma_latency set to 0us\n";
    text += "# Histogram\n";
    for (std::size_t us = 0; us < result.options.histogram_us; ++us) {
        fmt::format_to(out, "{:06} ", us);
        for (std::size_t i = 0; i < result.cpus.size(); ++i)
            fmt::format_to(out, "{}{:06}", i > 0 ? "\t" : "", result.cpus[i].histogram_us[us]);
        text += '\n';
    }
    text += "# Total: ";
    columns(text, result, "{:09}", counted);
    text += "# Min Latencies: ";
    // cyclictest starts from a minimum of 1000000 and prints that after no cycles.
    columns(text, result, "{:05}", [](const CpuResult& cpu) -> std::uint64_t {
        return cpu.statistics.cycles == 0 ? 1'000'000 : whole_us(static_cast<double>(cpu.statistics.min_ns));
    });
    text += "# Avg Latencies: ";
    columns(text, result, "{:05}", [](const CpuResult& cpu) { return whole_us(cpu.statistics.avg_ns); });
    text += "# Max Latencies: ";
    columns(text, result, "{:05}",
            [](const CpuResult& cpu) { return whole_us(static_cast<double>(cpu.statistics.max_ns)); });
    text += "# Histogram Overflows: ";
    columns(text, result, "{:05}", [](const CpuResult& cpu) { return cpu.statistics.overflows; });
    text += "# Histogram Overflow at cycle number:\n";
    for (std::size_t i = 0; i < result.cpus.size(); ++i) {
        const auto& cpu = result.cpus[i];
        fmt::format_to(out, "# Thread {}:", i);
        for (const auto cycle : cpu.overflow_cycles)
            fmt::format_to(out, " {:05}", cycle);
        if (const auto listed = cpu.overflow_cycles.size(); listed < cpu.statistics.overflows)
            fmt::format_to(out, " # {:05} others", cpu.statistics.overflows - listed);
        text += '\n';
    }
    text += '\n';
    return text;
}

std::string report_hist(const Result& result) {
    std::string text =
        "# Wake-up latency: microseconds, then how often on each CPU. Counts above the last row are in the "
        "overflow line.\n# us";
    auto out = std::back_inserter(text);
    for (const auto& cpu : result.cpus)
        fmt::format_to(out, " cpu{}", cpu.statistics.cpu);
    text += '\n';
    for (std::size_t us = 0; us < result.options.histogram_us; ++us) {
        if (std::none_of(result.cpus.begin(), result.cpus.end(),
                         [&](const CpuResult& cpu) { return cpu.histogram_us[us] > 0; }))
            continue;
        fmt::format_to(out, "{}", us);
        for (const auto& cpu : result.cpus)
            fmt::format_to(out, " {}", cpu.histogram_us[us]);
        text += '\n';
    }
    text += "# overflow";
    for (const auto& cpu : result.cpus)
        fmt::format_to(out, " {}", cpu.statistics.overflows);
    text += '\n';
    return text;
}

} // namespace rtnode::latency
