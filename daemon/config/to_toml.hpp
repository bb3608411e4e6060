#pragma once
// Profiles and settings as TOML again, for other nodes.

#include "config/settings.hpp"
#include "state/profile.hpp"

#include <string>

namespace rtnode::config {

/// The profile as one file NAME.toml, its drop-ins folded in; what is as without the file is left out, so "" says
/// nothing. load_profile() makes the same profile of it, but for `files`.
std::string to_toml(const Profile& profile);

/// What settings say beside repositories, keys and the cache, which are this node's own; so no secret is among them.
/// "" when all is as without any file.
std::string to_toml(const Settings& settings);

} // namespace rtnode::config
