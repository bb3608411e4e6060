#include "client/commands.hpp"
#include "client/exit_statuses.hpp"
#include "client/follow.hpp"
#include "client/hardware_first.hpp"
#include "client/latency.hpp"

#include <fmt/format.h>

#include <optional>

namespace rtnode::client {

namespace {

// Exit statuses of those who wait for a measurement.
constexpr const char* ended_badly =
    "a latency above --break, an overloaded CPU, numbers that can't be trusted, or it failed or rtnoded refused it";
constexpr const char* goes_on = "Ctrl-C; the measurement goes on";

struct Run {
    std::string cpus, mode, duration, policy, name, load_cpus, hardware_first, tracer;
    std::uint32_t interval_us = 0, distance_us = 0, loops = 0, priority = 0, histogram_us = 0, break_us = 0,
                  spike_us = 0, load = 0;
    std::optional<std::uint32_t> phase_us;
    bool nanoseconds = false, trace = false, tracemark = false, force = false;

    Options options() const {
        Options out;
        if (!duration.empty() || loops == 0) out["duration"] = duration.empty() ? "10s" : duration;
        if (loops > 0) out["loops"] = loops;
        if (distance_us > 0) out["distance"] = distance_us;
        if (phase_us) out["phase"] = *phase_us;
        if (nanoseconds) out["nanoseconds"] = true;
        if (tracemark) out["tracemark"] = true;
        if (spike_us > 0) out["spike"] = spike_us;
        if (trace) out["trace"] = true;
        if (!tracer.empty()) out["tracer"] = tracer;
        if (!cpus.empty()) out["cpus"] = cpus;
        if (interval_us > 0) out["interval"] = interval_us;
        if (!mode.empty()) out["mode"] = mode;
        if (!policy.empty()) out["policy"] = policy;
        if (priority > 0) out["priority"] = priority;
        if (histogram_us > 0) out["histogram"] = histogram_us;
        if (break_us > 0) out["break"] = break_us;
        if (load > 0) out["load"] = load;
        if (!load_cpus.empty()) out["load-cpus"] = load_cpus;
        if (force) out["force"] = true;
        if (!name.empty()) out["name"] = name;
        return out;
    }
};

/// The three lines that scripts grep for, the histogram, what is remarkable, and the verdict.
void print_result(Session& session, const std::string& path, const Json& measurement, std::uint64_t break_us) {
    Terminal& terminal = session.terminal();
    const CyclictestReport report = parse_cyclictest(session.bus().report(path, "cyclictest-2.4"));
    terminal.lines({report.latencies.begin(), report.latencies.end()});
    const Json document = Json::parse(session.bus().report(path, "json"));
    terminal.lines(histogram_lines(report, terminal.live() ? terminal.width() : 0,
                                   {.mode = text(member(document, "options"), "mode"),
                                    .unit = measurement.value("Resolution", 1000) == 1 ? "ns" : "µs"}));
    terminal.lines(remark_lines(document));
    for (const auto& file : words(measurement, "Files"))
        terminal.line("Written: " + printable(file));
    terminal.line(verdict(measurement, break_us));
}

Exit finish_measurement(Session& session, const std::string& path, std::uint64_t break_us) {
    Terminal& terminal = session.terminal();
    const std::string number = number_of(path);
    if (session.no_follow) {
        if (session.json) session.print({{"Id", std::stoull(number)}, {"Path", path}});
        terminal.lines({"Measurement " + number + " started",
                        "  its report, when it has ended: rtnodectl latency report " + number});
        return Exit::ok;
    }
    Followed followed = follow_measurement(session.bus(), path, terminal);
    followed.properties["Path"] = path;
    if (session.json) session.print(followed.properties);
    if (followed.interrupted) {
        terminal.lines({"Measurement " + number + " goes on without this terminal",
                        "  stop it: rtnodectl latency stop " + number,
                        "  its report, when it has ended: rtnodectl latency report " + number});
        return Exit::interrupted;
    }
    if (!session.json) print_result(session, path, followed.properties, break_us);
    return passed(followed.properties) ? Exit::ok : Exit::failed;
}

/// @returns whether the user waited for the outcome; throws when it is bad
bool hardware_is_good(Session& session, const Run& run) {
    if (session.no_follow)
        throw ClientError(Exit::usage, "", "--hardware-first waits for its outcome; leave out --no-follow");
    const auto said = measure_hardware(run.options(), {.duration = run.hardware_first}, [&](const Options& options) {
        const auto path = session.bus().start_measurement(options);
        auto followed = follow_measurement(session.bus(), path, session.terminal());
        followed.properties["Path"] = path;
        return followed.interrupted ? Json() : followed.properties;
    });
    if (said) session.terminal().line(*said);
    return said.has_value();
}

Exit list(Session& session) {
    Json rows = session.bus().measurements();
    for (Json& row : rows)
        row.update(session.bus().measurement(text(row, "path")));
    if (session.json)
        session.print(rows);
    else
        fmt::print("{}", format_measurement_list(rows));
    return Exit::ok;
}

Exit report(Session& session, std::uint64_t number, const std::string& format) {
    const std::string path = measurement_path(number);
    if (session.json) {
        const std::string document = session.bus().report(path, "json");
        fmt::print("{}{}", document, document.ends_with('\n') ? "" : "\n");
    } else if (format.empty()) {
        print_result(session, path, session.bus().measurement(path), 0);
    } else {
        const std::string document = session.bus().report(path, format);
        fmt::print("{}{}", document, document.ends_with('\n') ? "" : "\n");
    }
    return Exit::ok;
}

/// Of the measurement, or of the newest that runs.
Exit watch(Session& session, std::uint64_t number) {
    if (number == 0)
        for (const auto& row : session.bus().measurements())
            if (text(row, "state") == "running") number = std::stoull(number_of(text(row, "path")));
    if (number == 0)
        throw ClientError(Exit::failed, "", "no measurement is running; start one with: rtnodectl latency run");
    return finish_measurement(session, measurement_path(number), 0);
}

Exit compare(Session& session, const std::string& a, const std::string& b) {
    const Json comparison = session.bus().compare(a, b);
    if (session.json)
        session.print(comparison);
    else
        fmt::print("{}", format_comparison(comparison));
    return text(comparison, "verdict") == "regression" ? Exit::failed : Exit::ok;
}

Exit stop(Session& session, std::uint64_t number) {
    session.bus().stop_measurement(measurement_path(number));
    session.terminal().line(
        fmt::format("Measurement {} is stopped; its result so far: rtnodectl latency report {}", number, number));
    if (session.json) session.print({{"Id", number}, {"Stopped", true}});
    return Exit::ok;
}

} // namespace

void add_latency(CLI::App& app, Session& session) {
    CLI::App* command = app.add_subcommand("latency", "Measure wake-up latency, as cyclictest does");
    command->require_subcommand(1);

    auto run = std::make_shared<Run>();
    CLI::App* start = command->add_subcommand("run", "Measure, and show what came out");
    start->add_option("--cpus", run->cpus, "CPUs as 0-3,5; else all that are online")->type_name("LIST");
    start
        ->add_option("--mode", run->mode,
                     "How late a sleeper wakes, or for how long the CPU is taken away, by anything or by hardware "
                     "alone; else cyclic")
        ->type_name("cyclic|busy|hardware");
    start->add_option("--duration", run->duration, "How long: 10s, 10m, 1h30m; else 10s")->type_name("TIME");
    start->add_option("--loops", run->loops, "End each CPU's run after so many wake-ups")->type_name("N");
    start->add_option("--interval", run->interval_us, "Microseconds between wake-ups; else 1000")->type_name("US");
    start->add_option("--distance", run->distance_us, "The interval of each further CPU is longer by so much")
        ->type_name("US");
    start->add_option("--phase", run->phase_us, "All CPUs wake together, so much after whole seconds; else spread")
        ->type_name("US");
    start->add_option("--policy", run->policy, "Scheduling policy; else fifo")->type_name("fifo|rr|other");
    start->add_option("--priority", run->priority, "Real-time priority, 1 to 98; else 95")->type_name("N");
    start->add_option("--histogram", run->histogram_us, "Columns of one microsecond; else 400")->type_name("N");
    start->add_flag("--nanoseconds", run->nanoseconds, "Columns and cyclictest's reports in nanoseconds");
    start->add_option("--spike", run->spike_us, "Keep each latency above so many microseconds, with hints at its cause")
        ->type_name("US");
    start->add_option("--break", run->break_us, "End at the first latency above so many microseconds, as a failure")
        ->type_name("US");
    start->add_flag("--trace", run->trace, "With --spike: trace who has the measured CPUs, to name what made a spike");
    start->add_option("--tracer", run->tracer, "By what --trace is done; else by osnoise where the kernel has it")
        ->type_name("auto|osnoise|timerlat|events");
    start->add_flag("--tracemark", run->tracemark, "With --break: mark the kernel's trace there, and stop it");
    start->add_option("--load", run->load, "So many stress-ng workers keep other CPUs busy meanwhile")->type_name("N");
    start->add_option("--load-cpus", run->load_cpus, "Where they run; else on all CPUs that are not measured")
        ->type_name("LIST");
    start
        ->add_option("--hardware-first", run->hardware_first,
                     "For so long first whether firmware or a hypervisor takes the CPUs away; ends there if it does")
        ->type_name("TIME");
    start->add_flag("--force", run->force, "Accept what may take CPUs from others");
    start->add_option("--name", run->name, "A label")->type_name("TEXT");
    start->footer(exit_statuses({{Exit::failed, ended_badly},
                                 {Exit::hardware, "--hardware-first: firmware or a hypervisor is too late already"},
                                 {Exit::interrupted, goes_on}}));
    start->callback([&session, run] {
        session.action = [run](Session& s) {
            if (!run->hardware_first.empty() && !hardware_is_good(s, *run)) return Exit::interrupted;
            return finish_measurement(s, s.bus().start_measurement(run->options()), run->break_us);
        };
    });

    command->add_subcommand("list", "List measurements")->callback([&session] { session.action = list; });

    auto number = std::make_shared<std::uint64_t>(0);
    auto format = std::make_shared<std::string>();
    CLI::App* show = command->add_subcommand("report", "Print a measurement's report");
    show->add_option("MEASUREMENT", *number, "Its number")->type_name("")->required();
    show->add_option("--format", *format, "Else the summary with a histogram, as run shows it")
        ->type_name("cyclictest-2.4|cyclictest-2.10|json|hist|html|prometheus");
    show->callback([&session, number, format] {
        session.action = [number, format](Session& s) { return report(s, *number, *format); };
    });

    auto watched = std::make_shared<std::uint64_t>(0);
    CLI::App* live = command->add_subcommand("watch", "Look on while a measurement runs, then show what came out");
    live->add_option("MEASUREMENT", *watched, "Its number; else the newest that runs")->type_name("");
    live->footer(exit_statuses({{Exit::failed, ended_badly}, {Exit::interrupted, goes_on}}));
    live->callback([&session, watched] { session.action = [watched](Session& s) { return watch(s, *watched); }; });

    auto a = std::make_shared<std::string>(), b = std::make_shared<std::string>();
    CLI::App* comparison =
        command->add_subcommand("compare", "Whether a measurement differs from another by more than chance");
    comparison->add_option("A", *a, "Number to compare with; or baseline (same conditions), previous (before a change)")
        ->type_name("MEASUREMENT|baseline|previous")
        ->required();
    comparison->add_option("B", *b, "Number of the one that is judged; else the newest")->type_name("MEASUREMENT");
    comparison->footer(exit_statuses({{Exit::ok, "no regression, or the two can't be compared"},
                                      {Exit::failed, "a regression, or rtnoded refused to compare"}}));
    comparison->callback([&session, a, b] { session.action = [a, b](Session& s) { return compare(s, *a, *b); }; });

    add_latency_check(*command, session);

    auto stopped = std::make_shared<std::uint64_t>(0);
    CLI::App* end = command->add_subcommand("stop", "Stop a measurement; its result so far is kept");
    end->add_option("MEASUREMENT", *stopped, "Its number")->type_name("")->required();
    end->callback([&session, stopped] { session.action = [stopped](Session& s) { return stop(s, *stopped); }; });
}

} // namespace rtnode::client
