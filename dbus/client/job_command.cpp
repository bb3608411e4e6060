#include "client/commands.hpp"
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
    session.terminal().line(fmt::format("Job {} is being canceled; see: rtnodectl job follow {}", number, number));
    if (session.json) session.print({{"Id", number}, {"Canceled", true}});
    return Exit::ok;
}

Exit log(Session& session, std::uint64_t number) {
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
    CLI::App* command = app.add_subcommand("job", "Look at jobs, follow or cancel them");
    command->require_subcommand(1);
    command->add_subcommand("list", "List running, waiting and ended jobs")->callback([&session] {
        session.action = list;
    });

    const auto add = [&](const char* name, const char* what, Exit (*act)(Session&, std::uint64_t)) {
        auto number = std::make_shared<std::uint64_t>(0);
        CLI::App* sub = command->add_subcommand(name, what);
        sub->add_option("N", *number, "Number of the job")->required();
        sub->callback(
            [&session, number, act] { session.action = [number, act](Session& s) { return act(s, *number); }; });
    };
    add("show", "Show one job and its result", show);
    add("follow", "Follow a job to its end; exits as the job ends",
        [](Session& s, std::uint64_t number) { return finish_job(s, job_path(number)); });
    add("cancel", "Take a job out of the queue, or end it; the node stays as it was", cancel);
    add("log", "Print a job's log", log);
}

} // namespace rtnode::client
