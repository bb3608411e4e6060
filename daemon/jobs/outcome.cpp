#include "jobs/outcome.hpp"

namespace rtnode::jobs {

std::optional<IntendedBoot> last_intended(const std::map<std::uint32_t, Job>& jobs) {
    for (auto job = jobs.rbegin(); job != jobs.rend(); ++job)
        if (job->second.state == State::done)
            if (auto intended = intended_by(job->first, job->second.result)) return intended;
    return std::nullopt;
}

} // namespace rtnode::jobs
