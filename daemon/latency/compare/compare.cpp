#include "latency/compare/compare.hpp"

#include "latency/compare/machine_changes.hpp"
#include "latency/compare/statistics.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace rtnode::latency {
namespace {

// With fewer, windows that resemble their neighbours a little (correlation 0.5) would be called different in more than
// one of eight comparisons of equals.
constexpr std::size_t fewest_windows = 8;
constexpr std::size_t most_values = 120; // of a CPU; keeps a comparison of 64 CPUs below a second
constexpr double tail_factor = 2;
constexpr std::uint64_t seed = 1; // the same two results always compare the same

using Cpus = std::vector<const CpuResult*>;

/// The CPUs that both runs measured, in the same order.
struct Common {
    Cpus a, b;
    CpuList only_one; ///< measured in one run alone
};

Common common_cpus(const Result& a, const Result& b) {
    Common common;
    const auto of = [](const Result& result, unsigned number) -> const CpuResult* {
        const auto is_it = [&](const CpuResult& cpu) { return cpu.statistics.cpu == number; };
        const auto found = std::find_if(result.cpus.begin(), result.cpus.end(), is_it);
        return found == result.cpus.end() ? nullptr : &*found;
    };
    for (const auto& cpu : a.cpus) {
        if (const auto* other = of(b, cpu.statistics.cpu)) {
            common.a.push_back(&cpu);
            common.b.push_back(other);
        } else {
            common.only_one.push_back(cpu.statistics.cpu);
        }
    }
    for (const auto& cpu : b.cpus)
        if (of(a, cpu.statistics.cpu) == nullptr) common.only_one.push_back(cpu.statistics.cpu);
    std::sort(common.only_one.begin(), common.only_one.end());
    return common;
}

std::string policy_of(const Options& options) {
    if (options.policy == Policy::Other) return "other";
    return fmt::format("{} {}", name_of(options.policy), options.priority);
}

/// What stands in the way of a comparison.
std::vector<std::string> obstacles(const Result& a, const Result& b, const Common& common) {
    std::vector<std::string> reasons;
    const auto must_equal = [&](std::string_view what, const std::string& of_a, const std::string& of_b) {
        if (of_a != of_b) reasons.push_back(fmt::format("the {} differs: {} and {}", what, of_a, of_b));
    };
    if (common.a.empty())
        reasons.push_back(fmt::format("no CPU was measured by both: one measured {}, the other {}",
                                      format_cpu_list(a.options.cpus), format_cpu_list(b.options.cpus)));
    must_equal("mode", std::string(name_of(a.options.mode)), std::string(name_of(b.options.mode)));
    must_equal("interval", fmt::format("{} µs", a.options.interval.count()),
               fmt::format("{} µs", b.options.interval.count()));
    must_equal("distance", fmt::format("{} µs", a.options.distance.count()),
               fmt::format("{} µs", b.options.distance.count()));
    must_equal("scheduling", policy_of(a.options), policy_of(b.options));
    for (const auto& [name, result] : {std::pair("first", &a), std::pair("second", &b)})
        if (!result->valid())
            reasons.push_back(fmt::format("the {} run is not valid: {}", name, fmt::join(result->invalid, "; ")));
    for (std::size_t i = 0; i < common.a.size(); ++i)
        if (std::min(common.a[i]->statistics.cycles, common.b[i]->statistics.cycles) == 0)
            reasons.push_back(fmt::format("CPU {}: nothing was measured in {} run", common.a[i]->statistics.cpu,
                                          common.a[i]->statistics.cycles == 0 ? "the first" : "the second"));
    return reasons;
}

/// The places of windows that all CPUs have whole: with wake-ups, and not the short rest at the end.
std::vector<std::size_t> whole_windows(const Cpus& cpus) {
    auto count = cpus.front()->windows.size();
    std::int64_t longest = 0;
    for (const auto* cpu : cpus) {
        count = std::min(count, cpu->windows.size());
        for (const auto& window : cpu->windows)
            longest = std::max(longest, window.length_ms);
    }
    std::vector<std::size_t> places;
    for (std::size_t i = 0; i < count; ++i)
        if (std::all_of(cpus.begin(), cpus.end(), [&](const CpuResult* cpu) {
                const auto& window = cpu->windows[i];
                return window.cycles > 0 && window.p50_ns > 0 && 2 * window.length_ms >= longest;
            }))
            places.push_back(i);
    return places;
}

using OfWindow = std::int64_t Window::*;

/// The windows of one run that take part.
struct Run {
    explicit Run(const Cpus& of) : cpus(of), places(whole_windows(of)) {}

    /// Values of a CPU's windows, or of some neighbours together their median where there are more than most_values.
    std::vector<double> values(const CpuResult& cpu, OfWindow figure) const {
        const auto together = (places.size() + most_values - 1) / most_values;
        std::vector<double> values, neighbours;
        for (const auto place : places) {
            neighbours.push_back(static_cast<double>(cpu.windows[place].*figure));
            if (neighbours.size() < together) continue;
            values.push_back(median(std::move(neighbours)));
            neighbours.clear();
        }
        return values;
    }
    Series series(OfWindow figure) const {
        Series series;
        for (const auto* cpu : cpus)
            series.push_back(values(*cpu, figure));
        return series;
    }
    /// Their usual length, ms. Not before it is known that there are some.
    double length() const { return median(values(*cpus.front(), &Window::length_ms)); }

    const Cpus& cpus;
    std::vector<std::size_t> places;
};

template <std::size_t rank>
double percentile(const CpuResult& cpu) {
    return static_cast<double>(cpu.statistics.percentiles_ns[rank]);
}

template <std::size_t rank>
double corrected(const CpuResult& cpu) {
    return static_cast<double>(cpu.statistics.corrected_percentiles_ns[rank]);
}

double window_maximum(const CpuResult& cpu) {
    std::vector<double> maxima;
    for (const auto& window : cpu.windows)
        if (window.cycles > 0) maxima.push_back(static_cast<double>(window.max_ns));
    return median(std::move(maxima));
}

/// A row of the table in the header.
struct Kind {
    const char* name;
    double (*of_cpu)(const CpuResult&);
    bool worst;         ///< over CPUs: the largest instead of the median
    OfWindow of_window; ///< nullptr: nothing that could be resampled
    bool of_tail;       ///< depends on how long a window is; a factor of two counts, when it decides
};
constexpr Kind kinds[] = {
    {"avg", [](const CpuResult& cpu) { return cpu.statistics.avg_ns; }, false, nullptr, false},
    {"p50", percentile<0>, false, &Window::p50_ns, false},
    {"p99", percentile<2>, false, &Window::p99_ns, false},
    {"window-max", window_maximum, false, &Window::max_ns, true},
    {"p99.9-corrected", corrected<3>, true, nullptr, true},
    {"p99.99-corrected", corrected<4>, true, nullptr, true},
    {"max", [](const CpuResult& cpu) { return static_cast<double>(cpu.statistics.max_ns); }, true, nullptr, true},
};

double over(const Cpus& cpus, const Kind& kind) {
    std::vector<double> values;
    for (const auto* cpu : cpus)
        values.push_back(kind.of_cpu(*cpu));
    return kind.worst ? *std::max_element(values.begin(), values.end()) : median(std::move(values));
}

/// Gathers what the intervals say.
class Verdict {
  public:
    Verdict(std::vector<std::string>& reasons, double tolerance) : reasons_(reasons), tolerance_(tolerance) {}

    void regress() { worse_ = true; }

    /// @param doubt whether to say so when only the middle of the interval is beyond the tolerance
    /// @returns whether all of it is
    bool weigh(const std::string& name, const Interval& ratio, bool tail, bool doubt) {
        const auto least = tail ? std::max(tail_factor, 1 + tolerance_) : 1 + tolerance_;
        const auto most = tail ? 1 / least : 1 - tolerance_;
        const bool worse = ratio.low > least, better = ratio.high < most;
        worse_ = worse_ || worse;
        better_ = better_ || better;
        const auto percent = [](double value) { return (value - 1) * 100; };
        const auto text = fmt::format("{} is {:.1f} % {} ({:+.1f} to {:+.1f} %)", name, std::abs(percent(ratio.value)),
                                      ratio.value < 1 ? "lower" : "higher", percent(ratio.low), percent(ratio.high));
        if (worse || better)
            reasons_.push_back(text);
        else if (doubt && (ratio.value > least || ratio.value < most))
            reasons_.push_back(text + ", which may be chance; longer runs can tell");
        return worse || better;
    }

    std::string name() const { return worse_ ? "regression" : better_ ? "improvement" : "no-difference"; }

  private:
    std::vector<std::string>& reasons_;
    double tolerance_;
    bool worse_ = false, better_ = false;
};

std::uint64_t missed_on(const Cpus& cpus) {
    std::uint64_t missed = 0;
    for (const auto* cpu : cpus)
        missed += cpu->statistics.missed;
    return missed;
}

/// What the figures that don't decide look like, where they differ much.
void mention(std::vector<std::string>& reasons, const Common& common, const std::vector<ComparedFigure>& figures) {
    const auto& max = figures.back();
    if (std::max(max.a_ns, max.b_ns) > tail_factor * std::min(max.a_ns, max.b_ns))
        reasons.push_back(fmt::format("the maximum was {:.1f} µs and is {:.1f} µs: one wake-up of each run, which "
                                      "doesn't decide",
                                      max.a_ns / 1000, max.b_ns / 1000));
    const auto before = missed_on(common.a), after = missed_on(common.b);
    if (before != after) reasons.push_back(fmt::format("{} deadlines were missed, now {}", before, after));
}

} // namespace

Comparison compare(const Result& a, const Result& b, double tolerance) {
    Comparison comparison;
    comparison.changes = machine_changes(a, b);
    const auto common = common_cpus(a, b);
    auto& reasons = comparison.reasons;
    reasons = obstacles(a, b, common);
    if (!reasons.empty()) {
        comparison.verdict = "not-comparable";
        return comparison;
    }
    Verdict verdict(reasons, tolerance);
    if (a.load != b.load)
        reasons.push_back(fmt::format("the conditions differ, and what is different may come of that: the load beside "
                                      "the first run was {}, beside the second {}",
                                      load_of(a), load_of(b)));
    if (b.end == End::Break && a.end != End::Break && a.options.break_us == b.options.break_us) {
        verdict.regress();
        reasons.push_back(fmt::format("a latency above the limit of {} µs ended the second run, on CPU {}; the first "
                                      "had none",
                                      b.options.break_us, b.end_cpu));
    }
    const Run before(common.a), after(common.b);
    const bool enough = std::min(before.places.size(), after.places.size()) >= fewest_windows;
    const double lengths = enough ? before.length() / after.length() : 0;
    const bool alike = lengths > 0.8 && lengths < 1.25;
    for (const auto& kind : kinds) {
        ComparedFigure figure{.name = kind.name, .a_ns = over(common.a, kind), .b_ns = over(common.b, kind)};
        // Half of all wake-ups are below p50 in windows of any length; rare ones fill more of the longer windows.
        figure.decides = enough && kind.of_window != nullptr && (alike || kind.of_window == &Window::p50_ns);
        if (figure.decides) {
            const auto ratios = ratios_of_medians(before.series(kind.of_window), after.series(kind.of_window), seed);
            figure.ratio = ratios.together.value;
            figure.low = ratios.together.low;
            figure.high = ratios.together.high;
            if (!verdict.weigh(kind.name, ratios.together, kind.of_tail, true) && ratios.pairs.size() > 1)
                for (std::size_t i = 0; i < ratios.pairs.size(); ++i)
                    verdict.weigh(fmt::format("{} of CPU {}", kind.name, common.a[i]->statistics.cpu), ratios.pairs[i],
                                  kind.of_tail, false);
        }
        comparison.figures.push_back(std::move(figure));
    }
    if (!enough)
        reasons.push_back(fmt::format("too short to tell: a run of at least {} windows is needed on both sides, these "
                                      "have {} and {}",
                                      fewest_windows, before.places.size(), after.places.size()));
    else if (!alike)
        reasons.push_back(fmt::format("only p50 decides, since the runs were kept in windows of {:.0f} and {:.0f} ms; "
                                      "compare runs of the same duration",
                                      before.length(), after.length()));
    if (!common.only_one.empty())
        reasons.push_back(fmt::format("CPU {} was measured by one of the runs alone and is left out",
                                      format_cpu_list(common.only_one)));
    mention(reasons, common, comparison.figures);
    comparison.verdict = verdict.name();
    return comparison;
}

std::string options_key(const Options& options) {
    const auto phase = options.phase ? fmt::format("{} µs", options.phase->count()) : "any";
    return fmt::format("cpus {}\nmode {}\ninterval {} µs\ndistance {} µs\nphase {}\nduration {}\nloops {}\n"
                       "scheduling {}\n",
                       format_cpu_list(options.cpus), name_of(options.mode), options.interval.count(),
                       options.distance.count(), phase, format_duration(options.duration), options.loops,
                       policy_of(options));
}

std::string conditions_key(const Environment& environment) {
    return fmt::format("deployment {}\nkernel {} {}\nmicrocode {}\nbios {}\narguments {}\n",
                       environment.deployment.empty() ? "none" : environment.deployment, environment.release,
                       environment.version, environment.microcode, environment.bios,
                       fmt::join(identifying_arguments(environment), " "));
}

std::string baseline_key(const Result& result) {
    return conditions_key(result.environment) + options_key(result.options);
}

} // namespace rtnode::latency
