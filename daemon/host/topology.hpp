#pragma once
// The processors and the memory of this node, by the kernel's own words.

#include "state/topology.hpp"

#include <filesystem>

namespace rtnode::host {

/// From sys/devices/system/{cpu,node}, sys/devices/cpu/caps and proc below `root`. What can't be read is what
/// NodeTopology says for unknown; where the online CPUs can't be read there are none.
NodeTopology read_topology(const std::filesystem::path& root = "/");

} // namespace rtnode::host
