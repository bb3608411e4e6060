#pragma once
// The outside of the sandbox: starts it, listens, keeps the clock. Private to daemon/assemble.

#include "assemble/assembly.hpp"
#include "assemble/channel.hpp"
#include "state/unique_fd.hpp"

#include <chrono>
#include <deque>
#include <optional>
#include <string>

namespace rtnode::assemble {

class SandboxProcess {
  public:
    /// @throws Error{SandboxUnavailable}, Error{UnsafePath} when a package file is gone
    SandboxProcess(const SandboxSpec& spec, const Assembly& assembly);
    ~SandboxProcess(); ///< ends it, if it still runs
    SandboxProcess(const SandboxProcess&) = delete;
    SandboxProcess& operator=(const SandboxProcess&) = delete;

    /// Until it is done. @throws what the sandbox reported, Error{StepTimedOut}, Error{Canceled}, Error{WorkerDied}
    SandboxResult wait(Progress& progress);

    std::uint64_t peak_memory() const { return peak_memory_; } ///< bytes; after wait()

  private:
    using Clock = std::chrono::steady_clock;

    void spawn(const std::vector<int>& descriptors);
    void handle(const nlohmann::json& message, Progress& progress);
    bool receive(Progress& progress); ///< false at the end
    void read_output(Progress& progress);
    void take_line(std::string line, Progress& progress);
    void flush_line(Progress& progress);
    void watch_clock(Progress& progress);
    void answer();
    std::string last_output() const; ///< "; its last output: …" of the last program, "" when it had none
    [[noreturn]] void fail_with(const nlohmann::json& message, Progress& progress);
    int end(bool kill_it); ///< exit status as wait(2) gives it

    pid_t pid_ = -1;
    UniqueFd channel_, output_, result_;
    std::uint64_t peak_memory_ = 0;

    Clock::duration scriptlets_left_, dracut_limit_;
    std::chrono::seconds scriptlet_limit_;
    std::string running_; ///< "kernel-core.posttrans", "dracut"; empty between programs
    Limit limit_ = Limit::scriptlets;
    Clock::time_point began_;
    std::string last_program_;
    std::string partial_line_;
    std::deque<std::string> last_lines_; ///< of the program that runs or ran last
};

} // namespace rtnode::assemble
