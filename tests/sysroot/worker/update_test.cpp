// The base moves on: what the node had is on the new one, in one deployment, or nothing has changed.

#include "node.hpp"
#include "worker_run.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <fstream>

namespace fs = std::filesystem;
using namespace rtnode;
using namespace rtnode::tests;
using testing::Contains;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

namespace {

constexpr const char* branch = "os/x86_64/stable";
constexpr const char* refspec = "updates:os/x86_64/stable";

std::string first_line(std::string text) {
    return text.substr(0, text.find('\n'));
}

/// A copy of the throwaway node that follows a branch of a remote, and that remote.
class UpdateTest : public testing::Test {
  protected:
    void SetUp() override {
        // Of the same kind, on the same file system: what is pulled is hard links.
        ostree("init --mode=bare");
        output_of({"ostree", "--repo=" + upstream(), "pull-local", repo(), node.checksum(0)});
        publish_commit(node.checksum(0));
        output_of(
            {"ostree", "--repo=" + repo(), "remote", "add", "--no-gpg-verify", "updates", "file://" + upstream()});
        output_of({"ostree", "--repo=" + repo(), "refs", "--create=" + std::string(refspec), node.checksum(0)});
        follow(std::string("refspec=") + refspec);
    }
    std::string repo() const { return (node.sysroot / "ostree/repo").string(); }
    std::string upstream() const { return (node.folder / "upstream").string(); }
    std::string ostree(const std::string& words) const {
        return first_line(output_of({"sh", "-c", "ostree --repo=" + upstream() + " " + words}));
    }
    void publish_commit(const std::string& commit) const {
        ostree("refs --force --create=" + std::string(branch) + " " + commit);
    }
    /// The deployment's origin says that.
    void follow(const std::string& line) const {
        std::ofstream(node.deployments().at(0).string() + ".origin") << "[origin]\n"
                                                                     << line << "\ncustom-description=kept\n";
    }

    /// A new release, bound to its branch as rpm-ostree's are: the base with one more file. @param from a commit of the
    /// remote
    std::string publish(const std::string& version, const std::string& from, const std::string& more = "") const {
        const auto extra = node.folder / "extra";
        fs::create_directories(extra / "usr/lib");
        std::ofstream(extra / "usr/lib/release") << version;
        return ostree(fmt::format("commit --branch={} -s '' --bootable --owner-uid=0 --owner-gid=0 "
                                  "--add-metadata-string=version={} --add-metadata-string=ostree.architecture=x86_64 "
                                  "--add-metadata=rpmostree.initramfs-args=\"['--no-hostonly','--add','ostree']\" {} "
                                  "--tree=ref={} --tree=dir={}",
                                  branch, version, more, from, extra.string()));
    }
    std::string remote_ref() const {
        return first_line(output_of({"ostree", "--repo=" + repo(), "rev-parse", refspec}));
    }
    static Request update() {
        Request request;
        request.kind = JobKind::update;
        return request;
    }
    WorkerRun run(const Request& request) const { return run_worker(node.order(request)); }
    WorkerRun must(const Request& request) const {
        auto done = run(request);
        EXPECT_TRUE(done.result) << done.why();
        if (!done.result) done.result = nlohmann::json::object();
        return done;
    }
    void small_override() const {
        Request request;
        request.replace = {"rtnode-tools"};
        must(request);
    }
    std::string release(std::size_t index) const {
        std::ifstream file(node.deployments().at(index) / "usr/lib/release");
        return {std::istreambuf_iterator<char>(file), {}};
    }

    TestNode node;
};

std::string test_name(const testing::TestParamInfo<std::string>& info) {
    auto name = info.param;
    std::replace(name.begin(), name.end(), '-', '_');
    return name;
}

std::string kernel_rt(const char* which) {
    return facts().at("kernels").at(which).at("evr").get<std::string>();
}

} // namespace

TEST_F(UpdateTest, PutsThePackagesOfTheNodeAndTheKernelOfTheNewBaseOnIt) {
    // A real-time kernel that isn't the base's, named by the request: literal.
    Request swap;
    swap.remove = {"kernel", "kernel-core", "kernel-modules", "kernel-modules-extra"};
    for (const auto* name : {"core", "modules", "modules-extra"})
        swap.install.push_back(package_path(fmt::format("kernel-rt-{}-{}.x86_64", name, kernel_rt("rt_old"))));
    swap.append_kernel_arguments = {"nohz=on"};
    const auto swapped = must(swap);
    EXPECT_THAT(swapped.result->at("warnings").get<std::vector<std::string>>(),
                Contains(HasSubstr("is not of the version of the base's kernel")));
    EXPECT_EQ(swapped.result->at("kernel-version"), kernel_rt("rt_old"));
    EXPECT_EQ(swapped.result->at("base-kernel-version"), kernel_rt("stock"));

    const auto base = publish("2.0", branch);
    auto pinned = update();
    pinned.kernel_version = "pinned";
    pinned.dry_run = true;
    const auto kept = must(pinned);
    EXPECT_EQ(kept.result->at("kernel-version"), kernel_rt("rt_old"));
    EXPECT_EQ(kept.result->at("base"), base);

    const auto updated = must(update());
    EXPECT_EQ(updated.result->at("nothing-to-do"), false);
    EXPECT_EQ(updated.result->at("kernel-version"), kernel_rt("rt_new")) << "that of the base's kernel";
    EXPECT_EQ(release(0), "2.0");
    EXPECT_THAT(node.packages(0), Contains("kernel-rt-core-" + kernel_rt("rt_new") + ".x86_64"));
    EXPECT_THAT(node.packages(0), Not(Contains(StartsWith("kernel-core-"))));
    EXPECT_EQ(node.kernel_arguments(0).back(), "nohz=on");
    EXPECT_THAT(node.origin(0), HasSubstr(std::string("baserefspec=") + refspec));
    EXPECT_THAT(node.origin(0), HasSubstr("custom-description=kept"));
    EXPECT_EQ(node.metadata(node.checksum(0), "version"), "'2.0'");
    EXPECT_EQ(remote_ref(), base);
    node.expect_sound();
    node.expect_no_leftovers();

    EXPECT_EQ(must(update()).result->at("nothing-to-do"), true);
}

TEST_F(UpdateTest, WithNothingNewThereIsNothingToDo) {
    publish("2.0", branch);
    must(update());
    const auto before = node.state();
    const auto run = must(update());
    EXPECT_EQ(run.result->at("nothing-to-do"), true);
    EXPECT_THAT(run.steps, Not(Contains("Importing rpm-md")));
    EXPECT_EQ(node.state(), before);
    small_override();
    EXPECT_EQ(must(update()).result->at("nothing-to-do"), true);
    node.expect_no_leftovers();
}

TEST_F(UpdateTest, OfANodeWithoutChangesIsTheNewBaseItself) {
    const auto base = publish("2.0", branch);
    EXPECT_EQ(must(update()).result->at("checksum"), base);
    EXPECT_EQ(node.checksum(0), base);
    EXPECT_THAT(node.origin(0), HasSubstr(std::string("\nrefspec=") + refspec));
    EXPECT_EQ(remote_ref(), base);
    node.expect_sound();
}

TEST_F(UpdateTest, DropsAnOverrideThatTheNewBaseHasItself) {
    small_override();
    // A release whose RPM database has the newer package: our own layered commit, without what makes it one.
    output_of({"ostree", "--repo=" + upstream(), "pull-local", repo(), node.checksum(0)});
    const auto base = publish("2.0", node.checksum(0));
    const auto updated = must(update());
    EXPECT_THAT(updated.result->at("warnings").get<std::vector<std::string>>(),
                Contains(HasSubstr("override of 'rtnode-tools' is dropped")));
    EXPECT_EQ(node.checksum(0), base) << "nothing is left to change";
    EXPECT_THAT(node.packages(0), Contains(StartsWith("rtnode-tools-1.1")));
    EXPECT_THAT(node.origin(0), Not(HasSubstr("replace-local")));
}

TEST_F(UpdateTest, PutsBackWhatSomebodyElsesDeploymentLost) {
    small_override();
    // On a node in a folder the last deployment stands in for the booted one.
    output_of({"ostree", "admin", "undeploy", "--sysroot=" + node.sysroot.string(), "1"});
    const auto base = publish("2.0", branch);
    output_of({"ostree", "--repo=" + repo(), "pull", "updates", branch});
    output_of({"ostree", "admin", "deploy", "--sysroot=" + node.sysroot.string(), "--os=rhcos", "--retain",
               "--karg-append=foreign=1", refspec});
    ASSERT_EQ(node.checksum(0), base);
    ASSERT_THAT(node.packages(0), Not(Contains(StartsWith("rtnode-tools-1.1"))));

    auto request = update();
    request.pull = false;
    EXPECT_EQ(must(request).result->at("nothing-to-do"), true) << "nobody said that anything was lost";
    request.restore = node.checksum(1);
    must(request);
    EXPECT_EQ(release(0), "2.0");
    EXPECT_THAT(node.packages(0), Contains(StartsWith("rtnode-tools-1.1")));
    EXPECT_THAT(node.kernel_arguments(0), Contains("foreign=1"));
    node.expect_sound();

    request.restore = std::string(64, 'a');
    EXPECT_EQ(run(request).failure->reason, Reason::DeploymentsChanged);
}

TEST_F(UpdateTest, WhatCantBePulledLeavesTheNodeAsItWas) {
    const auto refusal = [&](const std::string& line) {
        follow(line);
        const auto before = node.state();
        const auto refused = run(update());
        EXPECT_EQ(node.state(), before);
        node.expect_no_leftovers();
        return refused.failure ? *refused.failure : worker::Failure{Reason::Internal, refused.why()};
    };
    EXPECT_EQ(refusal("refspec=" + node.checksum(0)).reason, Reason::UnusableOrigin);
    EXPECT_EQ(refusal("container-image-reference=ostree-unverified-registry:quay.io/x@sha256:01").reason,
              Reason::UnusableOrigin);
    EXPECT_EQ(refusal("refspec=nobody:stable").reason, Reason::DownloadFailed);
    publish("0.9", branch, "--timestamp='2001-01-01 00:00 +0000'");
    EXPECT_EQ(refusal(std::string("refspec=") + refspec).reason, Reason::OlderBase);
}

TEST_F(UpdateTest, ANewBaseWhoseKernelHasNoRealTimeCounterpartIsRefusedBeforeAnyWork) {
    Request swap;
    swap.kernel = "rt";
    must(swap);
    const auto before = node.state();
    publish("2.0", branch);
    auto request = update();
    request.kernel_version = "5.0";
    const auto refused = run(request);
    ASSERT_TRUE(refused.failure) << refused.why();
    EXPECT_EQ(refused.failure->reason, Reason::NoSuchPackage);
    EXPECT_EQ(node.state(), before);
    EXPECT_EQ(remote_ref(), node.checksum(1)) << "the ref stays, so that rpm-ostree doesn't take the new base either";
    node.expect_no_leftovers();
}

class KilledUpdate : public UpdateTest, public testing::WithParamInterface<std::string> {};

TEST_P(KilledUpdate, TheNodeIsOldOrNewAndTheNextOneWorks) {
    small_override();
    const auto old = remote_ref();
    const auto before = node.state();
    const auto base = publish("2.0", branch);
    const auto killed = run_worker(node.order(update()), {.failpoint = GetParam()});
    ASSERT_EQ(killed.status, 128 + SIGKILL) << killed.why();
    const bool deployed = GetParam() == "after-deploy";
    ASSERT_EQ(run_worker(node.order(update()), {.clean = true}).status, 0);
    node.expect_sound();
    node.expect_no_leftovers();
    EXPECT_EQ(remote_ref(), deployed ? base : old);
    if (!deployed) {
        EXPECT_EQ(node.state(), before);
    }

    EXPECT_EQ(must(update()).result->at("nothing-to-do"), deployed);
    EXPECT_EQ(release(0), "2.0");
    EXPECT_EQ(remote_ref(), base);
    EXPECT_THAT(node.packages(0), Contains(StartsWith("rtnode-tools-1.1")));
}

INSTANTIATE_TEST_SUITE_P(AtFailpoint, KilledUpdate, testing::Values("after-pull", "before-deploy", "after-deploy"),
                         test_name);
