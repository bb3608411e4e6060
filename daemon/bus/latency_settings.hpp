#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <string>

namespace rtnode::bus {

/// What the configuration says about measurements; asked for at each start.
struct LatencySettings {
    std::string folder;      ///< our own, for N.json
    std::string text_folder; ///< for cyclictest's text; "" = `folder`
    std::chrono::seconds max_duration{};
    unsigned keep = 64;                    ///< ended runs that stay
    unsigned watch_keep = 24;              ///< the same of the regression watch
    double watch_tolerance = 0.25;         ///< a ratio within 1 ± this is no regression
    unsigned watch_confirmations = 2;      ///< runs in a row that it takes to call it one
    std::filesystem::path state_dir;       ///< of records: what was accepted, and where the watch stands
    std::function<void()> ended;           ///< called after each run, once it is stored
    std::function<std::string()> activity; ///< what the daemon does beside measuring, for people; "" = nothing
    std::function<bool()> busy;            ///< whether a job is queued or runs
    /// Called with why the node is said to be slower than its baseline; "" = it isn't.
    std::function<void(const std::string& why)> regressed;
};

} // namespace rtnode::bus
