#pragma once
// D-Bus variants as JSON: what the rest of the client works with, and what --json prints.

#include "client/fields.hpp"

#include <sdbus-c++/Types.h>

#include <map>
#include <string>

namespace rtnode::client {

/// Numbers stay numbers, object paths are strings, dictionaries objects. A type that the API doesn't use becomes null.
Json to_json(const sdbus::Variant& value);
Json to_json(const std::map<std::string, sdbus::Variant>& dictionary);
Json to_json(const std::vector<std::map<std::string, sdbus::Variant>>& rows);

} // namespace rtnode::client
