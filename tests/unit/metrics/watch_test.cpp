#include "metrics/watch.hpp"

#include <gmock/gmock.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <unistd.h>

namespace rtnode::metrics {
namespace {

Watch seen() {
    return {.regression = true,
            .ended_us = 1'795'472'790'123'456,
            .figures = {{.name = "p99", .baseline_ns = 20'000, .watch_ns = 40'000, .ratio = 2, .low = 1.5, .high = 2.5},
                        {.name = "max", .baseline_ns = 90'000, .watch_ns = 80'000}}};
}

TEST(WatchMetrics, TellWhetherLatencyGotWorseAndByHowMuch) {
    EXPECT_EQ(
        of_watch(seen()),
        "# HELP rtnode_latency_regression 1 when latency is worse than the baseline's, as runs of the watch agree.\n"
        "# TYPE rtnode_latency_regression gauge\n"
        "rtnode_latency_regression 1\n"
        "# HELP rtnode_latency_watch_end_timestamp_seconds When the watch's last run ended, in seconds since 1970.\n"
        "# TYPE rtnode_latency_watch_end_timestamp_seconds gauge\n"
        "rtnode_latency_watch_end_timestamp_seconds 1795472790.123\n"
        "# HELP rtnode_latency_watch_baseline_seconds Figures of the run that the watch compares with.\n"
        "# TYPE rtnode_latency_watch_baseline_seconds gauge\n"
        "rtnode_latency_watch_baseline_seconds{figure=\"p99\"} 2e-05\n"
        "rtnode_latency_watch_baseline_seconds{figure=\"max\"} 9e-05\n"
        "# HELP rtnode_latency_watch_seconds The same figures of the watch's last run.\n"
        "# TYPE rtnode_latency_watch_seconds gauge\n"
        "rtnode_latency_watch_seconds{figure=\"p99\"} 4e-05\n"
        "rtnode_latency_watch_seconds{figure=\"max\"} 8e-05\n"
        "# HELP rtnode_latency_watch_ratio The watch's last run to its baseline; above 1 is slower.\n"
        "# TYPE rtnode_latency_watch_ratio gauge\n"
        "rtnode_latency_watch_ratio{figure=\"p99\"} 2\n"
        "# HELP rtnode_latency_watch_ratio_lower Lower end of that ratio's 95 % interval.\n"
        "# TYPE rtnode_latency_watch_ratio_lower gauge\n"
        "rtnode_latency_watch_ratio_lower{figure=\"p99\"} 1.5\n"
        "# HELP rtnode_latency_watch_ratio_upper Upper end of that ratio's 95 % interval.\n"
        "# TYPE rtnode_latency_watch_ratio_upper gauge\n"
        "rtnode_latency_watch_ratio_upper{figure=\"p99\"} 2.5\n");
}

TEST(WatchMetrics, PassPromtool) {
    if (std::system("command -v promtool > /dev/null") != 0)
        GTEST_SKIP() << "promtool is not installed (Debian's package prometheus): only the test above";
    const auto path = std::filesystem::path(::testing::TempDir()) / ("rtnode-watch-" + std::to_string(::getpid()));
    for (const auto& watch : {seen(), Watch{}}) {
        std::ofstream(path) << of_watch(watch);
        EXPECT_EQ(std::system(("promtool check metrics < '" + path.string() + "'").c_str()), 0);
    }
    std::filesystem::remove(path);
}

} // namespace
} // namespace rtnode::metrics
