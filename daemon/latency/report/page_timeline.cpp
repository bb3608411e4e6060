#include "latency/report/page_parts.hpp"

#include "latency/report/text.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <utility>

namespace rtnode::latency::page {
namespace {

constexpr double plot_height = 200, missed_top = 208, missed_height = 10, drawing_height = 240;
/// What a path across the drawing is measured in; it is stretched to the drawing's width.
constexpr double path_width = 1000;
/// Spikes that are drawn and listed, and of those how many are listed without being asked: the largest.
constexpr std::size_t most_spikes = 200, first_spikes = 12;
/// Steps of a line that is some hundred pixels wide.
constexpr std::size_t sparkline_steps = 60;

/// A window of every CPU: the worst of each figure.
struct Moment {
    std::int64_t start_ms = 0, end_ms = 0;
    std::uint64_t cycles = 0, missed = 0;
    std::int64_t p50_ns = 0, p99_ns = 0, max_ns = 0;
    unsigned latest_cpu = 0;
};

std::vector<Moment> moments_of(const Result& result) {
    std::map<std::int64_t, Moment> moments;
    for (const auto& cpu : result.cpus)
        for (const auto& window : cpu.windows) {
            auto& moment = moments[window.start_ms];
            moment.start_ms = window.start_ms;
            moment.end_ms = std::max(moment.end_ms, window.start_ms + window.length_ms);
            moment.cycles += window.cycles;
            moment.missed += window.missed;
            moment.p50_ns = std::max(moment.p50_ns, window.p50_ns);
            moment.p99_ns = std::max(moment.p99_ns, window.p99_ns);
            if (window.max_ns >= moment.max_ns) moment.latest_cpu = cpu.statistics.cpu;
            moment.max_ns = std::max(moment.max_ns, window.max_ns);
        }
    std::vector<Moment> in_order;
    for (const auto& [start, moment] : moments)
        in_order.push_back(moment);
    return in_order;
}

std::string after(std::int64_t ms) {
    return format_duration(std::chrono::milliseconds(std::max<std::int64_t>(ms, 0)));
}

std::int64_t ms_into(const Result& result, const Spike& spike) {
    if (spike.realtime_ns == 0) return static_cast<std::int64_t>(spike.cycle) * result.options.interval.count() / 1000;
    // Not by the time of day where that can be avoided: somebody may have set the clock in mid-run.
    if (result.started_monotonic_ns > 0) return (spike.monotonic_ns - result.started_monotonic_ns) / 1'000'000;
    const auto started = std::chrono::duration_cast<std::chrono::nanoseconds>(result.started.time_since_epoch());
    return (spike.realtime_ns - started.count()) / 1'000'000;
}

/// The largest `most`, in the order of time.
std::vector<const Spike*> largest(const std::vector<const Spike*>& spikes, std::size_t most) {
    auto chosen = spikes;
    if (chosen.size() > most) {
        std::stable_sort(chosen.begin(), chosen.end(),
                         [](const Spike* a, const Spike* b) { return a->late_ns > b->late_ns; });
        chosen.resize(most);
    }
    std::stable_sort(chosen.begin(), chosen.end(),
                     [](const Spike* a, const Spike* b) { return a->monotonic_ns < b->monotonic_ns; });
    return chosen;
}

/// The length of the moments: of the longest, in whole seconds, since looks come when they can.
std::int64_t step_of(const std::vector<Moment>& moments) {
    std::int64_t longest = 0;
    for (const auto& moment : moments)
        longest = std::max(longest, moment.end_ms - moment.start_ms);
    return longest < 1000 ? longest : (longest + 500) / 1000 * 1000;
}

class Chart {
  public:
    Chart(const Result& result, std::vector<Moment> moments, std::vector<const Spike*> spikes)
        : result_(result), moments_(std::move(moments)), spikes_(std::move(spikes)), length_ms_(length()), y_(axis()) {}

    std::string draw() const {
        std::string html;
        put(html,
            "<svg class=\"drawing time\" height=\"{}\" role=\"img\" aria-label=\"Latencies along the run\">"
            "<g class=\"grid\">",
            drawing_height);
        const auto up = latency_ticks(y_, 9);
        for (const auto& tick : up)
            put(html, "<line x1=\"0\" x2=\"100%\" y1=\"{0:.1f}\" y2=\"{0:.1f}\"/>",
                plot_height * (1 - tick.percent / 100));
        html += "</g>";
        for (const auto& tick : up)
            if (!tick.label.empty())
                put(html, "<text class=\"name\" x=\"-6\" y=\"{:.1f}\">{}</text>",
                    plot_height * (1 - tick.percent / 100) + 3.5, tick.label);
        put_lines(html);
        put_windows(html);
        put_spikes(html);
        put(html, "<line class=\"base\" x1=\"0\" x2=\"100%\" y1=\"{0}\" y2=\"{0}\"/>", plot_height);
        for (const auto& tick : time_ticks(length_ms_, 7))
            put_label(html, tick, drawing_height - 4);
        return html + "</svg>";
    }

  private:
    std::int64_t length() const {
        std::int64_t ms =
            std::chrono::duration_cast<std::chrono::milliseconds>(result_.ended - result_.started).count();
        if (!moments_.empty()) ms = std::max(ms, moments_.back().end_ms);
        return std::max<std::int64_t>(ms, 1);
    }

    LogAxis axis() const {
        std::int64_t low = 0, high = 0;
        const auto include = [&](std::int64_t ns) {
            if (ns <= 0) return;
            low = low == 0 ? ns : std::min(low, ns);
            high = std::max(high, ns);
        };
        for (const auto& moment : moments_)
            for (const auto ns : {moment.p50_ns, moment.p99_ns, moment.max_ns})
                include(ns);
        for (const auto* spike : spikes_)
            include(spike->late_ns);
        return low == 0
                   ? LogAxis(1e3, 1e6)
                   : latency_axis(static_cast<double>(low), static_cast<double>(high), least_ns(result_.options.mode));
    }

    double percent(std::int64_t ms) const {
        return std::clamp(100 * static_cast<double>(ms) / static_cast<double>(length_ms_), 0.0, 100.0);
    }
    double y_of(std::int64_t ns) const { return plot_height * (1 - y_.percent_of(static_cast<double>(ns)) / 100); }

    /// Steps, with gaps where a window is missing or empty.
    void put_line(std::string& html, std::string_view name, std::int64_t Moment::*figure) const {
        std::string path;
        std::int64_t end_ms = -1;
        for (const auto& moment : moments_) {
            if (moment.cycles == 0) continue;
            if (moment.start_ms == end_ms)
                put(path, "V{:.1f}", y_of(moment.*figure));
            else
                put(path, "M{:.1f} {:.1f}", percent(moment.start_ms) / 100 * path_width, y_of(moment.*figure));
            end_ms = moment.end_ms;
            put(path, "H{:.1f}", percent(end_ms) / 100 * path_width);
        }
        put(html, "<path class=\"{}\" d=\"{}\"/>", name, path);
    }

    void put_lines(std::string& html) const {
        const auto last =
            std::find_if(moments_.rbegin(), moments_.rend(), [](const Moment& m) { return m.cycles > 0; });
        if (last == moments_.rend()) return;
        put(html, "<svg width=\"100%\" height=\"{0}\" viewBox=\"0 0 {1} {0}\" preserveAspectRatio=\"none\">",
            plot_height, path_width);
        put_line(html, "p50", &Moment::p50_ns);
        put_line(html, "p99", &Moment::p99_ns);
        put_line(html, "max", &Moment::max_ns);
        html += "</svg>";
        // The lines' names at their ends, from the lowest line up and at least a line of text apart.
        double y = plot_height + 100;
        const std::array<std::pair<const char*, std::int64_t>, 3> ends{
            {{"p50", last->p50_ns}, {"p99", last->p99_ns}, {"max", last->max_ns}}};
        for (const auto& [name, ns] : ends) {
            y = std::min(y_of(ns) + 3.5, y - 12);
            put(html, "<text class=\"{0}\" x=\"100%\" dx=\"5\" y=\"{1:.1f}\">{0}</text>", name, y);
        }
    }

    void put_windows(std::string& html) const {
        const bool missed = std::any_of(moments_.begin(), moments_.end(), [](const Moment& m) { return m.missed > 0; });
        if (missed) put(html, "<text class=\"name missed\" x=\"-6\" y=\"{}\">missed</text>", missed_top + 8.5);
        const char* of = result_.cpus.size() > 1 ? " on the worst CPU" : "";
        for (const auto& moment : moments_) {
            const double left = percent(moment.start_ms), width = percent(moment.end_ms) - left;
            if (moment.missed > 0) {
                // From pale for one in a million to full for one in ten.
                const double share =
                    static_cast<double>(moment.missed) / static_cast<double>(moment.missed + moment.cycles);
                put(html,
                    "<rect class=\"lost\" x=\"{:.2f}%\" y=\"{}\" width=\"{:.2f}%\" height=\"{}\" opacity=\"{:.2f}\"/>",
                    left, missed_top, width, missed_height, std::clamp(1 + (std::log10(share) + 1) * 0.15, 0.25, 1.0));
            }
            put(html,
                "<rect class=\"none\" x=\"{:.2f}%\" y=\"0\" width=\"{:.2f}%\" height=\"{}\"><title>{} – {}: ", left,
                width, missed_top + missed_height, moment.start_ms == 0 ? "0" : after(moment.start_ms),
                after(moment.end_ms));
            const auto mode = result_.options.mode;
            if (moment.cycles == 0)
                put(html, "no {}", sample_of(mode));
            else
                put(html, "p50 {}, p99 {}{}; {} {} on CPU {}", latency_text(static_cast<double>(moment.p50_ns)),
                    latency_text(static_cast<double>(moment.p99_ns)), of, mode == Mode::Cyclic ? "latest" : "longest",
                    latency_text(static_cast<double>(moment.max_ns)), moment.latest_cpu);
            if (moment.missed > 0) put(html, "; {} missed", count_text(moment.missed));
            html += "</title></rect>";
        }
    }

    void put_spikes(std::string& html) const {
        html += "<g class=\"spikes\">";
        for (const auto* spike : spikes_) {
            const auto ms = ms_into(result_, *spike);
            put(html, "<circle cx=\"{:.2f}%\" cy=\"{:.1f}\" r=\"3\"><title>{} on CPU {}, {} into the run", percent(ms),
                y_of(spike->late_ns), latency_text(static_cast<double>(spike->late_ns)), spike->cpu, after(ms));
            if (!spike->hints.empty()) html += ": " + html_of(spike->hints.front());
            html += "</title></circle>";
        }
        html += "</g>";
    }

    const Result& result_;
    std::vector<Moment> moments_;
    std::vector<const Spike*> spikes_;
    std::int64_t length_ms_;
    LogAxis y_;
};

/// The time of day, with the date when that isn't the day on which the run started.
std::string time_of(const Result& result, const Spike& spike) {
    if (spike.realtime_ns == 0) return "unknown";
    constexpr std::size_t date = sizeof "2026-11-23 " - 1;
    const auto text = utc_text(std::chrono::nanoseconds(spike.realtime_ns), 6);
    const auto started = std::chrono::duration_cast<std::chrono::nanoseconds>(result.started.time_since_epoch());
    return utc_text(started).substr(0, date) == text.substr(0, date) ? text.substr(date) : text;
}

std::string table_of(const Result& result, const std::vector<const Spike*>& spikes) {
    std::string html =
        "<div class=\"scroll\" tabindex=\"0\"><table class=\"wordy\"><thead><tr><th>time (UTC)</th>"
        "<th class=\"n\">CPU</th><th class=\"n\">latency</th><th>what was seen around it</th></tr></thead><tbody>";
    for (const auto* spike : spikes) {
        put(html, "<tr><td>{}</td><td class=\"n\" data-of=\"CPU\">{}</td><td class=\"n\">{}</td><td class=\"words\">",
            time_of(result, *spike), spike->cpu, latency_text(static_cast<double>(spike->late_ns)));
        if (spike->hints.empty()) html += "<span class=\"dim\">nothing</span>";
        for (std::size_t i = 0; i < spike->hints.size(); ++i)
            html += (i > 0 ? "; " : "") + html_of(spike->hints[i]);
        html += "</td></tr>";
    }
    return html + "</tbody></table></div>";
}

std::string spikes(const Result& result, const std::vector<const Spike*>& drawn) {
    std::uint64_t all = 0;
    for (const auto& cpu : result.cpus)
        all += cpu.statistics.spikes;
    all = std::max<std::uint64_t>(all, result.spikes.size());
    if (result.options.spike_us == 0 && all == 0) return "<p class=\"dim\">No threshold for spikes was set.</p>";
    const auto threshold = latency_text(result.options.spike_us * 1e3);
    if (all == 0)
        return fmt::format("<p>No {} was {} than {}, the threshold for spikes.</p>", sample_of(result.options.mode),
                           result.options.mode == Mode::Cyclic ? "later" : "longer", threshold);
    std::string html = fmt::format("<h3>{} above {}</h3>", numbered(all, "spike"), threshold);
    if (drawn.size() < all)
        put(html, "<p class=\"dim\">Shown are {} of them, the largest of the worst {} of each CPU.</p>", drawn.size(),
            max_spikes);
    html += table_of(result, largest(drawn, first_spikes));
    if (drawn.size() > first_spikes)
        put(html, "<details><summary>All {} that are shown</summary>{}</details>", drawn.size(),
            table_of(result, drawn));
    return html;
}

} // namespace

std::string timeline(const Result& result) {
    std::vector<const Spike*> kept;
    for (const auto& spike : result.spikes)
        kept.push_back(&spike);
    const auto drawn = largest(kept, most_spikes);
    const auto moments = moments_of(result);
    std::string html = "<section><h2>Along the run</h2>";
    if (moments.empty() && drawn.empty()) {
        html += "<p class=\"dim\">The run was not kept by windows of time.</p>";
    } else {
        html += "<p class=\"legend\">";
        if (!moments.empty())
            put(html, "Each step is {}{}. ", after(step_of(moments)),
                result.cpus.size() > 1 ? " and shows the worst CPU in it" : "");
        if (!drawn.empty()) html += "<i class=\"key spike\"></i> a spike";
        html += "</p>" + Chart(result, moments, drawn).draw();
    }
    return html + spikes(result, drawn) + "</section>";
}

std::string sparkline(const CpuResult& cpu, const LogAxis& axis) {
    const auto& windows = cpu.windows;
    if (windows.empty()) return {};
    const auto steps = std::min(windows.size(), sparkline_steps);
    std::string path;
    for (std::size_t i = 0; i < steps; ++i) {
        std::int64_t max = 0;
        for (auto j = i * windows.size() / steps; j < (i + 1) * windows.size() / steps; ++j)
            max = std::max(max, windows[j].max_ns);
        put(path, "{}{:.1f}H{}", i == 0 ? "M0 " : "V", 19 - 18 * axis.percent_of(static_cast<double>(max)) / 100,
            i + 1);
    }
    return fmt::format("<svg class=\"spark\" viewBox=\"0 0 {} 20\" preserveAspectRatio=\"none\" role=\"img\" "
                       "aria-label=\"latest wake-ups along the run\"><path d=\"{}\"/></svg>",
                       steps, path);
}

} // namespace rtnode::latency::page
