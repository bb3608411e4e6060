#include "latency/report/page_parts.hpp"

#include "latency/report/text.hpp"

#include <algorithm>
#include <array>
#include <cmath>

namespace rtnode::latency::page {
namespace {

struct Verdict {
    std::string_view name, state, words;
};
constexpr std::array<Verdict, 4> verdicts{{
    {"regression", "bad", "Regression: wake-ups are later than they were"},
    {"improvement", "good", "Improvement: wake-ups are earlier than they were"},
    {"no-difference", "good", "No difference beyond chance"},
    {"not-comparable", "unknown", "These two cannot be compared"},
}};

bool known(const ComparedFigure& figure) {
    return figure.low > 0 && figure.high >= figure.low && figure.ratio > 0 && std::isfinite(figure.high);
}

/// Of ratios: 1 in the middle, as far to both sides as the widest interval, but at most to a hundredth and a
/// hundredfold.
LogAxis ratio_axis(const Comparison& comparison) {
    double widest = 1.1;
    for (const auto& figure : comparison.figures)
        if (known(figure)) widest = std::max({widest, figure.high, 1 / figure.low});
    widest = std::min(widest * 1.05, 100.0);
    return {1 / widest, widest};
}

/// The interval as a bar, the ratio as a dot on it; the line in the middle is "the same".
std::string interval(const ComparedFigure& figure, const LogAxis& axis) {
    const double low = axis.percent_of(figure.low), high = axis.percent_of(figure.high);
    const char* state = figure.high < 1 ? "good" : figure.low > 1 ? "bad" : "dim";
    std::string html = fmt::format("<svg class=\"interval {}\" height=\"18\" role=\"img\" aria-label=\"{} to {}\">",
                                   state, fmt::format("{:.3g}", figure.low), fmt::format("{:.3g}", figure.high));
    html += "<line class=\"base\" x1=\"50%\" x2=\"50%\" y1=\"0\" y2=\"18\"/>";
    put(html, "<rect x=\"{:.2f}%\" y=\"6\" width=\"{:.2f}%\" height=\"6\"/>", low, std::max(high - low, 0.5));
    put(html, "<circle cx=\"{:.2f}%\" cy=\"9\" r=\"4\"/></svg>", axis.percent_of(figure.ratio));
    return html;
}

} // namespace

std::string comparison(const Comparison& baseline, std::string_view title) {
    const auto verdict =
        std::find_if(verdicts.begin(), verdicts.end(), [&](const Verdict& v) { return v.name == baseline.verdict; });
    std::string html = fmt::format("<section id=\"comparison\"><h2>Against {}</h2>",
                                   title.empty() ? std::string("the baseline") : html_of(title));
    if (verdict == verdicts.end())
        put(html, "<p class=\"verdict\">{}</p>", html_of(baseline.verdict));
    else
        put(html, "<p class=\"verdict {}\">{}</p>", verdict->state, verdict->words);
    if (!baseline.reasons.empty()) {
        html += "<ul>";
        for (const auto& reason : baseline.reasons)
            put(html, "<li>{}</li>", html_of(reason));
        html += "</ul>";
    }
    if (!baseline.figures.empty()) {
        const auto axis = ratio_axis(baseline);
        html +=
            "<div class=\"scroll\" tabindex=\"0\"><table class=\"compared\"><thead><tr><th></th>"
            "<th class=\"n\">then</th><th class=\"n\">now</th><th class=\"n\">ratio</th>"
            "<th class=\"n\">95 % interval</th>"
            "<th class=\"ends\"><span>earlier</span><span>the same</span><span>later</span></th></tr></thead>"
            "<tbody>";
        for (const auto& figure : baseline.figures) {
            put(html, "<tr{}><th>{}</th><td class=\"n\">{}</td><td class=\"n\">{}</td>",
                figure.decides ? "" : " class=\"pale\"", html_of(figure.name), latency_text(figure.a_ns),
                latency_text(figure.b_ns));
            if (known(figure))
                put(html, "<td class=\"n\">{:.2f} ×</td><td class=\"n\">{:.2f} … {:.2f}</td><td>{}</td></tr>",
                    figure.ratio, figure.low, figure.high, interval(figure, axis));
            else
                html += "<td colspan=\"3\" class=\"dim\">cannot be said</td></tr>";
        }
        html += "</tbody></table></div><p class=\"dim\">The bars are the middle 95 % of ratios of resampled runs; the "
                "verdict does not rest on pale rows.</p>";
    }
    if (!baseline.changes.empty()) {
        html += "<h3>What is different about the machine</h3><ul>";
        for (const auto& change : baseline.changes)
            put(html, "<li>{}</li>", html_of(change));
        html += "</ul>";
    }
    return html + "</section>";
}

} // namespace rtnode::latency::page
