#pragma once
// One run of rtnode-worker: starts it, hears its messages, ends it.

#include "loop/event_loop.hpp"
#include "state/unique_fd.hpp"
#include "state/worker_message.hpp"

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace rtnode::jobs {

/// Where the worker program is: $RTNODE_WORKER, beside this program (a build tree), or in libexecdir.
std::filesystem::path find_worker();

class WorkerProcess {
  public:
    struct Outcome {
        std::optional<worker::Result> result;
        std::optional<worker::Failure> failure; ///< also when it died: WorkerDied, with signal or exit status
        bool died = false;                      ///< it said neither: it may have left something to clean
        bool exited_well = false;               ///< with status 0
    };
    struct Events {
        std::function<void(const worker::Message&)> message; ///< all but Result and Failure
        std::function<void(const std::string&)> output;      ///< a line of its stdout or stderr
        std::function<void(const Outcome&)> ended;           ///< once; this object may be destroyed in it
    };

    static constexpr std::chrono::milliseconds default_grace = std::chrono::seconds(10);

    /// @param order the WorkOrder as JSON @param arguments as `--clean` @param files become 10…
    /// @param cancel_grace from SIGTERM to SIGKILL
    /// @throws Error{Internal} when it can't be started
    WorkerProcess(EventLoop& loop, const std::filesystem::path& program, const std::vector<std::string>& arguments,
                  const std::string& order, const std::vector<UniqueFd>& files, Events events,
                  std::chrono::milliseconds cancel_grace = default_grace);

    /// Kills it when it still runs.
    ~WorkerProcess();
    WorkerProcess(const WorkerProcess&) = delete;
    WorkerProcess& operator=(const WorkerProcess&) = delete;

    /// SIGTERM, and SIGKILL after the grace. Harmless when repeated.
    void cancel();

  private:
    void read_messages();
    void read_output(bool last);
    void on_exit(const siginfo_t& info);
    void kill_all() noexcept;
    void give_time_to_exit();

    EventLoop& loop_;
    Events events_;
    std::chrono::milliseconds cancel_grace_;
    pid_t pid_ = -1;
    UniqueFd pidfd_, socket_, output_;
    EventLoop::Source child_, messages_, output_source_, kill_timer_;
    std::string line_, last_line_;
    Outcome outcome_;
    bool canceled_ = false, deploying_ = false;
};

} // namespace rtnode::jobs
