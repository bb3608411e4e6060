#pragma once
// The form of dnf's files: sections of key=value, where an indented line goes on with the value before. Inside of
// config/ only; the only place that knows libinih.

#include <filesystem>
#include <string>
#include <unordered_map>
#include <vector>

namespace rtnode::config {

struct IniEntry {
    std::vector<std::string> values; ///< one for each line
    unsigned line = 0;               ///< of the last one that begins with the key
};

struct IniSection {
    std::string id;
    unsigned line = 0; ///< of its header
    std::unordered_map<std::string, IniEntry> entries;
};

/// @throws Error{RepositoryConfiguration} "FILE: why" or "FILE:LINE: why"
std::vector<IniSection> read_ini_file(const std::filesystem::path& file);

} // namespace rtnode::config
