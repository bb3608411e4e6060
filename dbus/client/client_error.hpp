#pragma once
// How rtnodectl ends.

#include <stdexcept>
#include <string>

namespace rtnode::client {

/// Exit status, documented in --help.
enum class Exit {
    ok = 0,
    failed = 1,         ///< the job or measurement failed, was canceled or interrupted, or can't be trusted; or refused
    usage = 2,          ///< wrong arguments
    not_authorized = 3, ///< by polkit or the bus
    unreachable = 4,    ///< no bus, no daemon, or it went away
    hardware = 5,       ///< latency run --hardware-first: firmware or a hypervisor is too late already
    unchanged = 77,     ///< with --unchanged-exit-77: there was nothing to do (rpm-ostree's number)
    interrupted = 130,  ///< Ctrl-C; what was started goes on
};

/// What ends the program: caught in main() only. The message says what to do next.
class ClientError : public std::runtime_error {
  public:
    /// @param name of the D-Bus error, or empty
    ClientError(Exit exit, std::string name, const std::string& message)
        : std::runtime_error(message), exit_(exit), name_(std::move(name)) {}

    Exit exit() const noexcept { return exit_; }
    const std::string& name() const noexcept { return name_; }

  private:
    Exit exit_;
    std::string name_;
};

} // namespace rtnode::client
