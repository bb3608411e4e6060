#pragma once
// Programs that a test starts, and what they print.

#include <sys/types.h>

#include <map>
#include <string>
#include <vector>

namespace rtnode::test {

using Words = std::vector<std::string>;
using Variables = std::map<std::string, std::string>; ///< added to the environment

struct Ran {
    int status = -1; ///< of exit; 128 + signal when killed
    std::string out; ///< stdout and stderr
};

/// Runs it to its end. The first word is looked up in PATH.
Ran run(const Words& command, const Variables& variables = {});

/// A program in the background; killed and reaped at the end.
class Process {
  public:
    /// @param log_file gets stdout and stderr
    Process(const Words& command, const std::string& log_file, const Variables& variables = {});
    ~Process();
    Process(const Process&) = delete;
    Process& operator=(const Process&) = delete;

    pid_t pid() const { return pid_; }
    void signal(int number) const;
    int wait(); ///< for its end; as Ran::status

  private:
    pid_t pid_ = -1;
};

} // namespace rtnode::test
