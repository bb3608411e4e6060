// Bad input: a failed job whose message names the thing, and a node that is byte for byte as before.

#include "node.hpp"
#include "worker_run.hpp"

#include <fmt/ranges.h>
#include <gmock/gmock.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

namespace fs = std::filesystem;
using namespace rtnode;
using namespace rtnode::tests;
using testing::HasSubstr;

namespace {

std::string bad(const char* name) {
    return (made_node() / "bad" / name).string();
}

std::string bad_url(const char* name) {
    return server_url() + "bad/" + name;
}

/// One row: what is asked of which node, and what must come of it.
struct Case {
    std::string name;
    Reason reason;
    std::string names; ///< what the message must contain
    std::function<void(TestNode&, WorkOrder&)> set_up;
};

std::function<void(TestNode&, WorkOrder&)> install(const char* file) {
    return [file](TestNode&, WorkOrder& order) { order.request.install = {bad(file)}; };
}

std::function<void(TestNode&, WorkOrder&)> install_from(const char* repository) {
    return [repository](TestNode&, WorkOrder& order) {
        order.request.replace = {"rtnode-tools"};
        order.repositories = {
            {.id = repository, .name = repository, .base_urls = {bad_url(repository)}, .defined_at = "x.repo:1"}};
    };
}

std::function<void(TestNode&, WorkOrder&)> with_rt(const char* file) {
    return [file](TestNode&, WorkOrder& order) {
        order.request.kernel = "rt";
        order.request.install = {bad(file)};
        order.dracut_limit_s = 8;
    };
}

const std::vector<Case>& cases() {
    static const std::vector<Case> rows{
        {"NotAnRpm", Reason::NotAPackage, "not-an-rpm.rpm", install("not-an-rpm.rpm")},
        {"EmptyFile", Reason::NotAPackage, "empty.rpm", install("empty.rpm")},
        {"TruncatedPayload", Reason::DamagedPackage, "truncated.rpm", install("truncated.rpm")},
        {"TruncatedHeader", Reason::DamagedPackage, "truncated-header.rpm", install("truncated-header.rpm")},
        {"PayloadChanged", Reason::DamagedPackage, "payload-changed.rpm", install("payload-changed.rpm")},
        {"Unsigned", Reason::UnsignedPackage, "allow-unsigned", install("unsigned.rpm")},
        {"SignedByAnUnknownKey", Reason::UnsignedPackage, "key", install("signed-by-unknown-key.rpm")},
        {"WrongArchitecture", Reason::WrongArchitecture, "aarch64", install("wrong-arch.rpm")},
        {"NobodyProvidesADependency", Reason::DependencyProblem, "nothing provides",
         install("needs-nothing-provides.rpm")},
        {"WouldRemoveAnotherPackage", Reason::UnaskedChange, "rtnode-tools", install("obsoletes-base.rpm")},
        {"TwoKernels", Reason::SeveralKernels, "kernel", install("second-kernel.rpm")},
        {"FileConflict", Reason::TransactionFailed, "/usr/bin/rtnode-sample", install("file-conflict.rpm")},
        {"FailsInPretrans", Reason::ScriptletFailed, "fails-in-pretrans", install("fails-in-pretrans.rpm")},
        {"FailsInPre", Reason::ScriptletFailed, "fails-in-pre", install("fails-in-pre.rpm")},
        {"HangsInPost", Reason::StepTimedOut, "hangs-in-post",
         [](TestNode&, WorkOrder& order) {
             order.request.install = {bad("hangs-in-post.rpm")};
             order.scriptlet_limit_s = 2;
         }},
        {"IgnoresSigtermInPost", Reason::StepTimedOut, "ignores-sigterm-in-post",
         [](TestNode&, WorkOrder& order) {
             order.request.install = {bad("ignores-sigterm-in-post.rpm")};
             order.scriptlet_limit_s = 2;
         }},
        {"DracutFails", Reason::InitramfsFailed, "dracut", with_rt("dracut-fails.rpm")},
        {"DracutHangs", Reason::StepTimedOut, "dracut", with_rt("dracut-hangs.rpm")},
        {"WrongDigest", Reason::DigestMismatch, "unsigned.rpm",
         [](TestNode&, WorkOrder& order) {
             order.request.install = {bad_url("unsigned.rpm") + "#sha256=" + std::string(64, '0')};
         }},
        {"NotFound", Reason::DownloadFailed, "404",
         [](TestNode&, WorkOrder& order) { order.request.install = {bad_url("nothere.rpm")}; }},
        {"NobodyListens", Reason::DownloadFailed, "127.0.0.1:1",
         [](TestNode&, WorkOrder& order) { order.request.install = {"http://127.0.0.1:1/x.rpm"}; }},
        {"RepomdMissing", Reason::DownloadFailed, "404", install_from("repo-repomd-missing")},
        {"RepomdNotXml", Reason::RepositoryMetadata, "repo-repomd-not-xml", install_from("repo-repomd-not-xml")},
        {"RepomdChecksumMismatch", Reason::RepositoryMetadata, "repo-checksum-mismatch",
         install_from("repo-checksum-mismatch")},
        {"BrokenGzip", Reason::RepositoryMetadata, "repo-broken-gz", install_from("repo-broken-gz")},
        {"BrokenXml", Reason::RepositoryMetadata, "repo-broken-xml", install_from("repo-broken-xml")},
        {"PackageMissingInRepository", Reason::DownloadFailed, "404", install_from("repo-package-missing")},
        {"PackageChangedInRepository", Reason::DigestMismatch, "rtnode-tools", install_from("repo-package-changed")},
        {"Fifo", Reason::UnsafePath, "fifo.rpm",
         [](TestNode& node, WorkOrder& order) {
             ASSERT_EQ(mkfifo((node.folder / "fifo.rpm").c_str(), 0600), 0);
             order.request.install = {(node.folder / "fifo.rpm").string()};
         }},
        {"Folder", Reason::UnsafePath, "folder",
         [](TestNode& node, WorkOrder& order) { order.request.install = {node.folder.string()}; }},
        {"Symlink", Reason::UnsafePath, "link.rpm",
         [](TestNode& node, WorkOrder& order) {
             fs::create_symlink(bad("unsigned.rpm"), node.folder / "link.rpm");
             order.request.install = {(node.folder / "link.rpm").string()};
         }},
        {"NoSuchFile", Reason::UnsafePath, "/nothere.rpm",
         [](TestNode&, WorkOrder& order) { order.request.install = {"/nothere.rpm"}; }},
        {"NoSuchName", Reason::NoSuchPackage, "kernel-rt-cores",
         [](TestNode&, WorkOrder& order) { order.request.install = {"kernel-rt-cores"}; }},
        {"RemovesWhatIsNotThere", Reason::PackageNotInBase, "nothere",
         [](TestNode&, WorkOrder& order) { order.request.remove = {"nothere"}; }},
        {"RemovesWhatOthersNeed", Reason::DependencyProblem, "rtnode-sample",
         [](TestNode&, WorkOrder& order) { order.request.remove = {"rtnode-sample-libs"}; }},
        {"IncompleteKernelSwap", Reason::IncompleteKernelSwap, "kernel-modules-extra",
         [](TestNode&, WorkOrder& order) {
             const auto evr = facts().at("kernels").at("rt_new").at("evr").get<std::string>();
             order.request.remove = {"kernel", "kernel-core", "kernel-modules"};
             for (const auto* name : {"core", "modules", "modules-extra"})
                 order.request.install.push_back(
                     package_path("kernel-rt-" + std::string(name) + "-" + evr + ".x86_64"));
         }},
        {"TheMetaPackageIsNeverPulled", Reason::DependencyProblem, "rt-setup",
         [](TestNode&, WorkOrder& order) { order.request.install = {"kernel-rt"}; }},
        {"ResetOfWhatWasNeverOverridden", Reason::NoSuchPackage, "bash",
         [](TestNode&, WorkOrder& order) {
             order.request.kind = JobKind::reset_overrides;
             order.request.reset = {"bash"};
         }},
        {"RootArgument", Reason::ProtectedKernelArgument, "root",
         [](TestNode&, WorkOrder& order) {
             order.request.kind = JobKind::kernel_arguments;
             order.request.append_kernel_arguments = {"root=/dev/sda"};
         }},
        {"StalePlan", Reason::StalePlan, "dry run",
         [](TestNode&, WorkOrder& order) {
             order.request.replace = {"rtnode-tools"};
             order.request.expected_plan = std::string(64, 'a');
         }},
        {"NothingToRollBackTo", Reason::NoRollbackDeployment, "rhcos",
         [](TestNode&, WorkOrder& order) { order.request.kind = JobKind::rollback; }},
        {"NothingPending", Reason::NoPendingDeployment, "rhcos",
         [](TestNode&, WorkOrder& order) { order.request.kind = JobKind::drop_pending; }},
        {"NoSysroot", Reason::NotOstree, "nosysroot",
         [](TestNode& node, WorkOrder& order) {
             fs::create_directory(node.folder / "nosysroot");
             order.sysroot = node.folder / "nosysroot";
         }},
        {"NoSuchStateroot", Reason::NotOstree, "fedora-coreos",
         [](TestNode&, WorkOrder& order) {
             order.request.remove = {"rtnode-tools"};
             order.request.os = "fedora-coreos";
         }},
        {"CorruptKernelInTheBase", Reason::CorruptObject, "fsck",
         [](TestNode& node, WorkOrder& order) {
             order.request.kernel = "rt";
             const auto kver = facts().at("kernels").at("stock").at("kver").get<std::string>();
             // Through the deployment's hard link: the object in the repository is damaged.
             std::fstream(node.deployments().at(0) / "usr/lib/modules" / kver / "vmlinuz", std::ios::in | std::ios::out)
                 << "damaged";
         }},
        {"FullCache", Reason::NoSpace, "cache",
         [](TestNode& node, WorkOrder& order) {
             order.request.kernel = "rt";
             fs::create_directories(order.cache_dir);
             ASSERT_EQ(mount("tmpfs", order.cache_dir.c_str(), "tmpfs", 0, "size=1m"), 0);
             static_cast<void>(node);
         }},
        {"FullBoot", Reason::NoSpace, "boot",
         [](TestNode& node, WorkOrder& order) {
             order.request.kernel = "rt";
             const auto boot = node.sysroot / "boot", copy = node.folder / "boot-copy";
             const auto options = fs::copy_options::recursive | fs::copy_options::copy_symlinks;
             fs::copy(boot, copy, options);
             std::uintmax_t used = 0;
             for (const auto& entry : fs::recursive_directory_iterator(copy))
                 if (entry.is_regular_file()) used += entry.file_size();
             const auto size = "size=" + std::to_string(used + (5 << 20));
             ASSERT_EQ(mount("tmpfs", boot.c_str(), "tmpfs", 0, size.c_str()), 0);
             fs::copy(copy, boot, options);
         }},
    };
    return rows;
}

/// Name, size and time of each file of the repository: what a job adds, takes away or writes again shows.
std::string objects_of(const TestNode& node) {
    std::vector<std::string> rows;
    for (const auto& entry : fs::recursive_directory_iterator(node.sysroot / "ostree/repo/objects"))
        if (entry.is_regular_file())
            rows.push_back(fmt::format("{} {} {}", entry.path().string(), entry.file_size(),
                                       entry.last_write_time().time_since_epoch().count()));
    std::sort(rows.begin(), rows.end());
    return fmt::format("{}", fmt::join(rows, "\n"));
}

/// One node takes all the refusals that leave it as it was, one after the other; at the end its objects are read whole.
class Refusal : public testing::TestWithParam<Case> {
  protected:
    static void SetUpTestSuite() { shared_ = std::make_unique<TestNode>(); }
    static void TearDownTestSuite() {
        shared_->expect_sound();
        shared_.reset();
    }

    /// One of its own for a test that damages it.
    TestNode& node() {
        if (GetParam().reason != Reason::CorruptObject) return *shared_;
        own_ = std::make_unique<TestNode>();
        return *own_;
    }

  private:
    static inline std::unique_ptr<TestNode> shared_;
    std::unique_ptr<TestNode> own_;
};

} // namespace

TEST_P(Refusal, NamesTheThingAndChangesNothing) {
    auto& node = this->node();
    auto order = node.order({});
    order.cache_dir = node.folder / ("cache of " + GetParam().name); // nothing that an earlier one fetched
    ASSERT_NO_FATAL_FAILURE(GetParam().set_up(node, order));
    const auto before = node.state(), objects = objects_of(node);

    const auto run = run_worker(order);
    const auto after = node.state();
    umount2(order.cache_dir.c_str(), MNT_DETACH);
    umount2((node.sysroot / "boot").c_str(), MNT_DETACH);

    ASSERT_TRUE(run.failure) << run.why();
    EXPECT_EQ(dbus_name(run.failure->reason), dbus_name(GetParam().reason)) << run.why();
    EXPECT_THAT(run.failure->message, HasSubstr(GetParam().names));
    EXPECT_EQ(run.status, 1);
    const bool moves = order.request.kind == JobKind::rollback || order.request.kind == JobKind::drop_pending;
    EXPECT_EQ(run.deploying, moves) << "those two have no step before the last one";
    EXPECT_EQ(after, before);
    EXPECT_TRUE(objects_of(node) == objects) << "the repository's objects have changed";
    node.expect_no_leftovers();
}

INSTANTIATE_TEST_SUITE_P(BadInput, Refusal, testing::ValuesIn(cases()), [](const auto& row) { return row.param.name; });

TEST(Unsigned, IsAcceptedWhenAskedForAndMarked) {
    TestNode node;
    Request request;
    request.replace = {bad("unsigned.rpm")};
    request.allow_unsigned = true;
    const auto run = run_worker(node.order(request));
    ASSERT_TRUE(run.result) << run.why();
    EXPECT_EQ(run.result->at("packages").at(0).at("unsigned"), true);
    EXPECT_FALSE(run.result->at("warnings").empty());
    node.expect_sound();
}

TEST(BadSignature, IsRefusedEvenWhenUnsignedIsAllowed) {
    TestNode node;
    Request request;
    request.install = {bad("signature-broken.rpm")};
    request.allow_unsigned = true;
    const auto before = node.state();
    const auto run = run_worker(node.order(request));
    ASSERT_TRUE(run.failure) << run.why();
    EXPECT_TRUE(run.failure->reason == Reason::BadSignature || run.failure->reason == Reason::DamagedPackage)
        << run.why();
    EXPECT_EQ(node.state(), before);
}

TEST(Digest, VouchesForAnUnsignedPackage) {
    TestNode node;
    Request request;
    const auto sum = output_of({"sha256sum", bad("unsigned.rpm")}).substr(0, 64);
    request.replace = {bad_url("unsigned.rpm") + "#sha256=" + sum};
    const auto run = run_worker(node.order(request));
    ASSERT_TRUE(run.result) << run.why();
    EXPECT_FALSE(run.result->at("packages").at(0).contains("unsigned"));
}

TEST(Descriptor, CarriesAPackageThatNobodyCanSwap) {
    TestNode node;
    Request request;
    request.replace = {"fd:0"};
    std::string nevra;
    for (const auto& package : facts().at("repo2"))
        if (package.at("name") == "rtnode-tools") nevra = package.at("nevra");
    const int descriptor = open(package_path(nevra).c_str(), O_RDONLY | O_CLOEXEC);
    const auto run = run_worker(node.order(request), {.descriptors = {descriptor}});
    close(descriptor);
    ASSERT_TRUE(run.result) << run.why();
    EXPECT_THAT(node.packages(0), testing::Contains(nevra));
}

TEST(Scriptlets, CannotReachTheHostOrTheBase) {
    TestNode node;
    Request request;
    request.install = {bad("touches-host.rpm"), bad("writes-in-place.rpm")};
    const auto core_pattern = output_of({"cat", "/proc/sys/kernel/core_pattern"});
    const auto base = output_of(
        {"ostree", "--repo=" + (node.sysroot / "ostree/repo").string(), "ls", "-RC", node.checksum(0), "/usr/share"});
    const auto run = run_worker(node.order(request));
    ASSERT_TRUE(run.result) << run.why();
    EXPECT_EQ(output_of({"cat", "/proc/sys/kernel/core_pattern"}), core_pattern);
    for (const auto* place : {"/boot/rtnode-touched", "/var/rtnode-touched", "/run/rtnode-touched", "/rtnode-touched",
                              "/tmp/rtnode-touched"})
        EXPECT_FALSE(fs::exists(place)) << place;
    EXPECT_EQ(output_of({"ostree", "--repo=" + (node.sysroot / "ostree/repo").string(), "ls", "-RC", node.checksum(1),
                         "/usr/share"}),
              base);
    node.expect_sound();
    node.expect_no_leftovers();
}
