// Export: the node's state as YAML, over the bus. What is in it is tested in tests/unit/export; nothing is booted here.

#include "ostree_node.hpp"

namespace rtnode::test {
namespace {

using testing::AllOf;
using testing::AnyOf;
using testing::HasSubstr;
using testing::Not;

struct ExportTest : OstreeNode {
    /// A node whose worker found that in its tree.
    void start_node(const std::string& checks = "[]") {
        deployed = commit("5.14.0-1.rt1", true, "2024-01-01");
        deploy(deployed, {"root=UUID=1", "console=tty0", "nohz=on", "token=hunter2"});
        std::filesystem::create_directories(temp.path / "state");
        std::ofstream(temp.path / "state/verify.json") << R"({"checks":)" << checks << "}";
        start_daemon();
    }

    void configure(const std::string& file, const std::string& text) const {
        std::filesystem::create_directories((temp.path / "config" / file).parent_path());
        std::ofstream(temp.path / "config" / file) << text;
    }

    sdbus::Error refusal(const std::string& format, const Dictionary& options = {}) {
        return error_of([&] { manager->Export(format, options); });
    }

    std::string deployed;
};

} // namespace

TEST_F(ExportTest, RefusesAFormatThatThereIsNot) {
    start_daemon();
    const auto refused = refusal("yaml");
    EXPECT_EQ(refused.getName(), "org.rtnode1.Error.InvalidArgument");
    EXPECT_THAT(refused.getMessage(), HasSubstr("it can be machineconfig, kubeletconfig, tuned, all"));
}

TEST_F(ExportTest, RefusesOptionsThatItDoesNotKnowAndNamesThose) {
    start_daemon();
    const auto refused = refusal("all", {{"pool", Variant("worker-rt")}});
    EXPECT_EQ(refused.getName(), "org.rtnode1.Error.UnknownOption");
    EXPECT_THAT(refused.getMessage(),
                HasSubstr("allow-unverified (b), files (b), ignition (s), name (s), pool-label (s), role (s), "
                          "topology-manager-policy (s), tuned-priority (u)"));
    EXPECT_EQ(refusal("all", {{"role", Variant(true)}}).getName(), "org.freedesktop.DBus.Error.InvalidArgs");
    EXPECT_EQ(refusal("all", {{"ignition", Variant("4")}}).getName(), "org.rtnode1.Error.InvalidArgument");
}

TEST_F(ExportTest, IsTheNodesStateForWhoeverAsks) {
    configure("a.toml", "[profile]\nname = \"radio\"\n[repository.b]\nbase-urls = [\"https://c/d\"]\n"
                        "username = \"me\"\npassword = \"hunter2\"\n");
    configure("profiles.d/radio.toml", "[packages]\ninstall = [\"https://me:hunter2@c/d.rpm?key=hunter2\"]\n"
                                       "[run-time.sysctls]\n\"vm.swappiness\" = 10\n");
    start_node();
    const auto text = manager->Export("all", {{"role", Variant("radio")}});
    EXPECT_THAT(text, AllOf(HasSubstr("Deployment: " + deployed), HasSubstr("Profile: radio; the node is "),
                            HasSubstr("# Kernel: 5.14.0-1.rt1, real-time")));
    EXPECT_THAT(text, AllOf(HasSubstr("- \"nohz=on\""), HasSubstr("vm.swappiness=10")));
    EXPECT_THAT(text,
                AllOf(HasSubstr("path: \"/etc/rtnode/profiles.d/radio.toml\""), HasSubstr("https%3A%2F%2Fc%2Fd.rpm"),
                      HasSubstr("path: \"/etc/rtnode/rtnoded.conf.d/50-exported.toml\"")));
    EXPECT_THAT(text, Not(AnyOf(HasSubstr("hunter2"), HasSubstr("UUID"), HasSubstr("tty0"))));

    const auto of_nobody =
        busctl({"call", "org.rtnode1", "/org/rtnode1", "org.rtnode1.Manager", "Export", "sa{sv}", "machineconfig", "0"},
               {"setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"});
    EXPECT_EQ(of_nobody.status, 0) << of_nobody.out;
    EXPECT_THAT(of_nobody.out, HasSubstr("kernelArguments"));
}

TEST_F(ExportTest, OfANodeWithFailedChecksIsRefusedUnlessThatIsAllowed) {
    start_node(R"([{"check":"microcode","state":"failed","expected":"a","actual":"b","remedy":"make it anew"}])");
    const auto refused = refusal("all");
    EXPECT_EQ(refused.getName(), "org.rtnode1.Error.NotVerified");
    EXPECT_THAT(refused.getMessage(), HasSubstr("microcode: expected 'a', found 'b'; make it anew"));
    EXPECT_THAT(manager->Export("all", {{"allow-unverified", Variant(true)}}),
                HasSubstr("# Not verified, failed: microcode: expected 'a', found 'b'; make it anew\n"));
}

TEST_F(ExportTest, SaysWhatItsWorkerCouldNotLookAt) {
    start_node();
    std::filesystem::remove(temp.path / "state/verify.json"); // it dies then
    EXPECT_THAT(manager->Export("machineconfig", {}), HasSubstr("# Not verified, unknown: tree: "));
}

TEST_F(ExportTest, OfAProfileThatDoesNotFitTheNodeIsRefused) {
    configure("a.toml", "[profile]\nname = \"radio\"\n");
    configure("profiles.d/radio.toml", "[cpus]\nreserved = \"0\"\nisolated = \"8000\"\n");
    start_node();
    EXPECT_EQ(refusal("all").getName(), "org.rtnode1.Error.Configuration");
}

TEST_F(ExportTest, SaysWhenThereIsNothing) {
    start_daemon();
    EXPECT_EQ(refusal("all").getName(), "org.rtnode1.Error.NothingToExport") << "a folder without a deployment";
}

} // namespace rtnode::test
