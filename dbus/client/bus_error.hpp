#pragma once
// D-Bus errors as the client tells them.

#include "client/client_error.hpp"

#include <string>

namespace rtnode::client {

/// The daemon's own messages say what to do next and stay as they are; those of the bus and its library get it here.
ClientError client_error(const std::string& name, const std::string& message);

} // namespace rtnode::client
