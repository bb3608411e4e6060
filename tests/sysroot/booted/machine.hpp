#pragma once
// A booted node: a mount namespace whose / is the first deployment of a TestNode (tests/support/node/boot). What it
// isn't: a kernel, a systemd and a network of its own. finalize() does ostree-finalize-staged.service's part.

#include "node.hpp"
#include "worker_run.hpp"

#include <sys/types.h>

namespace rtnode::tests {

class Machine {
  public:
    explicit Machine(const TestNode& node);
    ~Machine(); ///< as if the power were cut: nothing is finalised
    Machine(const Machine&) = delete;
    Machine& operator=(const Machine&) = delete;

    std::filesystem::path root() const;       ///< its / as seen from here
    pid_t pid() const { return init_; }       ///< the process that made its namespaces
    std::string mounts() const;               ///< its mount table, as text
    std::string file(const char* path) const; ///< content of an absolute path of it; empty when there is none

    /// Standard output of a command in it.
    std::string output(std::vector<std::string> command) const;
    int status(std::vector<std::string> command) const;

    /// As rtnoded of a real node would order it; state and cache are in its /var.
    WorkOrder order(Request request) const;
    WorkerRun run(Request request, RunOptions options = {}) const;

    /// What ostree-finalize-staged.service does when the node shuts down. @return exit status
    int finalize() const;

  private:
    std::vector<std::string> inside(std::vector<std::string> command) const;

    const TestNode& node_;
    pid_t init_ = -1;
    int power_ = -1; ///< the machine's first process ends when this is closed
};

} // namespace rtnode::tests
