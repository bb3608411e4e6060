// rtnodectl: the thin client of rtnoded. Everything it does can be done with busctl too.

#include "client/commands.hpp"
#include "client/exit_statuses.hpp"

#include <fmt/format.h>

#include <cstdio>
#include <cstdlib>

namespace {

using namespace rtnode::client;

std::string all_statuses() {
    return exit_statuses(
        {{Exit::ok, "done; also when there was nothing to do"},
         {Exit::failed, "the job or measurement failed, was canceled or interrupted, or can't be trusted; verify or "
                        "compare found something bad; or rtnoded refused"},
         {Exit::hardware, "latency run --hardware-first: firmware or a hypervisor is too late already"},
         {Exit::unchanged, "nothing to do, with --unchanged-exit-77"},
         {Exit::interrupted, "Ctrl-C; what was started goes on"}});
}

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
    choose(app.add_option("--color", session.color, "When to use colours; auto is on a terminal, without NO_COLOR"),
           {"auto", "always", "never"})
        ->capture_default_str();
    app.add_flag("--no-color", session.no_color, "As --color=never");
    add_deployments(app, session);
    add_profiles(app, session);
    add_override(app, session);
    add_kernel_arguments(app, session);
    add_update(app, session);
    add_repositories(app, session);
    add_jobs(app, session);
    add_export(app, session);
    add_latency(app, session);
    add_self(app, session);
    app.footer(all_statuses()); // last: subcommands would inherit it

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
        return report(session, ClientError(Exit::failed, "",
                                           fmt::format("{}; this is a mistake of rtnodectl, or rtnoded is of another "
                                                       "version: compare them with rtnodectl version",
                                                       error.what())));
    }
}
