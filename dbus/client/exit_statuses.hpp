#pragma once
// What --help says of exit statuses.

#include "client/client_error.hpp"

#include <string>
#include <utility>
#include <vector>

namespace rtnode::client {

using ExitStatuses = std::vector<std::pair<Exit, std::string>>;

/// "Exit status:" and a line each, by number; those that every command has beside @p own, which say it otherwise.
std::string exit_statuses(const ExitStatuses& own);

/// Of a command that follows a job.
std::string job_exit_statuses();

} // namespace rtnode::client
