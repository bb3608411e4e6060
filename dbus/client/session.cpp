#include "client/commands.hpp"
#include "client/exit_statuses.hpp"
#include "client/follow.hpp"
#include "client/job.hpp"
#include "client/latency.hpp"

#include <fmt/format.h>

namespace rtnode::client {

Bus& Session::bus() {
    if (!bus_) bus_ = std::make_unique<Bus>(bus_address);
    return *bus_;
}

Terminal& Session::terminal() {
    if (!terminal_) {
        const auto wanted = no_color || color == "never" ? Terminal::Color::never
                            : color == "always"          ? Terminal::Color::always
                                                         : Terminal::Color::automatic;
        terminal_ = std::make_unique<Terminal>(stdout, wanted, json);
    }
    return *terminal_;
}

void Session::print(const Json& document) {
    fmt::print("{}\n", document.dump(2, ' ', false, Json::error_handler_t::replace));
}

CLI::Option* choose(CLI::Option* option, const std::vector<std::string>& values) {
    // Without the validator's description, which would put the values into --help a second time.
    return option->type_name(join(values, "|"))->check(CLI::IsMember(values).description(""));
}

void JobOptions::declare(CLI::App& command) {
    command.add_flag("--dry-run", dry_run, "Plan only: print what would be done, change nothing");
    command.add_flag("--reboot", reboot, "Reboot when the job ended well and a reboot is needed");
    command.add_option("--expected-plan", expected_plan, "Fail when the plan is another than this dry run's")
        ->type_name("HASH");
    command.add_option("--os", os, "The stateroot to work in; else the booted one, or the only one")->type_name("NAME");
    command.footer(job_exit_statuses());
}

void JobOptions::fill(Options& options) const {
    if (dry_run) options["dry-run"] = true;
    if (reboot) options["reboot"] = true;
    if (!os.empty()) options["os"] = os;
    if (!expected_plan.empty()) options["expected-plan"] = expected_plan;
}

void TreeOptions::declare(CLI::App& command) {
    command.add_option("--append-karg", append, "Add a kernel argument in the same job; order counts")
        ->type_name("ARG")
        ->expected(1)
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
    command.add_option("--remove-karg", remove, "Take away ARG, or every ARG=…, first")
        ->type_name("ARG")
        ->expected(1)
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
    command.add_option("--commit-version", version, "Version of the new commit; else the base's")->type_name("VERSION");
    JobOptions::declare(command);
}

void TreeOptions::fill(Options& options) const {
    JobOptions::fill(options);
    if (!append.empty()) options["append-kernel-arguments"] = append;
    if (!remove.empty()) options["remove-kernel-arguments"] = remove;
    if (!version.empty()) options["version"] = version;
}

void PackageOptions::declare(CLI::App& command) {
    command
        .add_option(
            "--kernel-version", kernel_version,
            "Which real-time kernel: made from the base kernel's sources, the newest, the one that it is, or a version; "
            "else the configured one")
        ->type_name("match-base|newest|pinned|VERSION");
    command.add_flag("--allow-unsigned", allow_unsigned,
                     "Accept packages that neither a trusted signature nor a digest vouches for");
    TreeOptions::declare(command);
}

void PackageOptions::fill(Options& options) const {
    TreeOptions::fill(options);
    if (!kernel_version.empty()) options["kernel-version"] = kernel_version;
    if (allow_unsigned) options["allow-unsigned"] = true;
}

Exit finish_job(Session& session, const std::string& path) {
    const std::string number = number_of(path);
    Terminal& terminal = session.terminal();
    if (session.no_follow) {
        if (session.json) session.print({{"Id", std::stoull(number)}, {"Path", path}});
        terminal.lines({"Job " + number + " started", "  follow it: rtnodectl jobs follow " + number});
        return Exit::ok;
    }
    Followed followed = follow_job(session.bus(), path, terminal, session.verbose);
    Json& job = followed.properties;
    job["Path"] = path;
    if (session.json) session.print(job);
    if (followed.interrupted) {
        terminal.lines(left_running(std::stoull(number)));
        return Exit::interrupted;
    }
    if (text(job, "State") != "done")
        throw ClientError(Exit::failed, session.json ? "" : text(job, "ErrorName"), failure_line(job));

    const Json& result = member(job, "Result");
    terminal.lines(result_lines(result, followed.log_has_freed));
    if (!session.json) terminal.lines(next_steps(job, flag(session.bus().manager(), "RebootRequired")));
    return session.unchanged_exit_77 && flag(result, "nothing-to-do") ? Exit::unchanged : Exit::ok;
}

} // namespace rtnode::client
