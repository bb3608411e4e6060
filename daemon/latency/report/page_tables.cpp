#include "latency/report/page_parts.hpp"

#include "latency/report/text.hpp"
#include "latency/report/views.hpp"

#include <algorithm>
#include <array>

namespace rtnode::latency::page {
namespace {

/// Of the latest wake-up in each window of every CPU.
LogAxis sparkline_axis(const Result& result) {
    std::int64_t low = 0, high = 0;
    for (const auto& cpu : result.cpus)
        for (const auto& window : cpu.windows) {
            if (window.max_ns <= 0) continue;
            low = low == 0 ? window.max_ns : std::min(low, window.max_ns);
            high = std::max(high, window.max_ns);
        }
    return low == 0 ? LogAxis(1e3, 1e6)
                    : latency_axis(static_cast<double>(low), static_cast<double>(high), least_ns(result.options.mode));
}

/// Cells with latencies in microseconds, as exact as what that mode measures.
struct Latencies {
    std::string& html;
    unsigned decimals;

    /// In a second line the corrected one, where that is another.
    void put(std::int64_t counted_ns, std::int64_t corrected_ns, std::string_view classes) const {
        const auto counted = microseconds_text(static_cast<double>(counted_ns), decimals);
        const auto corrected = microseconds_text(static_cast<double>(corrected_ns), decimals);
        page::put(html, "<td class=\"n{}\">{}", classes, counted);
        if (corrected != counted) page::put(html, "<br><i>{}</i>", corrected);
        html += "</td>";
    }
};

/// Whether there are too few cycles for anything to lie above the percentile, which then is the maximum.
bool beyond(std::uint64_t cycles, double rank) {
    return static_cast<double>(cycles) * (100 - rank) < 100 - 1e-6;
}

void put_percentile_row(std::string& html, Mode mode, const CpuResult& cpu, const LogAxis& axis, bool sparklines,
                        const std::array<std::int64_t, percentile_ranks.size() + 1>& worst) {
    const auto& s = cpu.statistics;
    put(html, "<tr><th>{}</th><td class=\"n\">{}</td><td class=\"n{}\">{}</td>", s.cpu, count_text(s.cycles),
        s.missed > 0 ? " missed" : "", count_text(s.missed));
    const auto columns = percentile_ranks.size() + 3 + (sparklines ? 1 : 0);
    if (s.cycles == 0) {
        put(html, "<td colspan=\"{}\" class=\"dim\">nothing was measured</td></tr>", columns);
        return;
    }
    const Latencies latencies{html, mode == Mode::Cyclic ? 1u : 3u};
    latencies.put(s.min_ns, s.min_ns, "");
    const auto average = static_cast<std::int64_t>(s.avg_ns);
    latencies.put(average, average, "");
    for (std::size_t rank = 0; rank < percentile_ranks.size(); ++rank) {
        const auto corrected = corrected_percentile(s, rank);
        latencies.put(s.percentiles_ns[rank], corrected,
                      beyond(s.cycles, percentile_ranks[rank]) ? " dim"
                      : corrected == worst[rank]               ? " worst"
                                                               : "");
    }
    latencies.put(s.max_ns, s.max_ns, s.max_ns == worst.back() ? " worst" : "");
    if (sparklines) put(html, "<td>{}</td>", sparkline(cpu, axis));
    html += "</tr>";
}

std::string faults(const CpuStatistics& s) {
    if (s.minor_faults + s.major_faults == 0) return "<td>none</td>";
    return fmt::format("<td class=\"bad\">{} minor, {} major</td>", count_text(s.minor_faults),
                       count_text(s.major_faults));
}

/// As read back; when that isn't what was asked for, also what was.
std::string scheduling(const Audit& audit, const Options& options) {
    if (audit.policy.empty()) return "<td class=\"dim\">not read</td>";
    const auto words = [](std::string_view policy, int priority) {
        return policy == "other" ? html_of(policy) : fmt::format("{} {}", html_of(policy), priority);
    };
    const auto is = words(audit.policy, audit.priority), asked = words(name_of(options.policy), options.priority);
    if (is == asked) return fmt::format("<td>{}</td>", is);
    return fmt::format("<td class=\"bad\">{}, not {}</td>", is, asked);
}

/// What matters most comes first. Each has a class in the style sheet.
constexpr std::array<std::string_view, 4> states{"bad", "unknown", "note", "good"};

std::size_t place_of(const Finding& finding) {
    return static_cast<std::size_t>(std::find(states.begin(), states.end(), finding.state) - states.begin());
}

} // namespace

std::string percentiles(const Result& result) {
    if (result.cpus.empty()) return {};
    std::array<std::int64_t, percentile_ranks.size() + 1> worst{};
    bool differ = false, sparklines = false, short_of = false;
    for (const auto& cpu : result.cpus) {
        const auto& s = cpu.statistics;
        for (std::size_t rank = 0; rank < percentile_ranks.size(); ++rank)
            worst[rank] = std::max(worst[rank], corrected_percentile(s, rank));
        worst.back() = std::max(worst.back(), s.max_ns);
        differ = differ || has_corrected(s);
        sparklines = sparklines || !cpu.windows.empty();
        short_of = short_of || (s.cycles > 0 && beyond(s.cycles, percentile_ranks.back()));
    }
    if (result.cpus.size() == 1) worst.fill(-1); // nothing to be worst of
    std::string html = "<section><h2>Percentiles</h2><p class=\"legend\">Microseconds.";
    if (differ) html += " <i>In the second line</i> corrected for missed deadlines, where that is another figure.";
    if (result.cpus.size() > 1) html += " <b>Bold</b> is the worst CPU.";
    const auto sample = sample_of(result.options.mode);
    if (short_of)
        put(html,
            " <span class=\"dim\">Pale</span> where there were too few {}s to tell the percentile from the maximum.",
            sample);
    put(html,
        "</p><div class=\"scroll\" tabindex=\"0\"><table><thead><tr><th>CPU</th><th class=\"n\">{}s</th>"
        "<th class=\"n\">missed</th><th class=\"n\">min</th><th class=\"n\">mean</th>",
        sample);
    for (const auto* name : percentile_names)
        put(html, "<th class=\"n\">{}</th>", name);
    html += "<th class=\"n\">max</th>";
    if (sparklines) html += "<th>max along the run</th>";
    html += "</tr></thead><tbody>";
    const auto axis = sparkline_axis(result);
    for (const auto& cpu : result.cpus)
        put_percentile_row(html, result.options.mode, cpu, axis, sparklines, worst);
    return html + "</tbody></table></div></section>";
}

std::string audit(const Result& result) {
    if (result.cpus.empty()) return {};
    std::string html;
    put(html,
        "<section><h2>The measuring threads</h2><p class=\"legend\">What each says of itself, as read back from the "
        "kernel. A page fault in the loop or another CPU than the one that was asked for spoils the figures.</p>"
        "<div class=\"scroll\" tabindex=\"0\"><table><thead><tr><th>CPU</th><th>policy</th><th>allowed on</th>"
        "<th>moved</th><th>page faults</th><th class=\"n\">early wake-ups</th><th class=\"n\">slept</th>"
        "<th class=\"n\">preempted</th><th class=\"n\">CPU time a {}</th><th class=\"n\">stolen</th>"
        "<th class=\"n\">SMIs</th></tr></thead><tbody>",
        sample_of(result.options.mode));
    for (const auto& cpu : result.cpus) {
        const auto& s = cpu.statistics;
        const auto& a = cpu.audit;
        const auto affinity = format_cpu_list(a.affinity);
        put(html, "<tr><th>{}</th>{}<td{}>{}</td>{}{}", s.cpu, scheduling(a, result.options),
            affinity == std::to_string(s.cpu) ? "" : " class=\"bad\"", affinity.empty() ? "not read" : affinity,
            a.migrated ? "<td class=\"bad\">was moved</td>" : "<td>no</td>", faults(s));
        put(html, "<td class=\"n{}\">{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td>",
            s.early > 0 ? " bad" : "", count_text(s.early), count_text(a.voluntary_switches),
            count_text(a.involuntary_switches),
            s.cycles == 0 ? "" : latency_text(static_cast<double>(a.cpu_time_ns) / static_cast<double>(s.cycles)));
        put(html, "<td class=\"n\">{}</td><td class=\"n\">{}</td></tr>",
            cpu.stolen_ms == 0 ? "none" : latency_text(static_cast<double>(cpu.stolen_ms) * 1e6),
            cpu.smis ? count_text(*cpu.smis) : "not counted");
    }
    return html + "</tbody></table></div></section>";
}

std::string findings(const Result& result) {
    if (result.environment.findings.empty()) return {};
    auto sorted = result.environment.findings;
    std::stable_sort(sorted.begin(), sorted.end(),
                     [](const Finding& a, const Finding& b) { return place_of(a) < place_of(b); });
    std::string html =
        "<section><h2>The machine under it</h2><div class=\"scroll\" tabindex=\"0\"><table class=\"wordy\">"
        "<thead><tr><th>state</th><th>check</th><th>found</th><th>what to do</th></tr></thead><tbody>";
    for (const auto& finding : sorted) {
        const auto place = place_of(finding);
        put(html,
            "<tr><td class=\"state {}\">{}</td><td>{}</td><td class=\"words\">{}</td><td class=\"words\">{}</td></tr>",
            place < states.size() ? states[place] : "unknown", html_of(finding.state), html_of(finding.check),
            html_of(finding.actual), html_of(finding.remedy));
    }
    return html + "</tbody></table></div></section>";
}

} // namespace rtnode::latency::page
