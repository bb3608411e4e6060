#include "latency/report/page.hpp"

#include "latency/report/page_parts.hpp"
#include "latency/report/text.hpp"
#include "latency/report/views.hpp"

#include <algorithm>

namespace rtnode::latency {
namespace {

using page::put;

constexpr std::size_t rank_of_p99_99 = 4; // in percentile_ranks

/// What the page's head is about, of all CPUs.
struct Summary {
    std::uint64_t cycles = 0, missed = 0, spikes = 0;
    const CpuStatistics* latest = nullptr; ///< of the CPU with the latest wake-up; null = nothing was measured
    const CpuStatistics* p99_99 = nullptr; ///< of the CPU with the worst corrected 99.99th percentile
};

Summary summary_of(const Result& result) {
    Summary summary;
    for (const auto& cpu : result.cpus) {
        const auto& s = cpu.statistics;
        summary.cycles += s.cycles;
        summary.missed += s.missed;
        summary.spikes += s.spikes;
        if (s.cycles == 0) continue;
        if (!summary.latest || s.max_ns > summary.latest->max_ns) summary.latest = &s;
        if (!summary.p99_99 ||
            corrected_percentile(s, rank_of_p99_99) > corrected_percentile(*summary.p99_99, rank_of_p99_99))
            summary.p99_99 = &s;
    }
    return summary;
}

std::string latency(std::int64_t ns) {
    return latency_text(static_cast<double>(ns));
}

std::string time(std::chrono::system_clock::time_point point) {
    return utc_text(std::chrono::duration_cast<std::chrono::nanoseconds>(point.time_since_epoch())) + " UTC";
}

/// "10m", "1h30m12s"; below a second with milliseconds.
std::string length(const Result& result) {
    const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(result.ended - result.started);
    return ms < std::chrono::seconds(1) ? format_duration(std::max(ms, std::chrono::milliseconds(0)))
                                        : format_duration(std::chrono::round<std::chrono::seconds>(ms));
}

/// What the page is about.
std::string_view subject(Mode mode) {
    switch (mode) {
    case Mode::Cyclic:
        break;
    case Mode::Busy:
        return "Time taken from CPUs";
    case Mode::Hardware:
        return "Time taken from CPUs by hardware";
    }
    return "Wake-up latency";
}

bool has_deadlines(const Result& result) {
    return result.options.mode == Mode::Cyclic;
}

/// "fifo, priority 95".
std::string policy(const Options& options) {
    if (options.policy == Policy::Other) return std::string(name_of(options.policy));
    return fmt::format("{}, priority {}", name_of(options.policy), options.priority);
}

std::string text_of(std::chrono::microseconds time) {
    return tick_text(static_cast<double>(time.count()) * 1000);
}

/// "1 ms"; "1 ms and 500 µs more on each further CPU".
std::string interval(const Options& options) {
    if (options.distance.count() == 0 || options.cpus.size() < 2) return text_of(options.interval);
    return fmt::format("{} and {} more on each further CPU", text_of(options.interval), text_of(options.distance));
}

/// Of the time, what was measured: "every 1 ms", "half of the time".
std::string how_often(const Options& options) {
    switch (options.mode) {
    case Mode::Cyclic:
        break;
    case Mode::Busy:
        return "all the time";
    case Mode::Hardware:
        return "half of the time";
    }
    return "every " + interval(options);
}

/// "10m", "20,000 deadlines", or both.
std::string planned(const Options& options) {
    if (options.loops == 0) return format_duration(options.duration);
    const auto loops = numbered(options.loops, "deadline");
    if (options.duration.count() == 0) return loops;
    return fmt::format("{} or {}, whichever is first", loops, format_duration(options.duration));
}

std::string head(const Result& result, const Summary& summary) {
    const auto node = result.environment.nodename.empty() ? "a node" : html_of(result.environment.nodename);
    std::string html = "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
                       "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src "
                       "'unsafe-inline'\"><meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">"
                       "<meta name=\"referrer\" content=\"no-referrer\">";
    put(html, "<title>{} of {}: {}{}</title><style>{}</style></head><body><main>", subject(result.options.mode), node,
        summary.latest ? "worst " + latency(summary.latest->max_ns) : "nothing was measured",
        result.valid() ? "" : ", not valid", page::style());
    return html;
}

std::string first_sentence(const Result& result, const Summary& summary) {
    if (!summary.latest) return "Nothing was measured.";
    const auto worst = latency(summary.latest->max_ns);
    const auto cpu = summary.latest->cpu;
    if (result.options.mode == Mode::Hardware) {
        if (summary.spikes == 0)
            return fmt::format("Nothing but the kernel took a CPU for more than {}.",
                               latency(std::int64_t{result.options.spike_us} * 1000));
        return fmt::format("{} took CPU {} for {} at worst.",
                           result.valid() ? "Firmware or a hypervisor" : "Firmware, a hypervisor or the kernel", cpu,
                           worst);
    }
    if (result.options.mode == Mode::Busy) return fmt::format("CPU {} was taken away for {} at worst.", cpu, worst);
    if (summary.cycles == 1) return fmt::format("The only wake-up came {} after its deadline, on CPU {}.", worst, cpu);
    return fmt::format("The latest of {} wake-ups came {} after its deadline, on CPU {}.", count_text(summary.cycles),
                       worst, cpu);
}

std::string headline(const Result& result, const Summary& summary) {
    const auto& environment = result.environment;
    std::string html = fmt::format("<header><p class=\"where\">{}", subject(result.options.mode));
    for (const auto& part : {result.options.name, environment.nodename, environment.release})
        if (!part.empty()) html += " · " + html_of(part);
    put(html, " · {}</p>", environment.realtime ? "PREEMPT_RT" : "not a PREEMPT_RT kernel");
    put(html, "<h1>{}</h1>", first_sentence(result, summary));
    if (result.end == End::Running) {
        html += "<p class=\"verdict note\">Still running: there is no verdict yet.</p>";
    } else if (result.valid()) {
        html += "<p class=\"verdict good\">Valid: the measuring threads ran as they should.</p>";
    } else {
        html += "<p class=\"verdict bad\">Not valid: these figures should not be trusted.</p><ul class=\"bad\">";
        for (const auto& reason : result.invalid)
            put(html, "<li>{}</li>", html_of(reason));
        html += "</ul>";
    }
    put(html, "<p class=\"where\">CPU {}, {} for {}, policy {}{}. {} – {}.</p>", format_cpu_list(result.options.cpus),
        how_often(result.options), planned(result.options), policy(result.options),
        result.load.empty() ? "" : ", beside a load of " + html_of(result.load), time(result.started),
        time(result.ended));
    return html;
}

void put_figure(std::string& html, std::string_view name, std::string_view value, std::string_view beside) {
    put(html, "<div><dt>{}</dt><dd>{}</dd><dd>{}</dd></div>", name, value, beside);
}

void put_deadlines(std::string& html, const Result& result, const Summary& summary) {
    const auto& p = *summary.p99_99;
    const auto counted = p.percentiles_ns[rank_of_p99_99], corrected = corrected_percentile(p, rank_of_p99_99);
    put_figure(html, "99.99 % of deadlines within", latency(corrected),
               fmt::format("on CPU {}{}{}", p.cpu, result.cpus.size() > 1 ? ", the worst" : "",
                           corrected == counted ? "" : fmt::format("; {} as counted", latency(counted))));
    const auto deadlines = summary.cycles + summary.missed;
    put_figure(html, "missed deadlines", count_text(summary.missed),
               summary.missed == 0
                   ? "none"
                   : fmt::format("{:.2g} % of {}",
                                 100 * static_cast<double>(summary.missed) / static_cast<double>(deadlines),
                                 count_text(deadlines)));
}

std::string key_figures(const Result& result, const Summary& summary) {
    if (!summary.latest) return "</header>";
    std::string html = "<dl class=\"figures\">";
    put_figure(html, has_deadlines(result) ? "latest wake-up" : "longest gap", latency(summary.latest->max_ns),
               fmt::format("on CPU {}", summary.latest->cpu));
    if (has_deadlines(result)) put_deadlines(html, result, summary);
    if (result.options.spike_us > 0)
        put_figure(html, "spikes", count_text(summary.spikes),
                   fmt::format("above {}", latency(std::int64_t{result.options.spike_us} * 1000)));
    put_figure(
        html, "measured for", length(result),
        fmt::format("{}, {}", numbered(result.cpus.size(), "CPU"),
                    has_deadlines(result) ? "every " + text_of(result.options.interval) : how_often(result.options)));
    return html + "</dl></header>";
}

/// @param value HTML; "" leaves the fact out
void put_fact(std::string& html, std::string_view name, const std::string& value) {
    if (!value.empty()) put(html, "<div><dt>{}</dt><dd>{}</dd></div>", name, value);
}

std::string end_of(const Result& result) {
    switch (result.end) {
    case End::Duration:
        return "after its whole duration";
    case End::Stopped:
        return "stopped on request";
    case End::Break:
        return fmt::format("CPU {} {} {}", result.end_cpu,
                           has_deadlines(result) ? "was later than" : "was taken away for more than",
                           latency(std::int64_t{result.options.break_us} * 1000));
    case End::Overloaded:
        return fmt::format("CPU {} missed too many deadlines", result.end_cpu);
    case End::Running:
        return "still running";
    }
    return {};
}

std::string facts(const Result& result) {
    const auto& options = result.options;
    const auto& environment = result.environment;
    std::string html = "<section><h2>The run</h2><div class=\"facts\"><dl>";
    put_fact(html, "name", html_of(options.name));
    put_fact(html, "started", time(result.started));
    put_fact(html, result.end == End::Running ? "until" : "ended",
             fmt::format("{}, {}", time(result.ended), end_of(result)));
    put_fact(html, "CPUs", format_cpu_list(options.cpus));
    put_fact(html, "mode", fmt::format("{}, {}", name_of(options.mode), how_often(options)));
    if (has_deadlines(result)) put_fact(html, "interval", interval(options));
    put_fact(html, "duration", planned(options));
    if (options.phase) put_fact(html, "phase", text_of(*options.phase) + " after whole seconds");
    put_fact(html, "policy", policy(options));
    if (options.spike_us > 0) put_fact(html, "spikes above", latency(std::int64_t{options.spike_us} * 1000));
    if (options.break_us > 0)
        put_fact(html, "ends above",
                 latency(std::int64_t{options.break_us} * 1000) +
                     (options.tracemark ? ", and marks the kernel's trace" : ""));
    put_fact(html, "load beside it", result.load.empty() ? "none" : html_of(result.load));
    put_fact(html, "memory", result.memory_locked ? "locked" : "not locked");
    put_fact(html, "idle states",
             result.dma_latency_held ? "shallow: /dev/cpu_dma_latency was held at 0 µs" : "as the kernel chose them");
    html += "</dl><dl>";
    put_fact(html, "node", html_of(environment.nodename));
    put_fact(html, "kernel", html_of(environment.release) + " " + html_of(environment.version));
    put_fact(html, "real time", environment.realtime ? "yes, PREEMPT_RT" : "no, not a PREEMPT_RT kernel");
    put_fact(html, "deployment",
             environment.deployment.empty() ? "" : "<code>" + html_of(environment.deployment) + "</code>");
    put_fact(html, "processor", html_of(environment.cpu_model));
    put_fact(html, "microcode", html_of(environment.microcode));
    put_fact(html, "BIOS", html_of(environment.bios));
    put_fact(html, "clock source", html_of(environment.clocksource));
    put_fact(html, "CPUs online", html_of(environment.cpus_online));
    put_fact(html, "kernel arguments",
             environment.command_line.empty() ? "" : "<code>" + html_of(environment.command_line) + "</code>");
    return html + "</dl></div></section>";
}

std::string notes(const Result& result) {
    if (result.notes.empty()) return {};
    std::string html = "<section><h2>Notes</h2><ul>";
    for (const auto& note : result.notes)
        put(html, "<li>{}</li>", html_of(note));
    return html + "</ul></section>";
}

constexpr std::string_view footer = R"(<footer><h2>How to read this page</h2><dl>
<div><dt>deadline</dt><dd>The moment at which a measuring thread asked to be woken: one each interval.</dd></div>
<div><dt>latency</dt><dd>From the deadline to the thread's first reading of the clock after it: the timer, its
interrupt, the scheduler and the way back into the program.</dd></div>
<div><dt>missed</dt><dd>A deadline that had passed before the thread could wait for it, because the wake-up before was
late by more than an interval. No latency can be measured for it.</dd></div>
<div><dt>as counted</dt><dd>The wake-ups that happened. A stall of a hundred intervals counts as one of them.</dd></div>
<div><dt>corrected</dt><dd>All deadlines: a missed one counts with the lateness it had when it was passed over, so a
stall weighs as much as it lasted. This says what share of deadlines a real-time task would have met.</dd></div>
<div><dt>p99.99</dt><dd>The smallest latency that 99.99 % do not exceed; at most 0.8 % too large.</dd></div>
</dl></footer></main></body></html>
)";

constexpr std::string_view footer_of_gaps = R"(<footer><h2>How to read this page</h2><dl>
<div><dt>gap</dt><dd>The time between two readings of the clock by a thread that does nothing else: some ten nanoseconds
where nothing takes its CPU away.</dd></div>
<div><dt>mode busy</dt><dd>Every gap counts, whatever made it: interrupts, other threads, firmware, a hypervisor.</dd></div>
<div><dt>mode hardware</dt><dd>Above the threshold for spikes a gap counts only as far as the kernel's own trace knows of
nothing that had the CPU: what firmware (SMI) or a hypervisor took, which nothing that is set on this node can
change.</dd></div>
<div><dt>p99.99</dt><dd>The smallest gap that 99.99 % do not exceed; at most 0.8 % too large.</dd></div>
</dl></footer></main></body></html>
)";

} // namespace

std::string report_html(const Result& result, const Comparison* baseline, std::string_view baseline_title) {
    const auto summary = summary_of(result);
    std::string html = head(result, summary);
    html += headline(result, summary);
    html += key_figures(result, summary);
    if (baseline) html += page::comparison(*baseline, baseline_title);
    html += page::histograms(result);
    html += page::percentiles(result);
    html += page::timeline(result);
    html += notes(result);
    if (result.end != End::Running) html += page::audit(result); // threads say what they did when they end
    html += page::findings(result);
    html += facts(result);
    html += has_deadlines(result) ? footer : footer_of_gaps;
    return html;
}

std::string report_html(const Result& result) {
    return report_html(result, nullptr, {});
}

} // namespace rtnode::latency
