#include "latency/report/report.hpp"

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

/// In the unit of the linear histogram, cut, not rounded: as cyclictest's integers.
std::uint64_t whole(const Result& result, double ns) {
    return static_cast<std::uint64_t>(std::max(0.0, ns) / (result.options.nanoseconds ? 1 : 1000));
}

bool empty_column(const Result& result, std::size_t column) {
    return std::none_of(result.cpus.begin(), result.cpus.end(),
                        [&](const CpuResult& cpu) { return cpu.histogram_us[column] > 0; });
}

/// Who ended the run by a latency above the threshold; rteval looks for the value.
std::string broken(const Result& result) {
    std::string text = "# Thread Ids:";
    for (const auto& cpu : result.cpus)
        text += fmt::format(" {:05}", cpu.audit.thread);
    text += '\n';
    for (const auto& cpu : result.cpus) {
        if (static_cast<int>(cpu.statistics.cpu) != result.end_cpu) continue;
        // A gap of the hardware is only known for one when the loop has gone on.
        const auto latency = result.options.mode == Mode::Hardware ? cpu.statistics.max_ns : cpu.statistics.last_ns;
        text += fmt::format("# Break thread: {}\n# Break value: {}\n", cpu.audit.thread,
                            whole(result, static_cast<double>(latency)));
    }
    return text;
}

/// What the versions of cyclictest do differently.
enum class Dialect {
    Dense, ///< to 2.6: every row, and a total
    Sparse ///< 2.7 and newer (rt-tests edba246, b02dde1): no rows of zeros, no total
};

std::string cyclictest(const Result& result, Dialect dialect) {
    std::string text;
    auto out = std::back_inserter(text);
    if (result.dma_latency_held) text += "# /dev/cpu_dma_latency set to 0us\n";
    text += "# Histogram\n";
    for (std::size_t column = 0; column < result.options.histogram_us; ++column) {
        if (dialect == Dialect::Sparse && empty_column(result, column)) continue;
        fmt::format_to(out, "{:06} ", column);
        for (std::size_t i = 0; i < result.cpus.size(); ++i)
            fmt::format_to(out, "{}{:06}", i > 0 ? "\t" : "", result.cpus[i].histogram_us[column]);
        text += '\n';
    }
    if (dialect == Dialect::Dense) {
        text += "# Total: ";
        columns(text, result, "{:09}", counted);
    }
    text += "# Min Latencies: ";
    // cyclictest starts from a minimum of 1000000 and prints that after no cycles.
    columns(text, result, "{:05}", [&](const CpuResult& cpu) -> std::uint64_t {
        return cpu.statistics.cycles == 0 ? 1'000'000 : whole(result, static_cast<double>(cpu.statistics.min_ns));
    });
    text += "# Avg Latencies: ";
    columns(text, result, "{:05}", [&](const CpuResult& cpu) { return whole(result, cpu.statistics.avg_ns); });
    text += "# Max Latencies: ";
    columns(text, result, "{:05}",
            [&](const CpuResult& cpu) { return whole(result, static_cast<double>(cpu.statistics.max_ns)); });
    text += "# Histogram Overflows: ";
    columns(text, result, "{:05}", [](const CpuResult& cpu) { return cpu.statistics.overflows; });
    text += "# Histogram Overflow at cycle number:\n";
    for (std::size_t i = 0; i < result.cpus.size(); ++i) {
        const auto& cpu = result.cpus[i];
        fmt::format_to(out, "# Thread {}:", i);
        // The newer ones end an empty list with a blank.
        if (dialect == Dialect::Sparse && cpu.overflow_cycles.empty()) text += ' ';
        for (const auto cycle : cpu.overflow_cycles)
            fmt::format_to(out, " {:05}", cycle);
        // The newer ones speak of others as soon as the list is full, if only of 0.
        const auto listed = cpu.overflow_cycles.size();
        if (listed < cpu.statistics.overflows || (dialect == Dialect::Sparse && listed == result.options.histogram_us))
            fmt::format_to(out, " # {:05} others", cpu.statistics.overflows - listed);
        text += '\n';
    }
    // Where cyclictest is told to count them (--smi); here they are wherever they can be.
    const auto& cpus = result.cpus;
    if (!cpus.empty() && std::all_of(cpus.begin(), cpus.end(), [](const CpuResult& cpu) { return cpu.smis; })) {
        text += "# SMIs: ";
        columns(text, result, "{:05}", [](const CpuResult& cpu) { return *cpu.smis; });
    }
    text += '\n';
    if (result.end == End::Break) text += broken(result);
    return text;
}

using Writer = std::string (*)(const Result&);
constexpr std::array<std::pair<std::string_view, Writer>, 6> writers{{{"cyclictest-2.4", report_cyclictest_2_4},
                                                                      {"cyclictest-2.10", report_cyclictest_2_10},
                                                                      {"json", report_json},
                                                                      {"hist", report_hist},
                                                                      {"html", report_html},
                                                                      {"prometheus", report_prometheus}}};

} // namespace

const std::vector<std::string>& report_formats() {
    static const std::vector<std::string> formats = [] {
        std::vector<std::string> names;
        for (const auto& [name, writer] : writers)
            names.emplace_back(name);
        return names;
    }();
    return formats;
}

std::string report(const Result& result, std::string_view format) {
    for (const auto& [name, writer] : writers)
        if (name == format) return writer(result);
    throw fail(Reason::InvalidArgument, "'{}' is not a report format; known are {}", format,
               fmt::join(report_formats(), ", "));
}

std::string report_cyclictest_2_4(const Result& result) {
    return cyclictest(result, Dialect::Dense);
}

std::string report_cyclictest_2_10(const Result& result) {
    return cyclictest(result, Dialect::Sparse);
}

std::string report_hist(const Result& result) {
    const auto* unit = result.options.nanoseconds ? "ns" : "us";
    auto text = fmt::format("# {}: {}, then how often on each CPU. Counts above the last row are in the "
                            "overflow line.\n# {}",
                            result.options.mode == Mode::Cyclic ? "Wake-up latency" : "Gaps between readings",
                            result.options.nanoseconds ? "nanoseconds" : "microseconds", unit);
    auto out = std::back_inserter(text);
    for (const auto& cpu : result.cpus)
        fmt::format_to(out, " cpu{}", cpu.statistics.cpu);
    text += '\n';
    for (std::size_t us = 0; us < result.options.histogram_us; ++us) {
        if (empty_column(result, us)) continue;
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
