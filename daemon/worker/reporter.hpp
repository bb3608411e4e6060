#pragma once
// The worker's voice: steps, log lines and the outcome of its job, as datagrams to the daemon.

#include "state/worker_message.hpp"

#include <chrono>
#include <string>
#include <utility>
#include <vector>

namespace rtnode::worker {

/// Blocks SIGTERM's default: from here on it only raises the flag that canceled() reads.
void watch_for_cancel();
bool canceled();
void throw_if_canceled(); ///< @throws Error{Canceled}

class Reporter {
  public:
    /// @param socket the daemon's SOCK_SEQPACKET, or -1: steps and log lines go to stderr (a worker run by hand)
    explicit Reporter(int socket) : socket_(socket) {}

    /// @throws Error{Interrupted} when the daemon is gone: nobody would learn of what this job does. (Not any more once
    /// deploying() was said: what is begun then is finished.)
    void log(const std::string& line);
    void warn(const std::string& line); ///< to the log, and kept for the result

    /// From here on Cancel is too late.
    void deploying();
    void result(const std::string& json_object);
    void failure(Reason reason, const std::string& message);

    /// A step begins: ends the one before, if any. The names are the RHCOS-RT how-to's where it has one.
    void step(const std::string& name);
    void end_step(const std::string& detail = {});

    /// How far the step is, from 0 to 1, as percent of the whole job. Nothing for a step whose place isn't known.
    void progress(double fraction);

    /// Seconds of every ended step, in order.
    const std::vector<std::pair<std::string, double>>& seconds() const { return seconds_; }
    const std::vector<std::string>& warnings() const { return warnings_; }

  private:
    bool send(const Message& message);
    void tell(const Message& message);

    int socket_;
    bool deploying_ = false;
    std::string current_;
    std::chrono::steady_clock::time_point began_;
    std::vector<std::pair<std::string, double>> seconds_;
    std::vector<std::string> warnings_;
};

} // namespace rtnode::worker
