#pragma once
// What the last job wanted to be booted, and what became of that.

#include "jobs/job.hpp"
#include "state/verification.hpp"

#include <map>

namespace rtnode::jobs {

/// Of the last job that ended well and made, or moved to, a deployment.
std::optional<IntendedBoot> last_intended(const std::map<std::uint32_t, Job>& jobs);

} // namespace rtnode::jobs
