#pragma once

#include <chrono>
#include <string>

namespace rtnode::bus {

/// What the configuration says about measurements; asked for at each start.
struct LatencySettings {
    std::string folder;      ///< our own, for N.json
    std::string text_folder; ///< for cyclictest's text; "" = `folder`
    std::chrono::seconds max_duration{};
    unsigned keep = 64; ///< ended runs that stay
};

} // namespace rtnode::bus
