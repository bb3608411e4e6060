#include "client/checks.hpp"
#include "client/commands.hpp"
#include "client/exit_statuses.hpp"

namespace rtnode::client {

namespace {

struct Request {
    std::string profile;
    bool again = false, over_owners = false, allow_unsigned = false;
    JobOptions job;

    Options options() const {
        Options out;
        job.fill(out);
        if (again) out["again"] = true;
        if (over_owners) out["over-owners"] = true;
        if (allow_unsigned) out["allow-unsigned"] = true;
        return out;
    }
};

/// @param plan_only `rtnodectl plan`
void add_apply(CLI::App& app, Session& session, const char* name, const char* what, bool plan_only) {
    auto request = std::make_shared<Request>();
    request->job.dry_run = plan_only;
    CLI::App* command = app.add_subcommand(name, what);
    command->add_option("PROFILE", request->profile, "Its name; else the configured one")->type_name("");
    if (!plan_only) request->job.declare(*command);
    command->footer(job_exit_statuses());
    command->add_flag("--again", request->again, "Also when the deployment of this plan was not accepted before");
    command->add_flag("--over-owners", request->over_owners,
                      "Also where the machine-config operator, the node tuning operator or TuneD own what changes");
    command->add_flag("--allow-unsigned", request->allow_unsigned,
                      "Accept packages that neither a trusted signature nor a digest vouches for");
    command->callback([&session, request] {
        session.action = [request](Session& s) {
            return finish_job(s, s.bus().apply(request->profile, request->options()));
        };
    });
}

Exit explain(Session& session, const std::string& profile) {
    const Json rows = session.bus().explain(profile);
    if (session.json) session.print(rows);
    if (rows.empty()) session.terminal().line("The profile leads to no kernel argument");
    session.terminal().lines(explain_lines(rows));
    return Exit::ok;
}

Exit verify(Session& session, bool all) {
    const Json rows = session.bus().verify();
    if (session.json) session.print(rows);
    session.terminal().lines(check_lines(rows, all));
    session.terminal().line(check_summary(rows));
    return any_failed(rows) ? Exit::failed : Exit::ok;
}

} // namespace

void add_profiles(CLI::App& app, Session& session) {
    add_apply(app, session, "apply", "Make the node what a profile says, as one new deployment", false);
    add_apply(app, session, "plan", "Show what apply would do, and what stands against it", true);

    auto profile = std::make_shared<std::string>();
    CLI::App* explain_command =
        app.add_subcommand("explain", "Say what each kernel argument of a profile is for, and what to beware of");
    explain_command->add_option("PROFILE", *profile, "Its name; else the configured one")->type_name("");
    explain_command->callback(
        [&session, profile] { session.action = [profile](Session& s) { return explain(s, *profile); }; });

    auto all = std::make_shared<bool>(false);
    CLI::App* verify_command = app.add_subcommand("verify", "Compare what runs with what was asked for");
    verify_command->add_flag("--all", *all, "Also the checks that don't apply here");
    verify_command->footer(exit_statuses({{Exit::ok, "all is as it should be, as far as it can be known"},
                                          {Exit::failed, "something is wrong, or rtnoded refused"}}));
    verify_command->callback([&session, all] { session.action = [all](Session& s) { return verify(s, *all); }; });

    auto again = std::make_shared<bool>(false);
    CLI::App* accept =
        app.add_subcommand("accept", "Judge the booted deployment by its profile: verify, measure, keep it or go back");
    accept->add_flag("--again", *again, "Also when it was judged already");
    accept->footer(job_exit_statuses());
    accept->callback([&session, again] {
        session.action = [again](Session& s) {
            Options options;
            if (*again) options["again"] = true;
            return finish_job(s, s.bus().accept(options));
        };
    });
}

} // namespace rtnode::client
