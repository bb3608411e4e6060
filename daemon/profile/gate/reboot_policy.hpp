#pragma once
// When the reboot that a profile's deployment waits for may happen.

#include "state/profile.hpp"

#include <chrono>
#include <optional>
#include <string>
#include <vector>

namespace rtnode::profile {

/// What the node is doing. Local time is given as people read it from a clock, so that nothing here knows of time zones
/// or of hours that a night has twice or not at all.
struct RebootFacts {
    std::chrono::system_clock::time_point now;
    std::chrono::minutes minute_of_day{};              ///< local, 0 … 1439
    std::chrono::weekday weekday{std::chrono::Sunday}; ///< local
    bool jobs_busy = false;                            ///< a job is queued or runs
    bool measurements_running = false;
    unsigned users_logged_in = 0;
    bool go_file_there = false;          ///< Profile::go_file
    bool go_unit_active = false;         ///< Profile::go_unit
    std::vector<std::string> inhibitors; ///< of shutdown, those that block; "WHO: WHY" each
};

struct Decision {
    bool go = false;
    std::string why_waiting; ///< for people, "waits for …"; "" with go
    /// After so long the answer may be another, without a job, a measurement or a call of Reboot ending the wait.
    /// Nothing = only those can.
    std::optional<std::chrono::seconds> look_again;

    bool operator==(const Decision&) const = default;
};

/// Whether to reboot now into what is staged. Jobs and inhibitors hold off every reboot that nobody calls himself.
///
/// A window belongs to the day on which it begins: "sat" from 23:00 for four hours ends on Sunday at 03:00. Where the
/// clocks are set, it lasts as the clock on the wall says; the time to the next look is therefore at most ten minutes.
/// @throws Error{Configuration} for a window that isn't one
Decision decide(const Profile& profile, const RebootFacts& facts);

/// "02:00" as minutes since midnight, 0 … 1439. @throws Error{InvalidArgument}
std::chrono::minutes parse_time_of_day(const std::string& text);

} // namespace rtnode::profile
