#pragma once
// A worker that only looks (`--verify`): beside the queue, one at a time; who asks meanwhile gets the same answer.

#include "jobs/worker_process.hpp"

#include <memory>

namespace rtnode::jobs {

class Inspection {
  public:
    using Done = std::function<void(const std::string& result, const Error* error)>; ///< JSON object, or the error

    Inspection(EventLoop& loop, std::filesystem::path worker, std::function<std::string()> order);
    ~Inspection();

    /// Calls back in a later round of the loop; never when this object is gone before.
    void run(Done done);

  private:
    void start();
    void answer(const std::string& result, const Error* error);

    EventLoop& loop_;
    std::filesystem::path program_;
    std::function<std::string()> order_;
    std::vector<Done> waiting_;
    std::unique_ptr<WorkerProcess> worker_;
    EventLoop::Source start_timer_;
};

} // namespace rtnode::jobs
