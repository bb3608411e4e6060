#pragma once
// A booted node: a mount namespace whose / is the first deployment of a TestNode (tests/support/node/boot). What it
// isn't: a kernel, a systemd and a network of its own. finalize() does ostree-finalize-staged.service's part.

#include "namespaces.hpp"
#include "node.hpp"
#include "worker_run.hpp"

namespace rtnode::tests {

class Machine {
  public:
    explicit Machine(const TestNode& node);
    std::filesystem::path root() const; ///< its / as seen from here; gone with this object, as if the power were cut
    std::string mounts() const { return namespaces_.mounts(); }
    std::string file(const std::string& path) const { return namespaces_.file(path); }

    /// Standard output of a command in it.
    std::string output(std::vector<std::string> command) const;
    int status(std::vector<std::string> command) const;

    /// As rtnoded of a real node would order it; state and cache are in its /var.
    WorkOrder order(Request request) const;
    WorkerRun run(Request request, RunOptions options = {}) const;

    /// What ostree-finalize-staged.service does when the node shuts down. @return exit status
    int finalize() const;

  private:
    const TestNode& node_;
    Namespaces namespaces_;
};

} // namespace rtnode::tests
