#include "client/arguments.hpp"
#include "client/commands.hpp"
#include "client/exit_statuses.hpp"
#include "client/job.hpp"
#include "client/latency.hpp"

#include <fmt/format.h>

namespace rtnode::client {

namespace {

Exit list(Session& session) {
    std::vector<Json> jobs;
    for (const auto& path : words(session.bus().manager(), "Jobs")) {
        try {
            Json job = session.bus().job(path);
            job["Path"] = path;
            jobs.push_back(std::move(job));
        } catch (const ClientError& error) {
            // Only 64 ended jobs are kept: one may go between the two calls.
            if (error.name() != "org.freedesktop.DBus.Error.UnknownObject") throw;
        }
    }
    if (session.json)
        session.print(jobs);
    else
        fmt::print("{}", format_job_list(jobs));
    return Exit::ok;
}

Exit show(Session& session, std::uint64_t number) {
    Json job = session.bus().job(job_path(number));
    job["Path"] = job_path(number);
    if (session.json)
        session.print(job);
    else
        fmt::print("{}", format_job(job));
    return Exit::ok;
}

Exit cancel(Session& session, std::uint64_t number) {
    session.bus().cancel_job(job_path(number));
    session.terminal().line(fmt::format("Job {} is being canceled; see: rtnodectl jobs follow {}", number, number));
    if (session.json) session.print({{"Id", number}, {"Canceled", true}});
    return Exit::ok;
}

/// @param number 0 = the newest
Exit log(Session& session, std::uint64_t number) {
    if (number == 0) {
        const auto paths = words(session.bus().manager(), "Jobs");
        if (paths.empty())
            throw ClientError(Exit::failed, "",
                              "there is no job that could have a log; rtnodectl --help shows what "
                              "starts one");
        number = std::stoull(number_of(paths.back()));
    }
    Json all = Json::array();
    for (std::uint64_t from = 0;;) {
        const auto [lines, next] = session.bus().job_log(job_path(number), from);
        for (const auto& line : lines) {
            session.terminal().line(printable(line));
            if (session.json) all.push_back(line);
        }
        if (lines.empty() || next <= from) break;
        from = next;
    }
    if (session.json) session.print({{"Id", number}, {"Log", all}});
    return Exit::ok;
}

} // namespace

void add_jobs(CLI::App& app, Session& session) {
    CLI::App* command =
        app.add_subcommand("jobs", "List running, waiting and ended jobs; look at one, follow or cancel it");
    command->callback([&session, command] {
        if (command->get_subcommands().empty()) session.action = list;
    });

    using Act = Exit (*)(Session&, std::uint64_t);
    const auto add = [&](CLI::App* parent, const char* name, const char* what, Act act) {
        auto number = std::make_shared<std::uint64_t>(0);
        CLI::App* sub = parent->add_subcommand(name, what);
        sub->callback(
            [&session, number, act] { session.action = [number, act](Session& s) { return act(s, *number); }; });
        auto* option = sub->add_option("JOB", *number, "Its number")->type_name("")->required();
        return std::pair(sub, number_of_one(option, "rtnodectl jobs"));
    };
    add(command, "show", "Show one job and its result", show);
    const auto follow = [](Session& s, std::uint64_t number) { return finish_job(s, job_path(number)); };
    add(command, "follow", "Follow a job to its end; exits as the job ends", follow).first->footer(job_exit_statuses());
    add(command, "cancel", "Take a job out of the queue, or end it; the node stays as it was", cancel);
    add(&app, "log", "Print a job's log", log).second->description("Its number; else the newest")->required(false);
}

} // namespace rtnode::client
