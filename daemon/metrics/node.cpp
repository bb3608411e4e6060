#include "metrics/node.hpp"

#include <fmt/format.h>

#include <iterator>

namespace rtnode::metrics {

std::string of_node(const Node& node) {
    std::string text;
    const auto gauge = [&](const char* name, const char* help, const std::string& labels, std::size_t value) {
        fmt::format_to(std::back_inserter(text), "# HELP {0} {1}\n# TYPE {0} gauge\n{0}{2} {3}\n", name, help, labels,
                       value);
    };
    // Versions and releases have no character that a label would have to escape.
    gauge("rtnode_info", "The daemon and the kernel that runs.",
          fmt::format("{{version=\"{}\",kernel=\"{}\"}}", node.version, node.kernel_release), 1);
    gauge("rtnode_real_time_kernel", "1 when the running kernel is a PREEMPT_RT kernel.", "", node.real_time_kernel);
    gauge("rtnode_reboot_required", "1 when another deployment is booted next.", "", node.reboot_required);
    gauge("rtnode_will_lose_real_time", "1 when the deployment that is booted next has no real-time kernel any more.",
          "", node.will_lose_real_time);
    if (!node.jobs.empty())
        text += "# HELP rtnode_jobs Jobs that the daemon knows, by state.\n# TYPE rtnode_jobs gauge\n";
    for (const auto& [state, count] : node.jobs)
        fmt::format_to(std::back_inserter(text), "rtnode_jobs{{state=\"{}\"}} {}\n", state, count);
    return text;
}

} // namespace rtnode::metrics
