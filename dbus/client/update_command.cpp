#include "client/commands.hpp"

namespace rtnode::client {

namespace {

struct Request {
    bool no_pull = false, allow_unsigned = false;
    std::string kernel_version;
    TreeOptions tree;
    JobOptions job;

    Options options() const {
        Options out;
        job.fill(out);
        tree.fill(out);
        if (no_pull) out["pull"] = false;
        if (allow_unsigned) out["allow-unsigned"] = true;
        if (!kernel_version.empty()) out["kernel-version"] = kernel_version;
        return out;
    }
};

} // namespace

void add_update(CLI::App& app, Session& session) {
    auto request = std::make_shared<Request>();
    CLI::App* command = app.add_subcommand(
        "update", "Pull a new base, and put this node's packages and real-time kernel on it, as one new deployment");
    command->add_flag("--no-pull", request->no_pull,
                      "Take the base that is deployed already; puts back what somebody else's deployment lost");
    command
        ->add_option("--kernel-version", request->kernel_version,
                     "Which real-time kernel: match-base, newest, pinned (stays as it is) or a version; else the "
                     "configured one")
        ->type_name("POLICY|VERSION");
    command->add_flag("--allow-unsigned", request->allow_unsigned,
                      "Accept packages that neither a trusted signature nor a digest vouches for");
    request->tree.declare(*command);
    request->job.declare(*command);
    command->callback([&session, request] {
        session.action = [request](Session& s) { return finish_job(s, s.bus().update(request->options())); };
    });
}

} // namespace rtnode::client
