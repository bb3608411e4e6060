#pragma once
// What the last job wanted to be booted, and what became of that.

#include "jobs/job.hpp"
#include "state/verification.hpp"

#include <map>

namespace rtnode::jobs {

/// Of the last job that ended well and made, or moved to, a deployment.
std::optional<IntendedBoot> last_intended(const std::map<std::uint32_t, Job>& jobs);

/// Whether jobs wanted the kernel that the deployment of this commit has: one asked for a kernel, moved to a
/// deployment, or began at `now`, the commit of the booted one. Not so when they only put something (kernel arguments,
/// a package) on what somebody else had deployed.
bool wanted_kernel(const std::map<std::uint32_t, Job>& jobs, std::string checksum, const std::string& now);

} // namespace rtnode::jobs
