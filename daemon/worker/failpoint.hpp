#pragma once
// Named places where a test can kill or hold the worker, so that "killed at any moment" is shown and not hoped for.
// RTNODE_FAILPOINT=NAME kills this process there with SIGKILL, NAME=wait holds it there for ever (the test then kills
// the daemon), NAME=error throws Error{Internal}. NAME=/FOLDER writes the place's name into the FIFO /FOLDER/reached
// and goes on when something can be read from the FIFO /FOLDER/go. The NAME `every` is each of them.

#include <string_view>
#include <vector>

namespace rtnode::worker {

/// The names that an override passes, in order. An update also passes after-pull.
const std::vector<std::string_view>& failpoint_names();

/// Does nothing unless RTNODE_FAILPOINT names this place.
void failpoint(std::string_view name);

} // namespace rtnode::worker
