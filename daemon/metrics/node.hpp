#pragma once
// The node's own state as metrics; those of measurements are latency::report_prometheus().

#include <cstddef>
#include <map>
#include <string>

namespace rtnode::metrics {

struct Node {
    std::string version, kernel_release;
    bool real_time_kernel = false, reboot_required = false, will_lose_real_time = false;
    std::map<std::string, std::size_t> jobs; ///< how many the daemon knows in each state
};

/// In Prometheus' text format 0.0.4, without time stamps.
std::string of_node(const Node& node);

} // namespace rtnode::metrics
