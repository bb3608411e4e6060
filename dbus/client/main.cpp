// rtnodectl: the thin client of rtnoded. Everything it does can be done with busctl too.

#include "client/commands.hpp"

#include <fmt/format.h>

#include <cstdio>
#include <cstdlib>

namespace {

using namespace rtnode::client;

constexpr const char* exit_statuses = R"(Exit status:
  0    done; also when there was nothing to do
  1    the job or measurement failed, was canceled or interrupted, or the daemon refused
  2    wrong arguments
  3    not authorised
  4    no bus or no daemon there, or it went away
  77   nothing to do, with --unchanged-exit-77
  130  Ctrl-C; what was started goes on)";

/// The message on stderr; with --json a document too, unless the job's own was printed already.
int report(Session& session, const ClientError& error) {
    if (session.json && !error.name().empty())
        session.print({{"error", {{"name", error.name()}, {"message", error.what()}}}});
    std::fflush(stdout);
    fmt::print(stderr, "rtnodectl: {}\n", error.what());
    return static_cast<int>(error.exit());
}

} // namespace

int main(int argc, char** argv) {
    Session session;
    CLI::App app("Turns this OSTree node into a real-time node, and measures its wake-up latency", "rtnodectl");
    app.fallthrough();
    app.require_subcommand(1);
    app.add_option("--bus-address", session.bus_address, "D-Bus address of the daemon's bus; else the system bus")
        ->envname("RTNODE_BUS_ADDRESS")
        ->type_name("ADDRESS");
    app.add_flag("--json", session.json, "Print one JSON document, and nothing else, on standard output");
    app.add_flag("--no-follow", session.no_follow, "Start the job or measurement and return at once");
    app.add_flag("--verbose,-v", session.verbose, "While following, also print what scriptlets and dracut say");
    app.add_flag("--unchanged-exit-77", session.unchanged_exit_77, "Exit with 77 when there was nothing to do");
    app.add_option("--color", session.color, "When to use colours")
        ->type_name("WHEN")
        ->check(CLI::IsMember({"auto", "always", "never"}))
        ->capture_default_str();
    app.add_flag("--no-color", session.no_color, "As --color=never");
    add_deployments(app, session);
    add_override(app, session);
    add_kernel_arguments(app, session);
    add_update(app, session);
    add_repositories(app, session);
    add_jobs(app, session);
    add_latency(app, session);
    app.footer(exit_statuses); // last: subcommands would inherit it

    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        return app.exit(error) == 0 ? 0 : static_cast<int>(Exit::usage); // prints help, or the mistake
    }
    try {
        return static_cast<int>(session.action(session));
    } catch (const ClientError& error) {
        return report(session, error);
    } catch (const std::exception& error) {
        return report(session, ClientError(Exit::failed, "", error.what()));
    }
}
