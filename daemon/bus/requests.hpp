#pragma once
// Options of the methods that start jobs, as Request values.

#include "bus/options.hpp"
#include "state/request.hpp"

namespace rtnode::bus {

/// The options of that kind of job. @throws as Options::finish()
Request take_options(JobKind kind, const Dictionary& values);

/// Makes it the request of an Apply: the packages and the kernel of a profile stand where those of any request do.
void take_profile(Request& request, Profile profile);

/// Form only: lengths, numbers, control characters, words that mean something inside (fd:N).
/// @throws Error{InvalidArgument}
void check_form(const Request& request);

/// Cuts user information and query off a URL; what is none stays.
void redact(std::string& url);

/// The request as JSON, URLs without user information and query: for records, logs and replies.
std::string redacted(Request request);

} // namespace rtnode::bus
