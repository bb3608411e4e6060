#pragma once
// Before a tree with a new kernel is committed: will this host start it, and load what it loads now?

#include "state/kernel_arguments.hpp"
#include "state/kernel_demands.hpp"

#include <filesystem>
#include <functional>
#include <string>

namespace rtnode::worker {

/// @param tree holds all of usr/lib/modules/`kver`
/// @param arguments that the kernel will be started with
/// @param warn is told what KernelChecks make a warning
/// @throws Error{UnsupportedBoot} for what they make an error. Whether a signature is one that the firmware trusts
///         isn't looked at: shim and its owner's keys have a say there.
void check_new_kernel(const KernelDemands& demands, const KernelChecks& checks, const KernelArguments& arguments,
                      const std::filesystem::path& tree, const std::string& kver,
                      const std::function<void(const std::string&)>& warn);

} // namespace rtnode::worker
