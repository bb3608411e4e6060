#include "client/commands.hpp"

namespace rtnode::client {

namespace {

struct Request {
    bool no_pull = false;
    PackageOptions packages;

    Options options() const {
        Options out;
        packages.fill(out);
        if (no_pull) out["pull"] = false;
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
    request->packages.declare(*command);
    command->callback([&session, request] {
        session.action = [request](Session& s) { return finish_job(s, s.bus().update(request->options())); };
    });
}

} // namespace rtnode::client
