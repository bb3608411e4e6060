#include "client/commands.hpp"
#include "client/follow.hpp"
#include "client/latency.hpp"

#include <fmt/format.h>

namespace rtnode::client {

namespace {

struct Run {
    std::string cpus, duration = "10s", policy, name;
    std::uint32_t interval_us = 0, priority = 0, histogram_us = 0, break_us = 0;
    bool force = false;

    Options options() const {
        Options out{{"duration", duration}};
        if (!cpus.empty()) out["cpus"] = cpus;
        if (interval_us > 0) out["interval"] = interval_us;
        if (!policy.empty()) out["policy"] = policy;
        if (priority > 0) out["priority"] = priority;
        if (histogram_us > 0) out["histogram"] = histogram_us;
        if (break_us > 0) out["break"] = break_us;
        if (force) out["force"] = true;
        if (!name.empty()) out["name"] = name;
        return out;
    }
};

/// The three lines that scripts grep for, the histogram, and the verdict.
void print_result(Session& session, const std::string& path, const Json& measurement, std::uint64_t break_us) {
    Terminal& terminal = session.terminal();
    const CyclictestReport report = parse_cyclictest(session.bus().report(path, "cyclictest-2.4"));
    terminal.lines({report.latencies.begin(), report.latencies.end()});
    terminal.lines(histogram_lines(report, terminal.width()));
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

Exit list(Session& session) {
    const Json rows = session.bus().measurements();
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
    CLI::App* start = command->add_subcommand("run", "Measure, and show what came out; exits with 1 after --break");
    start->add_option("--cpus", run->cpus, "CPUs as 0-3,5; else all that are online")->type_name("LIST");
    start->add_option("--duration", run->duration, "How long: 10s, 10m, 1h30m")
        ->type_name("TIME")
        ->capture_default_str();
    start->add_option("--interval", run->interval_us, "Microseconds between wake-ups; else 1000")->type_name("US");
    start->add_option("--policy", run->policy, "Scheduling policy; else fifo")->type_name("fifo|rr|other");
    start->add_option("--priority", run->priority, "Real-time priority, 1 to 98; else 95")->type_name("N");
    start->add_option("--histogram", run->histogram_us, "Columns of one microsecond; else 400")->type_name("N");
    start->add_option("--break", run->break_us, "End at the first latency above so many microseconds, as a failure")
        ->type_name("US");
    start->add_flag("--force", run->force, "Accept an interval that may take a CPU to itself");
    start->add_option("--name", run->name, "A label")->type_name("TEXT");
    start->callback([&session, run] {
        session.action = [run](Session& s) {
            return finish_measurement(s, s.bus().start_measurement(run->options()), run->break_us);
        };
    });

    command->add_subcommand("list", "List measurements")->callback([&session] { session.action = list; });

    auto number = std::make_shared<std::uint64_t>(0);
    auto format = std::make_shared<std::string>();
    CLI::App* show = command->add_subcommand("report", "Print a measurement's report");
    show->add_option("N", *number, "Number of the measurement")->required();
    show->add_option("--format", *format, "Else the summary with a histogram, as run shows it")
        ->type_name("cyclictest-2.4|json|hist");
    show->callback([&session, number, format] {
        session.action = [number, format](Session& s) { return report(s, *number, *format); };
    });

    auto stopped = std::make_shared<std::uint64_t>(0);
    CLI::App* end = command->add_subcommand("stop", "Stop a measurement; its result so far is kept");
    end->add_option("N", *stopped, "Number of the measurement")->required();
    end->callback([&session, stopped] { session.action = [stopped](Session& s) { return stop(s, *stopped); }; });
}

} // namespace rtnode::client
