#include "machine.hpp"

#include <fmt/format.h>

namespace rtnode::tests {

Machine::Machine(const TestNode& node)
    : node_(node), namespaces_({RTNODE_NODE_SCRIPTS "/boot", "--worker", RTNODE_WORKER, node.sysroot.string(), "sh",
                                "-c", "echo booted; exec cat >/dev/null"}) {}

std::filesystem::path Machine::root() const {
    return fmt::format("/proc/{}/root", namespaces_.pid());
}

std::string Machine::output(std::vector<std::string> command) const {
    return output_of(namespaces_.inside(std::move(command)));
}

int Machine::status(std::vector<std::string> command) const {
    return status_of(namespaces_.inside(std::move(command)));
}

WorkOrder Machine::order(Request request) const {
    auto order = node_.order(std::move(request));
    order.sysroot = "/";
    order.state_dir = "/var/lib/rtnode";
    order.cache_dir = "/var/cache/rtnode";
    order.private_node = false;
    return order;
}

WorkerRun Machine::run(Request request, RunOptions options) const {
    options.machine = &namespaces_;
    return run_worker(order(std::move(request)), options);
}

int Machine::finalize() const {
    return status({"ostree", "admin", "finalize-staged"});
}

} // namespace rtnode::tests
