// rtnodectl latency check: the regression watch, as rtnode-latency@.service runs it.

#include "client/arguments.hpp"
#include "client/commands.hpp"
#include "client/follow.hpp"
#include "client/latency.hpp"

#include <fmt/format.h>

namespace rtnode::client {
namespace {

/// Nothing is wrong: this is no time to measure, or there is nothing to compare with yet.
bool is_no_fault(const ClientError& error) {
    return error.name() == "org.rtnode1.Error.CpuBusy" || error.name() == "org.rtnode1.Error.NoSuchMeasurement";
}

/// @param last Latency's LastWatch, of the run that was waited for
Exit tell(Session& session, const Json& last) {
    Terminal& terminal = session.terminal();
    if (session.json) session.print(last);
    terminal.line(fmt::format("Measurement {} against {}: {}", number_of(text(last, "measurement")),
                              number_of(text(last, "baseline")), text(last, "verdict")));
    for (const auto& reason : words(last, "reasons"))
        terminal.line("  " + printable(reason));
    if (!flag(last, "regression")) return Exit::ok;
    terminal.lines({"Regression: " + printable(text(last, "why")),
                    "  figures: rtnodectl latency compare " + number_of(text(last, "baseline")) + " " +
                        number_of(text(last, "measurement")),
                    "  take it for good: rtnodectl accept --again, or rtnodectl latency run --duration 10m --name "
                    "baseline"});
    return Exit::failed;
}

Exit check(Session& session, const std::string& duration) {
    Terminal& terminal = session.terminal();
    std::string path;
    try {
        path = session.bus().start_watch({{"duration", duration}});
    } catch (const ClientError& error) {
        if (!is_no_fault(error)) throw;
        if (session.json) session.print({{"Measured", false}, {"Reason", error.what()}});
        terminal.line(printable(error.what()));
        return Exit::ok;
    }
    if (session.no_follow) {
        if (session.json) session.print({{"Id", std::stoull(number_of(path))}, {"Path", path}});
        terminal.line("Measurement " + number_of(path) + " started; what it says is in the journal");
        return Exit::ok;
    }
    if (follow_measurement(session.bus(), path, terminal).interrupted) return Exit::interrupted;
    const Json last = session.bus().last_watch();
    if (text(last, "measurement") == path) return tell(session, last);
    if (session.json) session.print({{"Measured", false}, {"Reason", "stopped"}});
    terminal.line("Measurement " + number_of(path) + " was stopped, or made way for another, and says nothing");
    return Exit::ok;
}

} // namespace

void add_latency_check(CLI::App& latency, Session& session) {
    auto duration = std::make_shared<std::string>("10s");
    CLI::App* command = latency.add_subcommand(
        "check",
        "Measure shortly, as the baseline was, and tell whether latency got worse; exits with 1 when runs in a "
        "row agree that it did");
    not_empty(command->add_option("--duration", *duration, "How long: 10s to 1m; else 10s"))->type_name("TIME");
    command->callback(
        [&session, duration] { session.action = [duration](Session& s) { return check(s, *duration); }; });
}

} // namespace rtnode::client
