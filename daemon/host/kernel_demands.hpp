#pragma once
// Secure Boot, FIPS mode and the modules from elsewhere, as the running kernel tells them.

#include "state/kernel_demands.hpp"

#include <filesystem>

namespace rtnode::host {

/// @param root where proc and sys are. What can't be read isn't demanded: a host without EFI has no variables.
KernelDemands kernel_demands(const std::filesystem::path& root = "/");

} // namespace rtnode::host
