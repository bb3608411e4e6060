#include "client/arguments.hpp"
#include "client/commands.hpp"
#include "client/exit_statuses.hpp"
#include "client/follow.hpp"
#include "client/hardware_first.hpp"
#include "client/latency.hpp"
#include "client/latency_run.hpp"

#include <fmt/format.h>

#include <optional>

namespace rtnode::client {

namespace {

// Exit statuses of those who wait for a measurement.
constexpr const char* ended_badly =
    "a latency above --break, an overloaded CPU, numbers that can't be trusted, or it failed or rtnoded refused it";
constexpr const char* listed_by = "rtnodectl latency list";
constexpr const char* goes_on = "Ctrl-C; the measurement goes on";

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
bool hardware_is_good(Session& session, const Options& run, const HardwareFirst& first) {
    if (session.no_follow)
        throw ClientError(Exit::usage, "", "--hardware-first waits for its outcome; leave out --no-follow");
    const auto said = measure_hardware(run, first, [&](const Options& options) {
        const auto path = session.bus().start_measurement(options);
        auto followed = follow_measurement(session.bus(), path, session.terminal());
        followed.properties["Path"] = path;
        return followed.interrupted ? Json() : followed.properties;
    });
    if (said) session.terminal().line(*said);
    return said.has_value();
}

Exit list(Session& session) {
    const Json rows = with_properties(session.bus().measurements(),
                                      [&](const std::string& path) { return session.bus().measurement(path); });
    if (session.json)
        session.print(rows);
    else
        fmt::print("{}", format_measurement_list(rows));
    return Exit::ok;
}

Exit report(Session& session, std::uint64_t number, const std::optional<std::string>& format) {
    const std::string path = measurement_path(number);
    if (session.json) {
        const std::string document = session.bus().report(path, "json");
        fmt::print("{}{}", document, document.ends_with('\n') ? "" : "\n");
    } else if (!format) {
        print_result(session, path, session.bus().measurement(path), 0);
    } else {
        const std::string document = session.bus().report(path, *format);
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

    auto run = std::make_shared<LatencyRun>();
    CLI::App* start = command->add_subcommand("run", "Measure, and show what came out");
    run->declare(*start);
    start->footer(exit_statuses({{Exit::failed, ended_badly},
                                 {Exit::hardware, "--hardware-first: firmware or a hypervisor is too late already"},
                                 {Exit::interrupted, goes_on}}));
    start->callback([&session, run] {
        session.action = [run](Session& s) {
            const auto options = run->options();
            if (const auto first = run->hardware(); first && !hardware_is_good(s, options, *first))
                return Exit::interrupted;
            return finish_measurement(s, s.bus().start_measurement(options), run->break_us.value_or(0));
        };
    });

    command->add_subcommand("list", "List measurements")->callback([&session] { session.action = list; });

    auto number = std::make_shared<std::uint64_t>(0);
    auto format = std::make_shared<std::optional<std::string>>();
    CLI::App* show = command->add_subcommand("report", "Print a measurement's report");
    number_of_one(show->add_option("MEASUREMENT", *number, "Its number")->type_name("")->required(), listed_by);
    not_empty(show->add_option("--format", *format, "Else the summary with a histogram, as run shows it"))
        ->type_name("cyclictest-2.4|cyclictest-2.10|json|hist|html|prometheus");
    show->callback([&session, number, format] {
        session.action = [number, format](Session& s) { return report(s, *number, *format); };
    });

    auto watched = std::make_shared<std::uint64_t>(0);
    CLI::App* live = command->add_subcommand("watch", "Look on while a measurement runs, then show what came out");
    number_of_one(live->add_option("MEASUREMENT", *watched, "Its number; else the newest that runs")->type_name(""),
                  listed_by);
    live->footer(exit_statuses({{Exit::failed, ended_badly}, {Exit::interrupted, goes_on}}));
    live->callback([&session, watched] { session.action = [watched](Session& s) { return watch(s, *watched); }; });

    auto a = std::make_shared<std::string>(), b = std::make_shared<std::string>();
    CLI::App* comparison =
        command->add_subcommand("compare", "Whether a measurement differs from another by more than chance");
    not_empty(comparison->add_option(
                  "A", *a, "Number to compare with; or baseline (same conditions), previous (before a change)"))
        ->type_name("MEASUREMENT|baseline|previous")
        ->required();
    not_empty(comparison->add_option("B", *b, "Number of the one that is judged; else the newest"))
        ->type_name("MEASUREMENT");
    comparison->footer(exit_statuses({{Exit::ok, "no regression, or the two can't be compared"},
                                      {Exit::failed, "a regression, or rtnoded refused to compare"}}));
    comparison->callback([&session, a, b] { session.action = [a, b](Session& s) { return compare(s, *a, *b); }; });

    add_latency_check(*command, session);

    auto stopped = std::make_shared<std::uint64_t>(0);
    CLI::App* end = command->add_subcommand("stop", "Stop a measurement; its result so far is kept");
    number_of_one(end->add_option("MEASUREMENT", *stopped, "Its number")->type_name("")->required(), listed_by);
    end->callback([&session, stopped] { session.action = [stopped](Session& s) { return stop(s, *stopped); }; });
}

} // namespace rtnode::client
