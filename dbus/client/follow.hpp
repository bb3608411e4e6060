#pragma once
// Following a job or a measurement to its end, by its signals.

#include "client/bus.hpp"
#include "client/terminal.hpp"

#include <string>

namespace rtnode::client {

struct Followed {
    Json properties;  ///< at the end
    bool interrupted; ///< by Ctrl-C; what was followed goes on
    bool log_has_freed = false;
};

/// Prints the job's log as it grows, with a progress bar below it on a terminal, until it has ended or Ctrl-C.
/// @throws ClientError (unreachable) when the daemon goes away, which says what then
Followed follow_job(Bus& bus, const std::string& path, Terminal& terminal, bool verbose);

/// Likewise a measurement: on a terminal its live values, four times a second.
Followed follow_measurement(Bus& bus, const std::string& path, Terminal& terminal);

} // namespace rtnode::client
