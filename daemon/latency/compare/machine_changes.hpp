#pragma once
// What two results say of the machines under them, and of what ran beside them.

#include "latency/result.hpp"

#include <string>
#include <vector>

namespace rtnode::latency {

/// Differences for people: "microcode 0x1 -> 0x2", "kernel argument added: nohz_full=2-3". What one of the results
/// doesn't know (older ones know less) isn't a difference.
std::vector<std::string> machine_changes(const Result& a, const Result& b);

/// What ran beside it on purpose; "none" for nothing.
std::string load_of(const Result& result);

/// The kernel's arguments without ostree= and BOOT_IMAGE=, which only name the place of the deployment.
std::vector<std::string> identifying_arguments(const Environment& environment);

} // namespace rtnode::latency
