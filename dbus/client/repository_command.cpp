#include "client/commands.hpp"
#include "client/exit_statuses.hpp"

#include <fmt/format.h>

#include <filesystem>

namespace rtnode::client {

namespace {

struct Request {
    std::string source, name;
    bool dry_run = false;
};

Exit list(Session& session) {
    const Json rows = session.bus().repositories();
    if (session.json) {
        session.print(rows);
        return Exit::ok;
    }
    Terminal& terminal = session.terminal();
    if (rows.empty())
        terminal.line("No repository is enabled; take one with rtnodectl repo import, or name one in /etc/yum.repos.d");
    for (const Json& row : rows) {
        terminal.line(printable(fmt::format("{}  {}", text(row, "id"), text(row, "name"))));
        for (const auto& url : words(row, "base-urls"))
            terminal.line("  " + printable(url));
    }
    return Exit::ok;
}

Exit import(Session& session, const Request& request) {
    Options options;
    if (request.dry_run) options["dry-run"] = true;
    const auto source = (std::filesystem::current_path() / request.source).lexically_normal().string();
    return finish_job(session, session.bus().import_repository(source, request.name, options));
}

} // namespace

void add_repositories(CLI::App& app, Session& session) {
    CLI::App* command = app.add_subcommand("repo", "The package repositories of this node");
    command->require_subcommand(1);
    command->add_subcommand("list", "List the enabled repositories")->callback([&session] { session.action = list; });

    auto request = std::make_shared<Request>();
    CLI::App* import_command = command->add_subcommand(
        "import",
        "Take the repositories of a DVD image or a folder, for this node and for others by rtnode-repo.service");
    import_command->add_option("PATH", request->source, "The image, or the folder")->type_name("")->required();
    import_command->add_option("NAME", request->name, "Name of the folder below /var/lib/rtnode/repos")
        ->type_name("")
        ->required();
    import_command->footer(job_exit_statuses());
    import_command->add_flag("--dry-run", request->dry_run, "Find and check them only, copy nothing");
    import_command->callback(
        [&session, request] { session.action = [request](Session& s) { return import(s, *request); }; });
}

} // namespace rtnode::client
