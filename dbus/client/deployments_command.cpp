#include "client/commands.hpp"
#include "client/status.hpp"

#include <fmt/format.h>

namespace rtnode::client {

namespace {

Exit status(Session& session) {
    const Json manager = session.bus().manager();
    if (session.json)
        session.print(manager);
    else
        fmt::print("{}", format_status(manager, session.terminal().color()));
    return Exit::ok;
}

Exit version(Session& session) {
    Json versions{{"rtnodectl", RTNODE_VERSION}};
    session.terminal().line("rtnodectl " RTNODE_VERSION);
    versions["rtnoded"] = text(session.bus().manager(), "Version"); // unreachable: main() says so
    session.terminal().line("rtnoded " + text(versions, "rtnoded"));
    if (session.json) session.print(versions);
    return Exit::ok;
}

struct Reboot {
    bool cancel = false, ignore_inhibitors = false;
    std::uint32_t delay_s = 0;
};

Exit reboot(Session& session, const Reboot& request) {
    if (request.cancel) {
        session.bus().cancel_reboot();
        session.terminal().line("No reboot is scheduled any more");
    } else {
        Options options;
        if (request.delay_s > 0) options["delay"] = request.delay_s;
        if (request.ignore_inhibitors) options["ignore-inhibitors"] = true;
        session.bus().reboot(options);
        session.terminal().line(request.delay_s > 0 ? fmt::format("The node reboots in {} s; to stop that: rtnodectl "
                                                                  "reboot --cancel",
                                                                  request.delay_s)
                                                    : "The node reboots now");
    }
    if (session.json)
        session.print({{"Reboot", request.cancel ? "canceled" : "requested"}, {"DelaySeconds", request.delay_s}});
    return Exit::ok;
}

} // namespace

void add_deployments(CLI::App& app, Session& session) {
    app.add_subcommand("status", "Show the deployments, in the manner of rpm-ostree status")->callback([&session] {
        session.action = status;
    });

    auto rollback_options = std::make_shared<JobOptions>();
    CLI::App* rollback = app.add_subcommand("rollback", "Boot the previous deployment next");
    rollback_options->declare(*rollback);
    rollback->callback([&session, rollback_options] {
        session.action = [rollback_options](Session& s) {
            Options options;
            rollback_options->fill(options);
            return finish_job(s, s.bus().rollback(options));
        };
    });

    auto drop_options = std::make_shared<JobOptions>();
    CLI::App* drop = app.add_subcommand("drop-pending", "Remove the deployment that would be booted next");
    drop_options->declare(*drop);
    drop->callback([&session, drop_options] {
        session.action = [drop_options](Session& s) {
            Options options;
            drop_options->fill(options);
            return finish_job(s, s.bus().drop_pending(options));
        };
    });

    auto request = std::make_shared<Reboot>();
    CLI::App* command = app.add_subcommand("reboot", "Reboot the node through logind");
    CLI::Option* delay = command->add_option("--delay", request->delay_s, "Reboot so much later")->type_name("SECONDS");
    CLI::Option* ignore =
        command->add_flag("--ignore-inhibitors", request->ignore_inhibitors, "Reboot even when somebody blocks it");
    command->add_flag("--cancel", request->cancel, "Cancel a delayed reboot")->excludes(delay)->excludes(ignore);
    command->callback([&session, request] { session.action = [request](Session& s) { return reboot(s, *request); }; });

    app.add_subcommand("version", "Show the versions of client and daemon")->callback([&session] {
        session.action = version;
    });
}

} // namespace rtnode::client
