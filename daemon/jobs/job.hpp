#pragma once
// A job as a value: what was asked, how far it is, how it ended. The queue alone changes it.

#include "state/error.hpp"

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace rtnode::jobs {

enum class State { queued, running, canceling, done, failed, canceled, interrupted };

inline constexpr std::array all_states{State::queued, State::running,  State::canceling,  State::done,
                                       State::failed, State::canceled, State::interrupted};

/// "queued", …
std::string_view name_of(State state);

/// All there is; what isn't here is a mistake of ours.
inline constexpr std::array<std::pair<State, State>, 12> transitions{{
    {State::queued, State::running},
    {State::queued, State::canceled},
    {State::queued, State::failed},      // could not be started
    {State::queued, State::interrupted}, // the daemon ended
    {State::running, State::canceling},
    {State::running, State::done},
    {State::running, State::failed},
    {State::running, State::interrupted},
    {State::canceling, State::done}, // it was quicker
    {State::canceling, State::failed},
    {State::canceling, State::canceled},
    {State::canceling, State::interrupted},
}};

constexpr bool legal(State from, State to) {
    for (const auto& [a, b] : transitions)
        if (a == from && b == to) return true;
    return false;
}

constexpr bool ended(State state) {
    for (const auto& [from, to] : transitions)
        if (from == state) return false;
    return true;
}

struct Job {
    std::uint32_t id = 0;
    std::string kind;    ///< name_of(JobKind)
    std::string caller;  ///< for people: "uid 0, pid 4711, unit debug.service"
    std::string request; ///< the Request as JSON, URLs without userinfo and query
    State state = State::queued;
    std::uint64_t created_us = 0, ended_us = 0; ///< since the epoch; ended 0 before
    unsigned percent = 0;
    std::string step;
    std::string error_name, error_message; ///< org.rtnode1.Error.X; empty unless failed, canceled or interrupted
    std::string result = "{}";             ///< JSON object
    std::string boot_id;                   ///< of the boot in which it last changed

    std::uint64_t log_lines = 0; ///< lines in its log; not stored
    bool deploying = false;      ///< too late to cancel; not stored

    /// @throws Error{Internal} unless legal
    void transition(State to);
};

} // namespace rtnode::jobs
