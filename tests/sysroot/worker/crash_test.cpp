// A worker that is killed at any named place leaves a node that is as before or as wished, and the next one works.

#include "node.hpp"
#include "worker/failpoint.hpp"
#include "worker_run.hpp"

#include <gmock/gmock.h>

#include <algorithm>
#include <csignal>
#include <fstream>

#include <fcntl.h>
#include <unistd.h>

using namespace rtnode;
using namespace rtnode::tests;
using testing::Contains;
using testing::StartsWith;

namespace {

/// A change without a new initramfs: every place that an override passes, in little time.
Request small_request() {
    Request request;
    request.replace = {"rtnode-tools"};
    request.append_kernel_arguments = {"crash.test=1"};
    return request;
}

class KilledAt : public testing::TestWithParam<std::string> {};

std::vector<std::string> failpoints() {
    const auto& names = worker::failpoint_names();
    return {names.begin(), names.end()};
}

std::string test_name(const testing::TestParamInfo<std::string>& info) {
    auto name = info.param;
    std::replace(name.begin(), name.end(), '-', '_');
    return name;
}

} // namespace

TEST_P(KilledAt, TheNodeIsOldOrNewAndTheNextJobWorks) {
    TestNode node;
    const auto before = node.state();

    const auto killed = run_worker(node.order(small_request()), {.failpoint = GetParam()});
    ASSERT_EQ(killed.status, 128 + SIGKILL) << "the failpoint was not reached\n" << killed.why();
    EXPECT_FALSE(killed.result);
    EXPECT_FALSE(killed.failure);
    node.expect_sound();
    const bool deployed = GetParam() == "after-deploy" || GetParam() == "after-cleanup";
    EXPECT_EQ(node.deployments().size(), deployed ? 2u : 1u);

    ASSERT_EQ(run_worker(node.order(small_request()), {.clean = true}).status, 0);
    node.expect_no_leftovers();
    if (!deployed) {
        EXPECT_EQ(node.state(), before) << "after the clean-up all is byte for byte as before";
    }

    const auto again = run_worker(node.order(small_request()));
    ASSERT_TRUE(again.result) << again.why();
    EXPECT_EQ(again.result->at("nothing-to-do"), deployed);
    EXPECT_THAT(node.packages(0), Contains(StartsWith("rtnode-tools-1.1")));
    EXPECT_EQ(node.kernel_arguments(0).back(), "crash.test=1");
    node.expect_sound();
    node.expect_no_leftovers();
}

INSTANTIATE_TEST_SUITE_P(EveryFailpoint, KilledAt, testing::ValuesIn(failpoints()), test_name);

TEST(Cancel, BeforeTheDeployStepLeavesTheNodeAsItWas) {
    TestNode node;
    const auto before = node.state();
    const auto canceled =
        run_worker(node.order(small_request()), {.on_step = [](const std::string& step, pid_t worker) {
                       if (step == "Checking packages") kill(worker, SIGTERM);
                   }});
    ASSERT_TRUE(canceled.failure) << canceled.why();
    EXPECT_EQ(canceled.failure->reason, Reason::Canceled) << canceled.why();
    EXPECT_EQ(node.state(), before);
    node.expect_sound();
    node.expect_no_leftovers();
}

TEST(Lock, ASysrootThatSomebodyElseHoldsIsWaitedForAndThenReported) {
    TestNode node;
    const auto before = node.state();
    const auto lock = open((node.sysroot / "ostree/lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    // As libostree takes it (libglnx' glnx_make_lock_file): an open file description lock.
    struct flock whole {};
    whole.l_type = F_WRLCK;
    whole.l_whence = SEEK_SET;
    ASSERT_EQ(fcntl(lock, F_OFD_SETLK, &whole), 0);
    const auto refused = run_worker(node.order(small_request()));
    close(lock);
    ASSERT_TRUE(refused.failure) << refused.why();
    EXPECT_EQ(refused.failure->reason, Reason::SysrootLocked);
    EXPECT_EQ(node.state(), before);
}

TEST(Neighbour, DeploymentsChangedDuringTheJobAreNoticed) {
    TestNode node;
    const auto origin = node.deployments().at(0).string() + ".origin";
    // Early in the job: the last look at the deployments is then still far away.
    const auto refused = run_worker(node.order(small_request()), {.on_step = [&](const std::string& step, pid_t) {
                                        if (step != "Checking packages") return;
                                        // A neighbour that ignores the lock: it rewrites the origin.
                                        std::ofstream(origin, std::ios::app) << "# somebody was here\n";
                                    }});
    ASSERT_TRUE(refused.failure) << refused.why();
    EXPECT_EQ(refused.failure->reason, Reason::DeploymentsChanged);
    EXPECT_EQ(node.deployments().size(), 1u);
    node.expect_sound();
    node.expect_no_leftovers();
}
