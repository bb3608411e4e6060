#pragma once
// Everything that the command line takes, as data: the manual and the shells' completions are made of it.

#include "client/fields.hpp"

#include <CLI/CLI.hpp>

namespace rtnode::client {

/// Of a command: {"name", "description", "footer", "options": […], "positionals": […], "commands": […, the same
/// again]}, in the order of --help; hidden ones are left out. What the root has as options goes after every command
/// too.
///
/// Of an option and of a positional: {"names": ["--verbose", "-v"] or ["PROFILE"], "type": as --help shows it and empty
/// for a flag, "values": what its type lists in small letters, "description", "default": empty when there is none or
/// the description says it, "required", "repeats": bool}.
Json command_table(const CLI::App& command);

} // namespace rtnode::client
