#pragma once
// The real rtnode-worker, run as rtnoded runs it: order in a memfd, messages over a socket.

#include "state/request.hpp"
#include "state/worker_message.hpp"

#include <nlohmann/json.hpp>

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace rtnode::tests {

class Namespaces;

struct WorkerRun {
    int status = 0; ///< exit status, or 128 + signal
    std::optional<nlohmann::json> result;
    std::optional<worker::Failure> failure;
    std::vector<std::string> steps; ///< in order, by name
    std::vector<std::string> log;
    bool deploying = false;

    std::string why() const; ///< for test messages: the failure and the log's end
};

struct RunOptions {
    std::string failpoint;               ///< RTNODE_FAILPOINT
    std::vector<int> descriptors;        ///< passed as fd:0, fd:1, …
    bool clean = false;                  ///< rtnode-worker --clean
    const Namespaces* machine = nullptr; ///< runs as /run/rtnode-worker in these; nullptr: in ours
    std::function<void(const std::string& step, pid_t worker)> on_step;
};

WorkerRun run_worker(const WorkOrder& order, const RunOptions& options = {});

} // namespace rtnode::tests
