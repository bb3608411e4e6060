#include "client/command_table.hpp"
#include "client/commands.hpp"
#include "client/completion.hpp"
#include "client/latency.hpp"

#include <fmt/format.h>

namespace rtnode::client {

namespace {

std::vector<Candidate> jobs(Bus& bus) {
    std::vector<Candidate> out;
    const auto paths = words(bus.manager(), "Jobs");
    for (auto path = paths.rbegin(); path != paths.rend(); ++path) {
        const Json job = bus.job(*path);
        out.push_back({number_of(*path), text(job, "Kind") + ", " + text(job, "State")});
    }
    return out;
}

std::vector<Candidate> measurements(Bus& bus) {
    std::vector<Candidate> out;
    const Json rows = bus.measurements();
    for (auto row = rows.rbegin(); row != rows.rend(); ++row) {
        const auto name = text(*row, "name");
        out.push_back({number_of(text(*row, "path")), text(*row, "state") + (name.empty() ? "" : ", " + name)});
    }
    return out;
}

/// @throws ClientError (unreachable)
std::vector<Candidate> known(Session& session, const std::string& placeholder) {
    if (placeholder == "PROFILE") return profile_names();
    if (placeholder != "JOB" && placeholder != "MEASUREMENT") return {};
    constexpr std::chrono::seconds patience{1}; // somebody waits with a finger on the key
    session.bus().limit_calls(patience);
    if (!session.bus().daemon_is_there()) return {};
    return placeholder == "JOB" ? jobs(session.bus()) : measurements(session.bus());
}

Exit complete_line(Session& session, const CLI::App& app, const std::vector<std::string>& line) {
    fmt::print("{}", lines_of(complete(command_table(app), line, [&](const std::string& placeholder) {
                   try {
                       return known(session, placeholder);
                   } catch (const ClientError&) {
                       return std::vector<Candidate>(); // a key press is no place for the bus's troubles
                   }
               })));
    return Exit::ok;
}

} // namespace

void add_self(CLI::App& app, Session& session) {
    auto shell = std::make_shared<std::string>();
    CLI::App* completion = app.add_subcommand("completion", "Print the script that makes a shell complete rtnodectl");
    choose(completion->add_option("SHELL", *shell, "Which shell"), {"bash", "zsh", "fish"})->required();
    completion->callback([&session, shell] {
        session.action = [shell](Session&) {
            fmt::print("{}", completion_script(*shell));
            return Exit::ok;
        };
    });

    const auto hidden = [&](const char* name, const char* what) { return app.add_subcommand(name, what)->group(""); };
    hidden("command-table", "Print every command and option, as JSON")->callback([&app, &session] {
        session.action = [&app](Session& s) {
            s.print(command_table(app));
            return Exit::ok;
        };
    });
    auto line = std::make_shared<std::vector<std::string>>();
    CLI::App* complete = hidden("complete", "Print what may come next; for the shells' scripts");
    complete->add_option("WORD", *line, "The line up to the cursor");
    complete->callback(
        [&app, &session, line] { session.action = [&app, line](Session& s) { return complete_line(s, app, *line); }; });
}

} // namespace rtnode::client
