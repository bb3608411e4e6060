#pragma once
// Options of the methods that start jobs, as Request values.

#include "bus/options.hpp"
#include "state/request.hpp"

namespace rtnode::bus {

/// Options of every job. The caller calls options.finish() when it has taken its own.
void take_job_options(Options& options, Request& request);

/// Those of package jobs, kernel arguments included.
void take_package_options(Options& options, Request& request);

/// Form only: lengths, numbers, control characters, words that mean something inside (fd:N).
/// @throws Error{InvalidArgument}
void check_form(const Request& request);

/// The request as JSON, URLs without user information and query: for records, logs and replies.
std::string redacted(Request request);

} // namespace rtnode::bus
