#pragma once
// What `rtnodectl verify` and `rtnodectl explain` print.

#include "client/fields.hpp"

#include <string>
#include <vector>

namespace rtnode::client {

/// A line a row: state, check, what is (and what should be when it isn't), and below a failed one what to do.
/// @param rows of Manager.Verify @param all also those that don't apply
std::vector<std::string> check_lines(const Json& rows, bool all);

/// "12 checks: 11 ok, 1 failed".
std::string check_summary(const Json& rows);

/// Whether one of them failed.
bool any_failed(const Json& rows);

/// An argument a row with why, and below it what to know. @param rows of Manager.Explain
std::vector<std::string> explain_lines(const Json& rows);

} // namespace rtnode::client
