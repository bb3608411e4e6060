#include "client/commands.hpp"
#include "client/kernel_arguments_change.hpp"

#include <algorithm>

namespace rtnode::client {

namespace {

struct Request {
    std::vector<std::string> append, remove, set;
    JobOptions job;
};

Exit list(Session& session) {
    const Json manager = session.bus().manager();
    const auto booted = words(manager, "KernelArguments"), pending = words(manager, "PendingKernelArguments");
    if (session.json) {
        session.print({{"KernelArguments", booted}, {"PendingKernelArguments", pending}});
        return Exit::ok;
    }
    Terminal& terminal = session.terminal();
    terminal.line(printable(join(booted)));
    const auto change = kernel_arguments_change(booted, pending);
    if (pending != booted && !pending.empty()) {
        terminal.line("After the next reboot:");
        terminal.line(printable(join(pending)));
        if (!change.added.empty()) terminal.line("  added: " + printable(join(change.added)));
        if (!change.removed.empty()) terminal.line("  removed: " + printable(join(change.removed)));
    }
    return Exit::ok;
}

Exit change(Session& session, const Request& request) {
    Options options;
    request.job.fill(options);
    std::vector<std::string> append = request.append, remove = request.remove;
    // `set a=1` is: remove every `a` and `a=…`, then append `a=1`.
    for (const auto& token : request.set) {
        const std::string key = token.substr(0, token.find('='));
        if (std::find(remove.begin(), remove.end(), key) == remove.end()) remove.push_back(key);
        append.push_back(token);
    }
    return finish_job(session, session.bus().set_kernel_arguments(append, remove, options));
}

void declare_changes(CLI::App& command, Request& request) {
    command.add_option("--append", request.append, "Add at the end; order counts; may be given again")
        ->type_name("ARG")
        ->expected(1)
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
    command.add_option("--remove", request.remove, "Take away ARG, or every ARG=…, first; may be given again")
        ->type_name("ARG")
        ->expected(1)
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
    request.job.declare(command);
}

} // namespace

void add_kernel_arguments(CLI::App& app, Session& session) {
    auto request = std::make_shared<Request>();
    CLI::App* command = app.add_subcommand("kargs", "List or change the kernel arguments, without building a new tree");
    declare_changes(*command, *request);

    auto set_request = std::make_shared<Request>();
    CLI::App* set = command->add_subcommand("set", "Give each ARG this one value: KEY=VALUE replaces every KEY=…");
    set->add_option("ARG", set_request->set, "KEY=VALUE or KEY")->required();
    declare_changes(*set, *set_request);

    set->callback(
        [&session, set_request] { session.action = [set_request](Session& s) { return change(s, *set_request); }; });
    command->callback([&session, request, set] {
        if (set->parsed()) return;
        const bool changes = !request->append.empty() || !request->remove.empty();
        session.action = [request, changes](Session& s) { return changes ? change(s, *request) : list(s); };
    });
}

} // namespace rtnode::client
