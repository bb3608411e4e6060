#pragma once
// What can be verified only by reading the tree: packages, initramfs. Changes nothing and takes no lock.

#include "state/request.hpp"

namespace rtnode::worker {

/// Of the booted deployment (on a node in a folder: the one that stands in for it).
/// @returns {"checks": [Check…]}
nlohmann::json verify(const WorkOrder& order);

} // namespace rtnode::worker
