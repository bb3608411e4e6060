#include "latency/report/page_parts.hpp"

#include "latency/report/text.hpp"
#include "latency/report/views.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

namespace rtnode::latency::page {
namespace {

// Drawings are stretched to the width that there is, so across they are measured in percent, and down in pixels.
constexpr double row_height = 14, first_row = 9, plot_top = 70, plot_height = 92;
constexpr double plot_bottom = plot_top + plot_height, drawing_height = plot_bottom + 18;

/// A bucket is 1/128 … 1/256 of its value wide. Columns that are many buckets wide get nearly the same number of them;
/// narrower ones would alternate between, say, two and three, and show teeth that no latency has.
constexpr double most_columns_per_decade = 40;
/// The number of drawings times the number of columns in each decides how large the page becomes.
constexpr std::size_t most_columns = 160, fewest_columns = 24, columns_in_all = 6000;

/// Percentiles that would be drawn as one dot, in percent of the width: what tells them apart is in the table.
constexpr double nearest = 0.8;

/// A histogram's counts by columns of the drawing.
struct Heights {
    std::vector<std::uint64_t> counted, corrected;
    bool differ = false;
};

std::vector<std::uint64_t> columns_of(const Buckets& buckets, const LogAxis& axis, std::size_t columns) {
    std::vector<std::uint64_t> sums(columns);
    for (const auto& [edge, count] : buckets) {
        const auto column = axis.percent_of(static_cast<double>(edge)) / 100 * static_cast<double>(columns);
        sums[std::min(static_cast<std::size_t>(column), columns - 1)] += count;
    }
    return sums;
}

LogAxis common_axis(const Result& result) {
    double low = 0, high = 0;
    const auto include = [&](std::int64_t ns) {
        const auto value = static_cast<double>(std::max<std::int64_t>(ns, 1));
        low = low == 0 ? value : std::min(low, value);
        high = std::max(high, value);
    };
    for (const auto& cpu : result.cpus) {
        if (cpu.statistics.cycles > 0) {
            include(cpu.statistics.min_ns);
            include(cpu.statistics.max_ns);
        }
        for (const auto* buckets : {&cpu.histogram_ns, &corrected_buckets(cpu)})
            if (!buckets->empty()) {
                include(buckets->front().first);
                include(buckets->back().first);
            }
    }
    return low == 0 ? LogAxis(1e3, 1e6) : latency_axis(low, high, least_ns(result.options.mode));
}

double y_of(const LogAxis& axis, std::uint64_t count) {
    return plot_height * (1 - axis.percent_of(static_cast<double>(count)) / 100);
}

void put_bars(std::string& html, const Heights& heights, const LogAxis& x, const LogAxis& y) {
    const double width = 100 / static_cast<double>(heights.counted.size());
    html += "<g class=\"bars\">";
    for (std::size_t i = 0; i < heights.counted.size(); ++i) {
        const auto counted = heights.counted[i], corrected = heights.corrected[i];
        if (counted == 0 && corrected == 0) continue;
        const double left = width * static_cast<double>(i), top = counted > 0 ? y_of(y, counted) : 0;
        // What only the corrected view has gets no bar, but something that a pointer can find.
        put(html, "<rect{} x=\"{:.2f}%\" y=\"{:.1f}\" width=\"{:.2f}%\" height=\"{:.1f}\"><title>{} – {}: {}",
            counted > 0 ? "" : " class=\"none\"", left, plot_top + top, width, plot_height - top,
            latency_text(x.value_at(left)), latency_text(x.value_at(left + width)), count_text(counted));
        if (heights.differ) put(html, ", corrected {}", count_text(corrected));
        html += "</title></rect>";
    }
    html += "</g>";
}

void put_outline(std::string& html, const std::vector<std::uint64_t>& counts, const LogAxis& y) {
    std::string path;
    bool drawing = false;
    for (std::size_t i = 0; i < counts.size(); ++i) {
        if (counts[i] > 0) {
            if (!drawing) put(path, "M{} {}", i, plot_height);
            put(path, "V{:.1f}H{}", y_of(y, counts[i]), i + 1);
        } else if (drawing) {
            put(path, "V{}", plot_height);
        }
        drawing = counts[i] > 0;
    }
    if (drawing) put(path, "V{}", plot_height);
    put(html,
        "<svg y=\"{}\" width=\"100%\" height=\"{}\" viewBox=\"0 0 {} {}\" preserveAspectRatio=\"none\">"
        "<path class=\"outline\" d=\"{}\"/></svg>",
        plot_top, plot_height, counts.size(), plot_height, path);
}

/// A row above the histogram: where a percentile lies as counted, and where corrected.
void put_row(std::string& html, const LogAxis& axis, std::string_view name, double y, std::int64_t counted_ns,
             std::int64_t corrected_ns) {
    const double counted = axis.percent_of(static_cast<double>(counted_ns));
    const double corrected = axis.percent_of(static_cast<double>(corrected_ns));
    const double left = std::min(counted, corrected), right = std::max(counted, corrected);
    const auto value = latency_text(static_cast<double>(counted_ns));
    const bool differ = right - left > nearest;
    put(html, "<text class=\"name\" x=\"-6\" y=\"{}\">{}</text>", y + 3.5, name);
    if (differ)
        put(html, "<line class=\"span\" x1=\"{:.2f}%\" x2=\"{:.2f}%\" y1=\"{}\" y2=\"{}\"/>", left, right, y, y);

    // The words stand where most room is: right of the dots, left of them, or between.
    double at = right, shift = 7;
    const char* anchor = "start";
    if (const double room = 100 - right; left > room && left >= right - left) {
        at = left, shift = -7, anchor = "end";
    } else if (right - left > room && right - left > left) {
        at = (left + right) / 2, shift = 0, anchor = "middle";
    }
    put(html, "<text class=\"value\" x=\"{:.2f}%\" dx=\"{}\" y=\"{}\" text-anchor=\"{}\">{}", at, shift, y + 3.5,
        anchor, value);
    if (differ) put(html, " → <tspan>{}</tspan>", latency_text(static_cast<double>(corrected_ns)));
    html += "</text>";
    put(html, "<circle class=\"counted\" cx=\"{:.2f}%\" cy=\"{}\" r=\"3\"><title>{} {}</title></circle>", counted, y,
        name, value);
    if (differ)
        put(html,
            "<circle class=\"corrected\" cx=\"{:.2f}%\" cy=\"{}\" r=\"3\"><title>{} corrected {}</title></circle>",
            corrected, y, name, latency_text(static_cast<double>(corrected_ns)));
}

/// @param sample what was counted
/// @param labels about how many words fit below the drawing
void put_figure(std::string& html, const CpuResult& cpu, std::string_view sample, const Heights& heights,
                const LogAxis& x, const LogAxis& y, unsigned labels) {
    const auto& s = cpu.statistics;
    put(html, "<figure id=\"cpu{}\"><figcaption><b>CPU {}</b> {}", s.cpu, s.cpu, numbered(s.cycles, sample));
    if (s.missed > 0) put(html, ", <span class=\"missed\">{} missed</span>", count_text(s.missed));
    put(html,
        "</figcaption><svg class=\"drawing\" height=\"{}\" role=\"img\" aria-label=\"Latencies of CPU {}\">"
        "<g class=\"grid\">",
        drawing_height, s.cpu);
    const auto across = latency_ticks(x, labels);
    for (const auto& tick : across)
        put(html, "<line x1=\"{:.2f}%\" x2=\"{:.2f}%\" y1=\"0\" y2=\"{}\"/>", tick.percent, tick.percent, plot_bottom);
    html += "</g>";
    for (const auto& tick : across)
        put_label(html, tick, plot_bottom + 14);
    for (const auto& tick : count_ticks(y, 4))
        if (!tick.label.empty())
            put(html, "<text class=\"name\" x=\"-6\" y=\"{:.1f}\">{}</text>",
                plot_bottom - plot_height * tick.percent / 100 + 3.5, tick.label);
    if (s.cycles == 0) {
        put(html, "<text x=\"50%\" y=\"{}\" text-anchor=\"middle\">nothing was measured</text>",
            plot_top + plot_height / 2);
    } else {
        put_bars(html, heights, x, y);
        if (heights.differ) put_outline(html, heights.corrected, y);
        double row = first_row;
        for (const std::size_t rank : {0u, 2u, 4u}) {
            put_row(html, x, percentile_names[rank], row, s.percentiles_ns[rank], corrected_percentile(s, rank));
            row += row_height;
        }
        put_row(html, x, "max", row, s.max_ns, s.max_ns);
    }
    put(html, "<line class=\"base\" x1=\"0\" x2=\"100%\" y1=\"{}\" y2=\"{}\"/></svg></figure>", plot_bottom,
        plot_bottom);
}

} // namespace

void put_label(std::string& html, const Tick& tick, double y) {
    if (tick.label.empty()) return;
    const char* anchor = tick.percent < 4 ? "start" : tick.percent > 96 ? "end" : "middle";
    put(html, "<text x=\"{:.2f}%\" y=\"{}\" text-anchor=\"{}\">{}</text>", tick.percent, y, anchor, tick.label);
}

std::string histograms(const Result& result) {
    if (result.cpus.empty()) return {};
    const auto count = result.cpus.size();
    const auto x = common_axis(result);
    const auto columns =
        std::min(std::clamp(columns_in_all / count, fewest_columns, most_columns),
                 static_cast<std::size_t>(std::max(std::lround(x.decades() * most_columns_per_decade), 1L)));
    std::vector<Heights> all;
    std::uint64_t largest = 0;
    bool differ = false, missed = false;
    for (const auto& cpu : result.cpus) {
        missed = missed || cpu.statistics.missed > 0;
        Heights heights{columns_of(cpu.histogram_ns, x, columns), columns_of(corrected_buckets(cpu), x, columns),
                        has_corrected_buckets(cpu)};
        for (const auto* counts : {&heights.counted, &heights.corrected})
            largest = std::max(largest, *std::max_element(counts->begin(), counts->end()));
        differ = differ || heights.differ;
        all.push_back(std::move(heights));
    }
    const auto y = count_axis(largest);
    const auto sample = sample_of(result.options.mode);
    const bool deadlines = result.options.mode == Mode::Cyclic;
    std::string html;
    put(html,
        "<section><h2>How {}, how often</h2><p class=\"legend\">{} from left to right, how many {}s had it "
        "upwards, both logarithmic and the same for every CPU. <i class=\"key counted\"></i> as counted",
        deadlines ? "late" : "long", deadlines ? "Latency" : "Length", sample);
    html += differ                     ? ", <i class=\"key corrected\"></i> corrected for missed deadlines."
            : missed                   ? "; corrected ones were not kept."
            : largest > 0 && deadlines ? "; no deadline was missed, so corrected ones are the same."
                                       : ".";
    put(html, "</p><div class=\"cpus {}\">", count == 1 ? "one" : count <= 4 ? "pairs" : count <= 9 ? "some" : "many");
    for (std::size_t i = 0; i < count; ++i)
        put_figure(html, result.cpus[i], sample, all[i], x, y, count <= 9 ? 5 : 3);
    html += "</div></section>";
    return html;
}

} // namespace rtnode::latency::page
