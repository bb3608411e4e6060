#include "metrics/node.hpp"

#include <gmock/gmock.h>

namespace rtnode::metrics {
namespace {

TEST(NodeMetrics, TellTheNodesState) {
    EXPECT_EQ(of_node({.version = "1.0",
                       .kernel_release = "6.1.0-rt",
                       .real_time_kernel = true,
                       .reboot_required = false,
                       .will_lose_real_time = true,
                       .jobs = {{"done", 3}, {"running", 1}}}),
              "# HELP rtnode_info The daemon and the kernel that runs.\n"
              "# TYPE rtnode_info gauge\n"
              "rtnode_info{version=\"1.0\",kernel=\"6.1.0-rt\"} 1\n"
              "# HELP rtnode_real_time_kernel 1 when the running kernel is a PREEMPT_RT kernel.\n"
              "# TYPE rtnode_real_time_kernel gauge\n"
              "rtnode_real_time_kernel 1\n"
              "# HELP rtnode_reboot_required 1 when another deployment is booted next.\n"
              "# TYPE rtnode_reboot_required gauge\n"
              "rtnode_reboot_required 0\n"
              "# HELP rtnode_will_lose_real_time 1 when the deployment that is booted next has no real-time kernel any "
              "more.\n"
              "# TYPE rtnode_will_lose_real_time gauge\n"
              "rtnode_will_lose_real_time 1\n"
              "# HELP rtnode_jobs Jobs that the daemon knows, by state.\n"
              "# TYPE rtnode_jobs gauge\n"
              "rtnode_jobs{state=\"done\"} 3\n"
              "rtnode_jobs{state=\"running\"} 1\n");
}

} // namespace
} // namespace rtnode::metrics
