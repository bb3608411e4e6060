#include "metrics/watch.hpp"

#include <fmt/format.h>

#include <iterator>

namespace rtnode::metrics {

std::string of_watch(const Watch& watch) {
    std::string text;
    const auto out = std::back_inserter(text);
    const auto begin = [&](const char* name, const char* help) {
        fmt::format_to(out, "# HELP {0} {1}\n# TYPE {0} gauge\n", name, help);
    };
    begin("rtnode_latency_regression", "1 when latency is worse than the baseline's, as runs of the watch agree.");
    fmt::format_to(out, "rtnode_latency_regression {}\n", watch.regression ? 1 : 0);
    begin("rtnode_latency_watch_end_timestamp_seconds", "When the watch's last run ended, in seconds since 1970.");
    fmt::format_to(out, "rtnode_latency_watch_end_timestamp_seconds {:.3f}\n",
                   static_cast<double>(watch.ended_us) / 1e6);

    using Figure = Watch::Figure;
    /// @param unit what the values are divided by @param always also of figures without a ratio
    const auto figures = [&](const char* name, const char* help, double Figure::*value, double unit, bool always) {
        bool begun = false;
        for (const auto& figure : watch.figures) {
            if (!always && figure.ratio <= 0) continue;
            if (!begun) begin(name, help);
            begun = true;
            fmt::format_to(out, "{}{{figure=\"{}\"}} {}\n", name, figure.name, figure.*value / unit);
        }
    };
    figures("rtnode_latency_watch_baseline_seconds", "Figures of the run that the watch compares with.",
            &Figure::baseline_ns, 1e9, true);
    figures("rtnode_latency_watch_seconds", "The same figures of the watch's last run.", &Figure::watch_ns, 1e9, true);
    figures("rtnode_latency_watch_ratio", "The watch's last run to its baseline; above 1 is slower.", &Figure::ratio, 1,
            false);
    figures("rtnode_latency_watch_ratio_lower", "Lower end of that ratio's 95 % interval.", &Figure::low, 1, false);
    figures("rtnode_latency_watch_ratio_upper", "Upper end of that ratio's 95 % interval.", &Figure::high, 1, false);
    return text;
}

} // namespace rtnode::metrics
