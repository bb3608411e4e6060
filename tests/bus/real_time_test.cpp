// WillLoseRealTime: somebody else deploys a base without the real-time kernel. A real sysroot, changed by the real
// `ostree admin`; the worker is a stand-in.

#include "ostree_node.hpp"

using namespace rtnode::test;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

namespace {

class RealTimeTest : public OstreeNode {
  protected:
    void SetUp() override {
        OstreeNode::SetUp();
        real_time = commit("5.14.0-1.rt1", true, "2024-01-01");
        deploy(real_time);
    }

    /// Until the property has that value, now or after a signal.
    testing::AssertionResult will_lose(bool value) {
        std::string last;
        Changes changes(*connection);
        if (manager->WillLoseRealTime() == value) return testing::AssertionSuccess();
        return changes.watched.wait([&] { return changes.last == value; }) && manager->WillLoseRealTime() == value
                   ? testing::AssertionSuccess()
                   : testing::AssertionFailure() << "WillLoseRealTime stays " << !value;
    }

    std::string real_time;

  private:
    /// The signals of one property.
    struct Changes {
        explicit Changes(sdbus::IConnection& connection)
            : proxy(sdbus::createProxy(connection, "org.rtnode1", "/org/rtnode1")) {
            proxy->uponSignal("PropertiesChanged")
                .onInterface("org.freedesktop.DBus.Properties")
                .call([this](const std::string&, const Dictionary& changed, const std::vector<std::string>&) {
                    watched.change([&] {
                        if (const auto found = changed.find("WillLoseRealTime"); found != changed.end())
                            last = found->second.get<bool>();
                    });
                });
            proxy->finishRegistration();
        }
        ~Changes() { proxy->unregister(); }
        std::unique_ptr<sdbus::IProxy> proxy;
        Watched watched;
        std::optional<bool> last;
    };
};

} // namespace

TEST_F(RealTimeTest, ABaseWithoutTheKernelThatSomebodyElseDeploysIsSaid) {
    start_daemon();
    EXPECT_FALSE(manager->WillLoseRealTime());
    EXPECT_TRUE(manager->Deployments().at(0).at("real-time").get<bool>());

    const auto stock = commit("5.14.0-2", false, "2024-02-01");
    deploy(stock);
    EXPECT_TRUE(will_lose(true));
    EXPECT_FALSE(manager->Deployments().at(0).at("real-time").get<bool>());
    EXPECT_THAT(log(), AllOf(HasSubstr("<4>the deployment that is booted next (" + stock), HasSubstr("5.14.0-1.rt1"),
                             HasSubstr("'rtnodectl update --no-pull'")));
    EXPECT_THAT(manager->Jobs(), IsEmpty()) << "only said, unless the configuration wants more";

    ostree_admin({"undeploy", "--sysroot=" + sysroot.string(), "0"});
    EXPECT_TRUE(will_lose(false));
}

TEST_F(RealTimeTest, IsSaidAfterARestartToo) {
    deploy(commit("5.14.0-2", false, "2024-02-01"));
    start_daemon();
    EXPECT_TRUE(manager->WillLoseRealTime());
    EXPECT_THAT(log(), HasSubstr("no job of rtnode asked for that"));
}

TEST_F(RealTimeTest, ANewBaseWithItsOwnRealTimeKernelLosesNothing) {
    deploy(commit("5.14.0-2.rt2", true, "2024-02-01"));
    start_daemon();
    EXPECT_FALSE(manager->WillLoseRealTime());
}

TEST_F(RealTimeTest, AnUpdateIsToldWhatWasLost) {
    deploy(commit("5.14.0-2", false, "2024-02-01"));
    start_daemon();
    Job job(*connection, manager->Update({{"pull", Variant(false)}, {"kernel-version", Variant("newest")}}));
    const auto order = job.wait().result.at("order").get<std::string>();
    EXPECT_EQ(job.Kind(), "update");
    EXPECT_THAT(order, AllOf(HasSubstr("\"restore\":\"" + real_time), HasSubstr("\"pull\":false"),
                             HasSubstr("\"kernel-version\":\"newest\"")));
    ostree_admin({"undeploy", "--sysroot=" + sysroot.string(), "0"});
    EXPECT_TRUE(will_lose(false));
    Job later(*connection, manager->Update({}));
    EXPECT_THAT(later.wait().result.at("order").get<std::string>(), HasSubstr("\"restore\":\"\""));
}

TEST_F(RealTimeTest, WhereConfiguredAJobPutsItBackAtOnceAndOnlyOnce) {
    std::ofstream(temp.path / "config/update.toml") << "[update]\nreapply = true\n";
    start_daemon();
    deploy(commit("5.14.0-2", false, "2024-02-01"));
    ASSERT_TRUE(manager->watched.wait([&] { return manager->signals.size() == 2; })) << log();
    EXPECT_THAT(manager->signals, ElementsAre("new 1", "removed 1 done"));
    Job job(*connection, ObjectPath("/org/rtnode1/job/1"));
    EXPECT_EQ(job.Kind(), "update");
    EXPECT_EQ(job.Caller(), "rtnoded ([update] reapply)");
    EXPECT_THAT(job.wait().result.at("order").get<std::string>(), HasSubstr("\"restore\":\"" + real_time));
    EXPECT_TRUE(manager->WillLoseRealTime()) << "the stand-in changed nothing";
    EXPECT_EQ(manager->Jobs().size(), 1U);
}

TEST_F(RealTimeTest, AnOlderBaseIsSomebodysWayBackAndIsLeftAlone) {
    std::ofstream(temp.path / "config/update.toml") << "[update]\nreapply = true\n";
    deploy(commit("5.14.0-0", false, "2023-01-01"));
    start_daemon();
    EXPECT_TRUE(manager->WillLoseRealTime());
    EXPECT_THAT(manager->Jobs(), IsEmpty());
}

TEST_F(RealTimeTest, WhatAJobWantedIsNoLoss) {
    const auto stock = commit("5.14.0-2", false, "2024-02-01");
    deploy(stock);
    start_daemon();
    ASSERT_TRUE(manager->WillLoseRealTime());
    Job(*connection, manager->start({"deployed", stock})).wait();
    EXPECT_TRUE(will_lose(false)) << "a rollback, say";
}

TEST_F(RealTimeTest, WhatAJobPutsOnSomebodyElsesDeploymentDoesNotMakeItWanted) {
    const auto stock = commit("5.14.0-2", false, "2024-02-01");
    deploy(stock);
    start_daemon();
    Job(*connection, manager->start({"deployed", stock, stock})).wait(); // kernel arguments
    EXPECT_TRUE(will_lose(true));
    Job(*connection, manager->start({"deployed", stock, stock}, {{"kernel", Variant("stock")}})).wait();
    EXPECT_TRUE(will_lose(false)) << "asked for";
}
