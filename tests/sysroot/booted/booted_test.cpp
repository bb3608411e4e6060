// Jobs on a booted node: the new deployment is staged, and becomes real when the node shuts down.

#include "disk.hpp"
#include "machine.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace fs = std::filesystem;
using namespace rtnode;
using namespace rtnode::tests;
using testing::Contains;
using testing::ElementsAreArray;
using testing::HasSubstr;
using testing::Not;
using testing::SizeIs;
using testing::StartsWith;

namespace {

using Strings = std::vector<std::string>;

const Strings rt_arguments{"skew_tick=1", "isolcpus=2-3", "nohz=on", "console=ttyS1", "processor.max_cstate=1"};

Strings base_arguments() {
    return facts().at("kernel_arguments").get<Strings>();
}

Strings operator+(Strings left, const Strings& right) {
    left.insert(left.end(), right.begin(), right.end());
    return left;
}

std::string kver(const char* kernel) {
    return facts().at("kernels").at(kernel).at("kver");
}

Request arguments_request(const Strings& append, const Strings& remove = {}) {
    Request request;
    request.kind = JobKind::kernel_arguments;
    request.append_kernel_arguments = append;
    request.remove_kernel_arguments = remove;
    return request;
}

/// A change of the tree without a new initramfs.
Request tools_request() {
    Request request;
    request.replace = {"rtnode-tools"};
    request.append_kernel_arguments = {"first=1"};
    return request;
}

Request of_kind(JobKind kind) {
    Request request;
    request.kind = kind;
    return request;
}

/// The arguments as libostree keeps them in its record: a GVariant array of strings, each ended by a zero.
std::string in_record(const Strings& arguments) {
    std::string bytes;
    for (const auto& argument : arguments)
        bytes += argument + '\0';
    return bytes;
}

constexpr auto staged_record = "/run/ostree/staged-deployment";

class Booted : public testing::Test {
  protected:
    void SetUp() override { boot(); }

    void TearDown() override {
        EXPECT_EQ(machine->mounts(), machine_mounts) << "the job's mounts are its own";
        machine.reset();
        node.expect_sound();
        node.expect_no_leftovers();
    }

    void boot() {
        machine.reset();
        machine = std::make_unique<Machine>(node);
        machine_mounts = machine->mounts();
    }

    std::string status() { return machine->output({"ostree", "admin", "status"}); }

    /// Lines of `ostree admin status` that name a deployment.
    Strings deployments() {
        Strings found;
        std::istringstream lines(status());
        for (std::string line; std::getline(lines, line);)
            if (line.find(" rhcos ") != std::string::npos) found.push_back(line);
        return found;
    }

    WorkerRun must(Request request) {
        auto run = machine->run(std::move(request));
        EXPECT_TRUE(run.result) << run.why();
        EXPECT_TRUE(run.result) << run.why();
        if (!run.result) run.result = nlohmann::json::object();
        return run;
    }

    // A disk of its own: libostree freezes the file system of /boot for a moment.
    Disk disk;
    TestNode node{disk.folder};
    std::unique_ptr<Machine> machine;
    std::string machine_mounts;
};

} // namespace

TEST_F(Booted, TheNodeIsBootedAndReadOnlyAsShipped) {
    EXPECT_THAT(deployments(), ElementsAreArray({"* rhcos " + node.checksum(0) + ".0"}));
    for (const auto* place : {"/usr/x", "/sysroot/x", "/boot/x"})
        EXPECT_NE(machine->status({"touch", place}), 0) << place;
}

TEST_F(Booted, AKernelSwapIsStagedAndBecomesRealAtShutdown) {
    const auto before = node.state();
    const auto old_commit = node.checksum(0);

    Request request;
    request.kernel = "rt";
    request.append_kernel_arguments = rt_arguments;
    const auto run = must(request);

    // Staged: recorded for the shutdown, while all that boots the node is as before.
    EXPECT_EQ(run.result->at("staged"), true);
    EXPECT_EQ(run.result->at("reboot-required"), true);
    EXPECT_THAT(run.steps, Contains("Staging deployment"));
    EXPECT_THAT(machine->file(staged_record), HasSubstr(in_record(base_arguments() + rt_arguments)));
    const auto new_commit = run.result->at("checksum").get<std::string>();
    EXPECT_THAT(deployments(),
                ElementsAreArray({"  rhcos " + new_commit + ".0 (staged)", "* rhcos " + old_commit + ".0"}));
    EXPECT_THAT(before, StartsWith(old_commit));
    ASSERT_THAT(node.deployments(), SizeIs(1)) << "no loader entry yet";
    EXPECT_EQ(node.kernel_arguments(0), base_arguments());
    EXPECT_THAT(node.refs(), HasSubstr("rpmostree/base/0\t" + old_commit));
    EXPECT_EQ(machine->mounts(), machine_mounts);
    EXPECT_NE(machine->status({"touch", "/sysroot/x"}), 0) << "writable for the job only";

    // What an admin does between job and reboot is carried over: /etc is merged at shutdown.
    std::ofstream(machine->root() / "etc/edited-after-staging") << "kept\n";
    ASSERT_EQ(machine->finalize(), 0);
    EXPECT_EQ(machine->file(staged_record), "");
    ASSERT_THAT(node.deployments(), SizeIs(2));
    EXPECT_EQ(node.checksum(0), new_commit);
    EXPECT_EQ(node.kernel_arguments(0), base_arguments() + rt_arguments);
    EXPECT_EQ(node.kernel_arguments(1), base_arguments());
    EXPECT_THAT(node.boot_entry(0), HasSubstr("vmlinuz-" + kver("rt_new")));
    EXPECT_THAT(node.boot_entry(0), HasSubstr("initramfs-" + kver("rt_new") + ".img"));
    EXPECT_THAT(node.boot_entry(1), HasSubstr("vmlinuz-" + kver("stock")));
    EXPECT_THAT(node.origin(0), HasSubstr("remove=kernel;kernel-core;kernel-modules;kernel-modules-extra;"));
    EXPECT_THAT(node.origin(0), HasSubstr("custom-description=Managed by machine-config-operator"));

    boot();
    EXPECT_THAT(deployments(),
                ElementsAreArray({"* rhcos " + new_commit + ".0", "  rhcos " + old_commit + ".0 (rollback)"}));
    EXPECT_THAT(machine->file("/proc/cmdline"), HasSubstr("isolcpus=2-3"));
    EXPECT_EQ(machine->file("/etc/edited-after-staging"), "kept\n");
    EXPECT_EQ(machine->status({"test", "-e", "/usr/lib/modules/" + kver("rt_new") + "/vmlinuz"}), 0);
    EXPECT_EQ(must(request).result->at("nothing-to-do"), true) << "what runs is what is wished";

    // And the way back, which a booted node writes at once.
    must(of_kind(JobKind::rollback));
    EXPECT_EQ(node.checksum(0), old_commit);
    EXPECT_EQ(node.checksum(1), new_commit);
    boot();
    EXPECT_THAT(deployments(), Contains("* rhcos " + old_commit + ".0"));
    EXPECT_EQ(machine->status({"test", "-e", "/usr/lib/modules/" + kver("stock") + "/vmlinuz"}), 0);
}

TEST_F(Booted, ASecondJobStartsFromTheStagedDeploymentAndReplacesIt) {
    const auto first = must(tools_request());
    const auto first_record = machine->file(staged_record);
    const auto second = must(arguments_request({"second=2"}, {"rw"}));

    auto expected = base_arguments() + Strings{"first=1", "second=2"};
    std::erase(expected, "rw");
    EXPECT_EQ(second.result->at("kernel-arguments-before").get<Strings>(), base_arguments() + Strings{"first=1"});
    EXPECT_EQ(second.result->at("kernel-arguments").get<Strings>(), expected);
    EXPECT_EQ(second.result->at("checksum"), first.result->at("checksum")) << "arguments alone rebuild nothing";
    EXPECT_THAT(second.steps, Not(Contains("Writing OSTree commit")));
    EXPECT_NE(machine->file(staged_record), first_record);
    EXPECT_THAT(machine->file(staged_record), HasSubstr(in_record(expected)));
    EXPECT_THAT(deployments(), SizeIs(2)) << status();
    EXPECT_THAT(deployments().front(), HasSubstr("(staged)"));

    ASSERT_EQ(machine->finalize(), 0);
    EXPECT_EQ(node.kernel_arguments(0), expected);
    EXPECT_THAT(node.origin(0), HasSubstr(":rtnode-tools-1.1-1.el9.noarch;"));
    EXPECT_THAT(node.packages(0), Contains("rtnode-tools-1.1-1.el9.noarch"));
}

TEST_F(Booted, AskedAgainTheStagedDeploymentStays) {
    must(tools_request());
    const auto record = machine->file(staged_record);
    EXPECT_EQ(must(tools_request()).result->at("nothing-to-do"), true);
    EXPECT_EQ(machine->file(staged_record), record);
}

TEST_F(Booted, ResettingAStagedOverrideStagesTheBaseAgain) {
    must(tools_request());
    const auto reset = must(of_kind(JobKind::reset_overrides));
    EXPECT_EQ(reset.result->at("checksum"), node.checksum(0));
    EXPECT_THAT(deployments(), SizeIs(2)) << "the base commit with the arguments that were added";
    ASSERT_EQ(machine->finalize(), 0);
    EXPECT_EQ(node.kernel_arguments(0), base_arguments() + Strings{"first=1"});
    EXPECT_EQ(node.checksum(0), node.checksum(1));
    EXPECT_THAT(node.refs(), Not(HasSubstr("rpmostree/")));
}

TEST_F(Booted, DropPendingDropsTheStagedDeployment) {
    const auto before = node.state();
    must(tools_request());
    const auto dropped = must(of_kind(JobKind::drop_pending));
    EXPECT_EQ(dropped.result->at("reboot-required"), false);
    EXPECT_EQ(machine->file(staged_record), "");
    EXPECT_THAT(deployments(), ElementsAreArray({"* rhcos " + node.checksum(0) + ".0"}));
    EXPECT_EQ(node.state(), before);
    EXPECT_EQ(machine->finalize(), 0) << "nothing to finalise is fine";
    EXPECT_EQ(node.state(), before);
}

TEST_F(Booted, RollbackOfAStagedDeploymentKeepsWhatRuns) {
    const auto before = node.state();
    must(tools_request());
    EXPECT_EQ(must(of_kind(JobKind::rollback)).result->at("checksum"), node.checksum(0));
    EXPECT_EQ(machine->file(staged_record), "");
    EXPECT_EQ(node.state(), before);
}

TEST_F(Booted, ADryRunStagesNothing) {
    const auto before = node.state();
    auto request = tools_request();
    request.dry_run = true;
    EXPECT_EQ(must(request).result->at("dry-run"), true);
    EXPECT_EQ(machine->file(staged_record), "");
    EXPECT_EQ(node.state(), before);
}

TEST_F(Booted, AWorkerKilledRightBeforeStagingLeavesTheNodeAsItWas) {
    const auto before = node.state();
    const auto killed = machine->run(tools_request(), {.failpoint = "before-deploy"});
    ASSERT_EQ(killed.status, 128 + SIGKILL) << killed.why();
    EXPECT_EQ(machine->file(staged_record), "");
    EXPECT_EQ(machine->run({}, {.clean = true}).status, 0);
    EXPECT_EQ(node.state(), before);
}

TEST_F(Booted, AWorkerKilledRightAfterStagingLeavesAStagedDeploymentThatIsWhole) {
    const auto killed = machine->run(tools_request(), {.failpoint = "after-deploy"});
    ASSERT_EQ(killed.status, 128 + SIGKILL) << killed.why();
    EXPECT_EQ(machine->run({}, {.clean = true}).status, 0);
    EXPECT_EQ(must(tools_request()).result->at("nothing-to-do"), true);
    ASSERT_EQ(machine->finalize(), 0);
    EXPECT_EQ(node.kernel_arguments(0), base_arguments() + Strings{"first=1"});
    EXPECT_THAT(node.packages(0), Contains("rtnode-tools-1.1-1.el9.noarch"));
}

TEST_F(Booted, PowerLossBeforeShutdownLosesTheStagedDeploymentOnly) {
    const auto entry = node.boot_entry(0);
    must(tools_request());
    boot(); // /run is new: the record is gone, its checkout isn't
    EXPECT_THAT(deployments(), SizeIs(1));
    EXPECT_EQ(node.boot_entry(0), entry);
    must(tools_request());
    EXPECT_THAT(deployments(), SizeIs(2));
}

TEST_F(Booted, AnUnlockedDeploymentIsRefusedForPackagesButNotForArguments) {
    ASSERT_EQ(machine->status({"ostree", "admin", "unlock"}), 0);
    machine_mounts = machine->mounts();
    const auto refused = machine->run(tools_request());
    ASSERT_TRUE(refused.failure) << refused.why();
    EXPECT_EQ(dbus_name(refused.failure->reason), dbus_name(Reason::UnsupportedRoot));
    EXPECT_THAT(refused.failure->message, HasSubstr("unlock"));
    EXPECT_EQ(machine->file(staged_record), "");
    EXPECT_EQ(must(arguments_request({"first=1"})).result->at("staged"), true);
}

TEST_F(Booted, AHostThatOstreeDidNotBootIsRefused) {
    fs::remove(machine->root() / "run/ostree-booted");
    const auto refused = machine->run(tools_request());
    ASSERT_TRUE(refused.failure) << refused.why();
    EXPECT_EQ(dbus_name(refused.failure->reason), dbus_name(Reason::NotOstree));
    EXPECT_THAT(refused.failure->message, HasSubstr("/run/ostree-booted"));
}
