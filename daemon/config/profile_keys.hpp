#pragma once
// What the keys of a profile's files mean, and which of them can't stand together.

#include "config/table.hpp"
#include "state/profile.hpp"

#include <map>
#include <string>

namespace rtnode::config {

/// What a profile's files said so far.
struct ProfileReading {
    Profile profile;
    std::map<std::string, Value> said; ///< "section.key" → its last value, whose place messages show
};

/// Takes what one file says, over what earlier ones said. @throws Error{Configuration}
void read_profile_keys(const Value& file, ProfileReading& reading);

/// For what is wrong with the whole, whatever the node is. @throws Error{Configuration}
void refuse_contradictions(const ProfileReading& reading);

} // namespace rtnode::config
