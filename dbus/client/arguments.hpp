#pragma once
// Checks of what stands on the command line, before it is converted: CLI11 takes "" for 0 or for "not given", and -1
// for a number above all others. Each of these returns the option, and adds nothing to --help.

#include <CLI/CLI.hpp>

#include <cstdint>
#include <string>

namespace rtnode::client {

/// Refuses "": an unset "$DURATION" of a script is a mistake, and not the default.
CLI::Option* not_empty(CLI::Option* option);

/// Takes whole numbers alone, in decimal.
/// @param least the least that is taken @param most the most, which the variable must hold
CLI::Option* whole_number(CLI::Option* option, std::uint64_t least, std::uint64_t most);

/// Takes the number of a job or measurement: from 1 on.
/// @param listed_by the command that shows them, which the refusal names
CLI::Option* number_of_one(CLI::Option* option, const std::string& listed_by);

} // namespace rtnode::client
