// rpm-ostree at work beside us. It isn't in Debian, so its name on the bus belongs to a stand-in that has the one
// property that counts, as rpm-ostreed has it.

#include "node_on_the_bus.hpp"

#include <tuple>

using namespace rtnode::test;
using testing::HasSubstr;

namespace {

const Words arguments_job{
    "/org/rtnode1", "org.rtnode1.Manager", "SetKernelArguments", "asasa{sv}", "1", "x=1", "0", "0"};

class RpmOstree {
  public:
    explicit RpmOstree(const std::string& address)
        : connection_(sdbus::createSessionBusConnectionWithAddress(address)),
          object_(sdbus::createObject(*connection_, "/org/projectatomic/rpmostree1/Sysroot")) {
        object_->registerProperty("ActiveTransaction")
            .onInterface("org.projectatomic.rpmostree1.Sysroot")
            .withGetter([this] {
                watched.change([&] { ++asked; });
                return sdbus::Struct<std::string, std::string, std::string>{method, client, path};
            });
        object_->finishRegistration();
        connection_->requestName("org.projectatomic.rpmostree1");
        connection_->enterEventLoopAsync();
    }
    ~RpmOstree() { connection_->leaveEventLoop(); }

    void end() {
        watched.change([&] { method = client = path = ""; });
    }

    Watched watched;
    unsigned asked = 0;

  private:
    std::string method = "Upgrade", client = ":1.77", path = "/org/projectatomic/rpmostree1/rhcos";
    std::unique_ptr<sdbus::IConnection> connection_;
    std::unique_ptr<sdbus::IObject> object_;
};

} // namespace

TEST_F(NodeOnTheBus, ATransactionOfRpmOstreeIsWaitedFor) {
    start();
    RpmOstree rpm_ostree(address);
    const auto before = node.state();
    ASSERT_EQ(call(arguments_job).status, 0);
    wait_for_job_log(1, "Waiting for rpm-ostree: its transaction 'Upgrade' of client :1.77 runs");
    ASSERT_TRUE(rpm_ostree.watched.wait([&] { return rpm_ostree.asked > 1; }));
    EXPECT_EQ(node.state(), before);
    rpm_ostree.end();
    const auto wait = call({"/org/rtnode1/job/1", "org.rtnode1.Job", "Wait"});
    EXPECT_EQ(wait.status, 0) << wait.out;
    EXPECT_EQ(node.kernel_arguments(0).back(), "x=1");
}

TEST_F(NodeOnTheBus, ATransactionOfRpmOstreeThatDoesNotEndIsNamed) {
    std::ofstream(temp.path / "config/limits.toml") << "[limits]\nlock-wait = \"1s\"\n";
    start();
    const RpmOstree rpm_ostree(address);
    const auto before = node.state();
    ASSERT_EQ(call(arguments_job).status, 0);
    const auto wait = call({"/org/rtnode1/job/1", "org.rtnode1.Job", "Wait"});
    EXPECT_EQ(wait.status, 1);
    EXPECT_THAT(wait.out, HasSubstr("rpm-ostree's transaction 'Upgrade' of client :1.77 still runs"));
    EXPECT_EQ(property("/org/rtnode1/job/1", "Job", "ErrorName"), "org.rtnode1.Error.SysrootLocked");
    EXPECT_EQ(node.state(), before);
}

TEST_F(NodeOnTheBus, AJobThatWaitsForRpmOstreeCanBeCanceled) {
    start();
    const RpmOstree rpm_ostree(address);
    ASSERT_EQ(call(arguments_job).status, 0);
    wait_for_job_log(1, "Waiting for rpm-ostree");
    EXPECT_EQ(call({"/org/rtnode1/job/1", "org.rtnode1.Job", "Cancel"}).status, 0);
    const auto wait = call({"/org/rtnode1/job/1", "org.rtnode1.Job", "Wait"});
    EXPECT_EQ(wait.status, 1);
    EXPECT_EQ(property("/org/rtnode1/job/1", "Job", "State"), "canceled");
}
