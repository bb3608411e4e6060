// The node's disk gets full in the middle of a job: the job says so, and the node is as before.

#include "disk.hpp"
#include "node.hpp"
#include "worker_run.hpp"

#include <gmock/gmock.h>

#include <string>

using namespace rtnode;
using namespace rtnode::tests;
using testing::Contains;
using testing::HasSubstr;

namespace {

constexpr std::uint64_t megabyte = 1'000'000;

struct Case {
    std::string name;
    std::string when; ///< the step at whose start somebody else takes the space
    std::uint64_t leaves;
};

class DiskFull : public testing::TestWithParam<Case> {};

Request swap() {
    Request request;
    request.kernel = "rt";
    request.append_kernel_arguments = {"isolcpus=2-3"};
    return request;
}

} // namespace

TEST_P(DiskFull, TheJobSaysSoAndTheNextOneWorks) {
    Disk disk;
    TestNode node(disk.folder);
    const auto before = node.state();

    const auto failed = run_worker(node.order(swap()), {.on_step = [&](const std::string& step, pid_t) {
                                       if (step == GetParam().when) disk.fill(GetParam().leaves);
                                   }});
    ASSERT_TRUE(failed.failure) << failed.why();
    EXPECT_EQ(dbus_name(failed.failure->reason), dbus_name(Reason::NoSpace)) << failed.why();
    EXPECT_THAT(failed.steps, Contains(GetParam().when));
    EXPECT_EQ(node.state(), before);
    node.expect_sound();
    node.expect_no_leftovers();

    disk.empty();
    const auto works = run_worker(node.order(swap()));
    ASSERT_TRUE(works.result) << works.why();
    EXPECT_EQ(node.checksum(0), works.result->at("checksum"));
    EXPECT_EQ(node.kernel_arguments(0).back(), "isolcpus=2-3");
    node.expect_sound();
    node.expect_no_leftovers();
}

INSTANTIATE_TEST_SUITE_P(InTheMiddle, DiskFull,
                         testing::Values(Case{"WhileUnpacking", "Running pre scripts", 0},
                                         Case{"WhileDracutWorks", "Generating initramfs", 0},
                                         Case{"BeforeTheBootFolderIsWritten", "Generating initramfs", 30 * megabyte},
                                         Case{"WhileCommitting", "Writing OSTree commit", 0},
                                         Case{"WhileDeploying", "Writing OSTree commit", 20 * megabyte}),
                         [](const auto& row) { return row.param.name; });
