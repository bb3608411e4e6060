#include "jobs/outcome.hpp"

#include <nlohmann/json.hpp>

namespace rtnode::jobs {

std::optional<IntendedBoot> last_intended(const std::map<std::uint32_t, Job>& jobs) {
    for (auto job = jobs.rbegin(); job != jobs.rend(); ++job)
        if (job->second.state == State::done)
            if (auto intended = intended_by(job->first, job->second.result)) return intended;
    return std::nullopt;
}

bool wanted_kernel(const std::map<std::uint32_t, Job>& jobs, std::string checksum, const std::string& now) {
    for (auto job = jobs.rbegin(); job != jobs.rend(); ++job) {
        if (job->second.state != State::done) continue;
        const auto intended = intended_by(job->first, job->second.result);
        if (!intended || intended->checksum != checksum) continue;
        const auto request = nlohmann::json::parse(job->second.request, nullptr, false);
        const bool named = request.is_object() && !request.value("kernel", "").empty();
        if (named || intended->from.empty() || intended->from == now) return true;
        checksum = intended->from;
    }
    return false;
}

} // namespace rtnode::jobs
