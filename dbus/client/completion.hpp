#pragma once
// What may stand next on rtnodectl's command line. One function answers all shells, from the command table; the scripts
// that `rtnodectl completion` prints only ask it, by the hidden command `rtnodectl complete -- WORD…`.

#include "client/fields.hpp"

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

namespace rtnode::client {

struct Candidate {
    std::string word, description;

    bool operator==(const Candidate&) const = default;
};

struct Completion {
    std::vector<Candidate> candidates; ///< not only those that begin as the last word does: shells match in their ways
    bool files = false;                ///< a path may stand here too, which the shell itself completes
};

/// What stands for a placeholder as PROFILE or JOB; nothing when that isn't known.
using Known = std::function<std::vector<Candidate>(const std::string& placeholder)>;

/// @param table that of command_table(), of the whole program
/// @param words those after `rtnodectl` up to the cursor, the last one maybe begun or empty; as the shell has split
/// them,
///   bash also at '=' and ':'
Completion complete(const Json& table, const std::vector<std::string>& words, const Known& known);

/// For the shells' scripts: a line each, word and description with a tab between; ":files" when files is set.
std::string lines_of(const Completion& completion);

/// The script that makes a shell complete rtnodectl. @param shell bash, zsh or fish
std::string completion_script(const std::string& shell);

/// Names of the profiles in /etc, /run and /usr/lib/rtnode/profiles.d below @p root, each once, by name.
std::vector<Candidate> profile_names(const std::filesystem::path& root = "/");

} // namespace rtnode::client
