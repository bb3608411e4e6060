// The daemon as a process: start, stop, configuration, a second one.

#include "fixture.hpp"

#include <csignal>
#include <fstream>

using namespace rtnode::test;
using testing::HasSubstr;

using DaemonTest = BusTest;

TEST_F(DaemonTest, ASecondOneOnTheSameStateIsRefused) {
    start_daemon();
    Job job(*connection, manager->start({"hang"}));
    ASSERT_TRUE(job.reaches("Step", "Resolving dependencies"));
    const auto second = run(daemon_command());
    EXPECT_EQ(second.status, 1);
    EXPECT_THAT(second.out, HasSubstr("another rtnoded works with the state folder"));
    EXPECT_EQ(job.State(), "running") << "the first one's job is not touched";
}

TEST_F(DaemonTest, ASecondOneOnTheSameBusIsRefused) {
    start_daemon();
    const auto second = run(daemon_command("other"));
    EXPECT_EQ(second.status, 1);
    EXPECT_THAT(second.out, HasSubstr("does another rtnoded run there?"));
    EXPECT_EQ(manager->Version(), "0.1.0");
}

TEST_F(DaemonTest, ABrokenConfigurationIsRefusedAtStart) {
    std::ofstream(temp.path / "config/a.toml") << "[limits]\nscriptlet = '1m'\n";
    const auto refused = run(daemon_command());
    EXPECT_EQ(refused.status, 1);
    EXPECT_THAT(refused.out,
                testing::AllOf(HasSubstr("a.toml"), HasSubstr("unknown key `scriptlet`"), HasSubstr("lock-wait")));
}

TEST_F(DaemonTest, ABrokenConfigurationAtReloadKeepsTheOldOne) {
    std::ofstream(temp.path / "config/a.toml") << "[limits]\ndracut = '77s'\n";
    start_daemon();
    std::ofstream(temp.path / "config/a.toml") << "[limits]\ndracut = 'long'\n";
    daemon->signal(SIGHUP);
    // The signal is there before the call; the order of work is made only after the caller was looked up.
    EXPECT_THAT(Job(*connection, manager->start({"show"})).wait().result.at("order").get<std::string>(),
                HasSubstr("\"dracut-limit-s\":77"));
    EXPECT_THAT(log(), HasSubstr("the configuration stays as it was"));
}

TEST_F(DaemonTest, AGoodConfigurationIsTakenAtReload) {
    start_daemon();
    std::ofstream(temp.path / "config/a.toml")
        << "[limits]\ndracut = '78s'\n[repository.x]\nbase-urls = ['http://h/']\n";
    daemon->signal(SIGHUP);
    EXPECT_THAT(Job(*connection, manager->start({"show"})).wait().result.at("order").get<std::string>(),
                testing::AllOf(HasSubstr("\"dracut-limit-s\":78"), HasSubstr("http://h/")));
}

TEST_F(DaemonTest, WithoutAnOstreeItServesAndSaysSo) {
    start_daemon();
    EXPECT_TRUE(manager->Deployments().empty());
    EXPECT_FALSE(manager->RebootRequired());
    EXPECT_THAT(log(), HasSubstr("is not an OSTree sysroot"));
}

TEST_F(DaemonTest, TheOptionsOfANodeInAFolderGoTogether) {
    const auto refused = run({RTNODED, "--sysroot", temp.path});
    EXPECT_NE(refused.status, 0);
    EXPECT_EQ(run({RTNODED, "--version"}).out, "rtnoded 0.1.0\n");
    EXPECT_EQ(run({RTNODED, "--help"}).status, 0);
}

TEST_F(DaemonTest, ABusThatGoesAwayEndsIt) {
    start_daemon();
    manager.reset();
    connection->leaveEventLoop(); // ours would not survive it
    bus->signal(SIGTERM);
    EXPECT_EQ(daemon->wait(), 1);
    daemon.reset();
    EXPECT_THAT(log(), HasSubstr("the bus is gone"));
}
