// Metrics of a run. Names and units after https://prometheus.io/docs/practices/naming/.
//
// Everything but the histograms is a gauge, also what was counted: the next run starts again from nothing and may well
// count more than this one, so that rate() over two of them would say something that never happened. The histograms
// have to be of type histogram for histogram_quantile(), which is to be used on them as they are, without rate().

#include "latency/report/report.hpp"

#include "latency/histogram.hpp"
#include "latency/report/text.hpp"
#include "latency/report/views.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <limits>
#include <utility>

namespace rtnode::latency {
namespace {

/// Upper bounds of the histograms' buckets: 1 µs … 1 s in steps of 1, 2 and 5. They never change, so that runs and
/// nodes can be added up.
constexpr std::array<std::int64_t, 19> bounds_ns{1'000,       2'000,       5'000,       10'000,       20'000,
                                                 50'000,      100'000,     200'000,     500'000,      1'000'000,
                                                 2'000'000,   5'000'000,   10'000'000,  20'000'000,   50'000'000,
                                                 100'000'000, 200'000'000, 500'000'000, 1'000'000'000};

/// Prometheus reads what C prints of a double.
std::string seconds(double ns) {
    return fmt::format("{}", ns / 1e9);
}

double unix_seconds(std::chrono::system_clock::time_point time) {
    return std::chrono::duration<double>(time.time_since_epoch()).count();
}

/// A label's value: backslash, quote and newline are escaped (text format 0.0.4); bytes that aren't UTF-8 are replaced.
std::string escaped(std::string_view value) {
    std::string text;
    for (const char c : utf8_of(value)) {
        if (c == '\\' || c == '"') text += '\\';
        if (c == '\n')
            text += "\\n";
        else
            text += c;
    }
    return text;
}

class Metrics {
  public:
    /// Begins a metric: all its samples must follow.
    void begin(std::string_view name, std::string_view type, std::string_view help) {
        name_ = name;
        fmt::format_to(out(), "# HELP {} {}\n# TYPE {} {}\n", name, help, name, type);
    }
    /// @param labels without braces, values escaped; "" = none
    template <typename Value>
    void sample(std::string_view suffix, std::string_view labels, Value value) {
        fmt::format_to(out(), "{}{}", name_, suffix);
        if (!labels.empty()) fmt::format_to(out(), "{{{}}}", labels);
        fmt::format_to(out(), " {}\n", value);
    }
    std::string text() && { return std::move(text_); }

  private:
    std::back_insert_iterator<std::string> out() { return std::back_inserter(text_); }

    std::string text_, name_;
};

std::string label_of(const CpuResult& cpu) {
    return fmt::format("cpu=\"{}\"", cpu.statistics.cpu);
}

/// One value for each CPU. @param with_nothing whether also for one that measured nothing
template <typename Value>
void gauges(Metrics& metrics, const Result& result, std::string_view name, std::string_view help, bool with_nothing,
            Value value) {
    metrics.begin(name, "gauge", help);
    for (const auto& cpu : result.cpus)
        if (with_nothing || cpu.statistics.cycles > 0) metrics.sample("", label_of(cpu), value(cpu));
}

/// A bucket of ours counts where all of it lies, so what lies across a bound counts above it: like the percentiles, the
/// histogram is at most 0.8 % too slow.
/// @param largest the largest latency there is, as far as known: it ends the bucket that it lies in
void histogram(Metrics& metrics, const CpuResult& cpu, const Buckets& buckets, std::int64_t largest, double sum_ns) {
    const auto label = label_of(cpu);
    std::uint64_t count = 0;
    auto bucket = buckets.begin();
    for (const auto bound : bounds_ns) {
        for (; bucket != buckets.end(); ++bucket) {
            const auto index = LogLinear::index_of(static_cast<std::uint64_t>(bucket->first));
            if (std::min(LogLinear::upper_edge(index), largest) > bound) break;
            count += bucket->second;
        }
        metrics.sample("_bucket", fmt::format("{},le=\"{}\"", label, seconds(static_cast<double>(bound))), count);
    }
    for (; bucket != buckets.end(); ++bucket)
        count += bucket->second;
    metrics.sample("_bucket", label + ",le=\"+Inf\"", count);
    metrics.sample("_sum", label, seconds(sum_ns));
    metrics.sample("_count", label, count);
}

double sum_of(const CpuResult& cpu) {
    return cpu.statistics.avg_ns * static_cast<double>(cpu.statistics.cycles);
}

/// That of the cycles, which is exact, and for each missed deadline the middle of its bucket.
double corrected_sum(const CpuResult& cpu) {
    double sum = sum_of(cpu);
    if (!has_corrected_buckets(cpu)) return sum;
    const auto add = [&](const Buckets& buckets, double sign) {
        for (const auto& [edge, count] : buckets) {
            const auto upper = LogLinear::upper_edge(LogLinear::index_of(static_cast<std::uint64_t>(edge)));
            const double middle = static_cast<double>(edge) / 2 + static_cast<double>(upper) / 2;
            sum += sign * middle * static_cast<double>(count);
        }
    };
    add(cpu.corrected_ns, 1);
    add(cpu.histogram_ns, -1);
    return std::max(sum, 0.0);
}

void put_percentiles(Metrics& metrics, const Result& result, bool corrected) {
    for (const auto& cpu : result.cpus) {
        if (cpu.statistics.cycles == 0) continue;
        for (std::size_t i = 0; i < percentile_ranks.size(); ++i) {
            const auto ns = corrected ? corrected_percentile(cpu.statistics, i) : cpu.statistics.percentiles_ns[i];
            metrics.sample("", fmt::format("{},percentile=\"{}\"", label_of(cpu), percentile_ranks[i]),
                           seconds(static_cast<double>(ns)));
        }
    }
}

void put_run(Metrics& metrics, const Result& result) {
    const auto& options = result.options;
    const auto& environment = result.environment;
    metrics.begin("rtnode_latency_run_info", "gauge", "What was measured and on what; always 1.");
    const std::vector<std::pair<const char*, std::string>> facts{{"name", options.name},
                                                                 {"node", environment.nodename},
                                                                 {"kernel", environment.release},
                                                                 {"realtime", environment.realtime ? "true" : "false"},
                                                                 {"deployment", environment.deployment},
                                                                 {"clocksource", environment.clocksource},
                                                                 {"mode", std::string(name_of(options.mode))},
                                                                 {"cpus", format_cpu_list(options.cpus)},
                                                                 {"policy", std::string(name_of(options.policy))},
                                                                 {"priority", std::to_string(options.priority)},
                                                                 {"interval", format_duration(options.interval)},
                                                                 {"load", result.load},
                                                                 {"end", std::string(name_of(result.end))}};
    std::string labels;
    for (const auto& [name, value] : facts)
        fmt::format_to(std::back_inserter(labels), "{}{}=\"{}\"", labels.empty() ? "" : ",", name, escaped(value));
    metrics.sample("", labels, 1);
    metrics.begin("rtnode_latency_start_timestamp_seconds", "gauge", "When the run began, in seconds since 1970.");
    metrics.sample("", "", fmt::format("{:.3f}", unix_seconds(result.started)));
    // A run that goes on has neither an end nor a verdict, and no value says that.
    if (result.end != End::Running) {
        metrics.begin("rtnode_latency_end_timestamp_seconds", "gauge", "When the run ended, in seconds since 1970.");
        metrics.sample("", "", fmt::format("{:.3f}", unix_seconds(result.ended)));
        metrics.begin("rtnode_latency_valid", "gauge", "Whether the figures can be trusted: 1, or 0 for a spoilt run.");
        metrics.sample("", "", result.valid() ? 1 : 0);
    }
    metrics.begin("rtnode_latency_interval_seconds", "gauge", "Time between two deadlines.");
    metrics.sample("", "", seconds(static_cast<double>(options.interval.count()) * 1000));
}

} // namespace

std::string report_prometheus(const Result& result) {
    Metrics metrics;
    put_run(metrics, result);
    using S = CpuStatistics;
    const auto of = [](auto S::*member) { return [member](const CpuResult& cpu) { return cpu.statistics.*member; }; };
    const auto seconds_of = [](std::int64_t S::*member) {
        return [member](const CpuResult& cpu) { return seconds(static_cast<double>(cpu.statistics.*member)); };
    };
    gauges(metrics, result, "rtnode_latency_wakeups", "Deadlines that were waited for and measured.", true,
           of(&S::cycles));
    gauges(metrics, result, "rtnode_latency_missed_deadlines",
           "Deadlines that had passed before the thread could wait for them.", true, of(&S::missed));
    gauges(metrics, result, "rtnode_latency_early_wakeups", "Wake-ups before their deadline, by a broken clock.", true,
           of(&S::early));
    gauges(metrics, result, "rtnode_latency_spikes", "Wake-ups that were later than the threshold of the run.", true,
           of(&S::spikes));
    metrics.begin("rtnode_latency_page_faults", "gauge", "Page faults of the thread while it measured; should be 0.");
    for (const auto& cpu : result.cpus) {
        metrics.sample("", label_of(cpu) + ",kind=\"minor\"", cpu.statistics.minor_faults);
        metrics.sample("", label_of(cpu) + ",kind=\"major\"", cpu.statistics.major_faults);
    }
    gauges(metrics, result, "rtnode_latency_preemptions",
           "Times that something took the CPU from the measuring thread.", true,
           [](const CpuResult& cpu) { return cpu.audit.involuntary_switches; });
    gauges(metrics, result, "rtnode_latency_min_seconds", "The earliest wake-up's latency.", false,
           seconds_of(&S::min_ns));
    gauges(metrics, result, "rtnode_latency_max_seconds", "The latest wake-up's latency.", false,
           seconds_of(&S::max_ns));
    metrics.begin("rtnode_latency_percentile_seconds", "gauge",
                  "The latency that this percentage of wake-ups did not exceed.");
    put_percentiles(metrics, result, false);
    metrics.begin("rtnode_latency_corrected_percentile_seconds", "gauge",
                  "The lateness that this percentage of all deadlines did not exceed, missed ones included.");
    put_percentiles(metrics, result, true);
    constexpr auto unknown = std::numeric_limits<std::int64_t>::max();
    metrics.begin("rtnode_latency_wakeup_seconds", "histogram", "Latency of the wake-ups of one run; not for rate().");
    for (const auto& cpu : result.cpus)
        histogram(metrics, cpu, cpu.histogram_ns, cpu.statistics.max_ns, sum_of(cpu));
    metrics.begin("rtnode_latency_corrected_seconds", "histogram",
                  "Lateness at all deadlines of one run, missed ones included; not for rate().");
    for (const auto& cpu : result.cpus)
        histogram(metrics, cpu, corrected_buckets(cpu), has_corrected_buckets(cpu) ? unknown : cpu.statistics.max_ns,
                  corrected_sum(cpu));
    return std::move(metrics).text();
}

} // namespace rtnode::latency
