// Who may: root of this user namespace, and whom polkit allows.

#include "fixture.hpp"

#include <fstream>
#include <sys/stat.h>

using namespace rtnode::test;
using testing::HasSubstr;

namespace {

const Words nobody{"setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"};
const Words override_call{
    "call", "org.rtnode1", "/org/rtnode1", "org.rtnode1.Manager", "Override", "asasasa{sv}", "0", "1", "succeed", "0"};
const Words no_options{"0"};
const Words unsigned_option{"1", "allow-unsigned", "b", "true"};

Words operator+(Words a, const Words& b) {
    a.insert(a.end(), b.begin(), b.end());
    return a;
}

class AuthorityTest : public BusTest {
  protected:
    AuthorityTest() { start_daemon(); }

    /// The real polkitd on this bus, with our actions and with a rule, in a mount namespace that has only these.
    void start_polkit(const std::string& rule) {
        for (const auto* folder : {"actions", "rules"})
            std::filesystem::create_directory(temp.path / folder);
        std::filesystem::copy_file(POLKIT_POLICY, temp.path / "actions/org.rtnode1.policy");
        std::ofstream(temp.path / "rules/10-test.rules") << rule;
        auto bus_proxy = sdbus::createProxy(*connection, "org.freedesktop.DBus", "/org/freedesktop/DBus");
        Watched watched;
        bool there = false;
        bus_proxy->uponSignal("NameOwnerChanged")
            .onInterface("org.freedesktop.DBus")
            .call([&](const std::string& name, const std::string&, const std::string& owner) {
                watched.change([&] { there = there || (name == "org.freedesktop.PolicyKit1" && !owner.empty()); });
            });
        bus_proxy->finishRegistration();
        const auto bind = [&](const std::string& from, const std::string& to) {
            return "mount --bind '" + (temp.path / from).string() + "' " + to + " && ";
        };
        polkit = std::make_unique<Process>(Words{"unshare", "-m", "sh", "-c",
                                                 bind("actions", "/usr/share/polkit-1/actions") +
                                                     bind("rules", "/etc/polkit-1/rules.d") +
                                                     "exec /usr/lib/polkit-1/polkitd --no-debug"},
                                           temp.path / "polkit.log", Variables{{"DBUS_SYSTEM_BUS_ADDRESS", address}});
        const bool came = watched.wait([&] { return there; });
        bus_proxy->unregister();
        ASSERT_TRUE(came) << file("polkit.log") << file("bus.log");
    }

    std::unique_ptr<Process> polkit;
};

} // namespace

TEST_F(AuthorityTest, WithoutPolkitOnlyRootMayChangeAnything) {
    const auto refused = busctl(override_call + no_options, nobody);
    EXPECT_NE(refused.status, 0);
    EXPECT_THAT(refused.out, testing::AllOf(HasSubstr("uid 65534"), HasSubstr("org.rtnode1.change"),
                                            HasSubstr("polkit isn't running")));
    EXPECT_EQ(busctl(override_call + no_options).status, 0);
}

TEST_F(AuthorityTest, EverybodyMayRead) {
    Job(*connection, manager->start({"succeed"})).wait();
    EXPECT_EQ(
        busctl({"get-property", "org.rtnode1", "/org/rtnode1", "org.rtnode1.Manager", "Deployments"}, nobody).status,
        0);
    EXPECT_EQ(busctl({"call", "org.rtnode1", "/org/rtnode1/job/1", "org.rtnode1.Job", "Wait"}, nobody).status, 0);
    EXPECT_EQ(
        busctl({"call", "org.rtnode1", "/org/rtnode1/job/1", "org.rtnode1.Job", "GetLog", "t", "0"}, nobody).status, 0);
    EXPECT_EQ(busctl({"call", "org.rtnode1", "/org/rtnode1/latency", "org.rtnode1.Latency", "List"}, nobody).status, 0);
}

TEST_F(AuthorityTest, NobodyElseMayCancelMeasureOrReboot) {
    Job job(*connection, manager->start({"hang"}));
    ASSERT_TRUE(job.reaches("Step", "Resolving dependencies"));
    for (const auto& call :
         {Words{"call", "org.rtnode1", "/org/rtnode1/job/1", "org.rtnode1.Job", "Cancel"},
          Words{"call", "org.rtnode1", "/org/rtnode1/latency", "org.rtnode1.Latency", "Start", "a{sv}", "1", "duration",
                "s", "1s"},
          Words{"call", "org.rtnode1", "/org/rtnode1", "org.rtnode1.Manager", "Reboot", "a{sv}", "0"}}) {
        const auto refused = busctl(call, nobody);
        EXPECT_NE(refused.status, 0);
        EXPECT_THAT(refused.out, HasSubstr("uid 65534"));
    }
    EXPECT_EQ(job.State(), "running");
}

TEST_F(AuthorityTest, RootOfAnotherUserNamespaceIsNotRoot) {
    const auto refused = busctl(override_call + no_options, {"unshare", "-Ur"});
    EXPECT_NE(refused.status, 0);
    EXPECT_THAT(refused.out, HasSubstr("root of another user namespace"));
}

TEST_F(AuthorityTest, PolkitDecidesForTheOthersByAction) {
    start_polkit(R"(polkit.addRule(function(action, subject) {
        if (action.id == "org.rtnode1.change") return polkit.Result.YES;
        if (action.id == "org.rtnode1.allow-unsigned") return polkit.Result.NO;
    });)");
    const auto allowed = busctl(override_call + no_options, nobody);
    EXPECT_EQ(allowed.status, 0) << allowed.out << file("polkit.log");
    EXPECT_THAT(Job(*connection, ObjectPath("/org/rtnode1/job/1")).Caller(), HasSubstr("uid 65534"));

    const auto not_unsigned = busctl(override_call + unsigned_option, nobody);
    EXPECT_NE(not_unsigned.status, 0);
    EXPECT_THAT(not_unsigned.out,
                testing::AllOf(HasSubstr("org.rtnode1.allow-unsigned"), HasSubstr("rules don't allow it")));

    const auto not_measured = busctl({"call", "org.rtnode1", "/org/rtnode1/latency", "org.rtnode1.Latency", "Start",
                                      "a{sv}", "1", "duration", "s", "1s"},
                                     nobody);
    EXPECT_NE(not_measured.status, 0) << "auth_admin is the default, and nobody is there to type a password";
    EXPECT_THAT(not_measured.out, HasSubstr("org.rtnode1.measure"));
    EXPECT_EQ(busctl(override_call + unsigned_option).status, 0) << "root passes without it";
}
