#pragma once
// Where the regression watch stands, as metrics: whether the node's latency is worse than it was, and by how much.

#include <cstdint>
#include <string>
#include <vector>

namespace rtnode::metrics {

struct Watch {
    struct Figure {
        std::string name; ///< as latency::ComparedFigure's
        double baseline_ns = 0, watch_ns = 0;
        double ratio = 0, low = 0, high = 0; ///< watch / baseline, and its 95 % interval; 0 = can't be said
    };
    bool regression = false;
    std::uint64_t ended_us = 0;  ///< the last run, µs since the epoch
    std::vector<Figure> figures; ///< of that run; none when it could not be compared
};

/// In Prometheus' text format 0.0.4, without time stamps.
std::string of_watch(const Watch& watch);

} // namespace rtnode::metrics
