#include "fixture.hpp"
#include "ostree/base.hpp"

#include <gmock/gmock.h>

namespace rtnode::ostree {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

Reason reason_of_throw(const std::function<void()>& call) {
    try {
        call();
    } catch (const Error& error) {
        return error.reason();
    }
    ADD_FAILURE() << "nothing was thrown";
    return Reason::Internal;
}

class SysrootValues : public SysrootTest {};

TEST_F(SysrootValues, OfOneDeployment) {
    const auto deployments = open().deployments();
    ASSERT_EQ(deployments.size(), 1U);
    const auto& deployment = deployments.front();
    EXPECT_EQ(deployment.stateroot, "host");
    EXPECT_EQ(deployment.checksum, base);
    EXPECT_EQ(deployment.base_checksum, base);
    EXPECT_EQ(deployment.version, "1.0");
    EXPECT_EQ(deployment.kernel, "5.1-stock");
    EXPECT_FALSE(deployment.booted || deployment.staged || deployment.pending || deployment.layered ||
                 deployment.unlocked);
    EXPECT_EQ(deployment.kernel_arguments.without_ostree().str(), "root=UUID=1 console=tty0 console=ttyS0 rw");
    EXPECT_EQ(deployment.origin.custom_url, "pivot://registry/x@sha256:01");
    EXPECT_EQ(deployment.origin.raw, read(root / "ostree/deploy/host/deploy" / (base + ".0.origin")));
}

TEST_F(SysrootValues, FoldersAreThere) {
    const auto sysroot = open();
    EXPECT_TRUE(std::filesystem::is_directory(sysroot.deployment_folder(sysroot.deployments().front()) / "usr"));
    EXPECT_TRUE(std::filesystem::exists(sysroot.repo_folder() / "config"));
    EXPECT_GT(sysroot.free_boot_bytes(), 0U);
    EXPECT_GT(sysroot.free_repo_bytes(), 0U);
}

TEST_F(SysrootValues, APendingDeploymentIsTheStartAndTheLastOneStandsInForTheBooted) {
    write(tree / "usr/bin/tool", "tool 2");
    const auto second = commit_tree("--add-metadata-string=version=2.0 --add-metadata=rpmostree.rpmdb.pkglist=\""
                                    "[('kernel','0','5.1','1','x86_64'),('new','0','1','1','x86_64'),"
                                    "('tool','0','2','1','x86_64')]\"");
    deploy_tree(second);
    const auto sysroot = open();
    const auto deployments = sysroot.deployments();
    ASSERT_EQ(deployments.size(), 2U);
    EXPECT_TRUE(deployments[0].pending);
    EXPECT_FALSE(deployments[1].pending || deployments[1].rollback || deployments[1].booted);
    EXPECT_EQ(deployments[0].diff.upgraded, 1U);
    EXPECT_EQ(deployments[0].diff.added, 1U);
    EXPECT_EQ(deployments[0].diff.removed, 0U);
    EXPECT_EQ(sysroot.starting_point("host").checksum, second);
    EXPECT_EQ(sysroot.merge_deployment("host").checksum, base);
}

TEST_F(SysrootValues, SeveralStaterootsNeedAName) {
    run("ostree admin os-init other --sysroot=" + root.string());
    deploy_tree(base, "other");
    const auto sysroot = open();
    EXPECT_EQ(reason_of_throw([&] { (void)sysroot.stateroot(); }), Reason::AmbiguousStateroot);
    EXPECT_EQ(sysroot.stateroot("other"), "other");
    EXPECT_EQ(reason_of_throw([&] { (void)sysroot.stateroot("third"); }), Reason::NotOstree);
}

TEST_F(SysrootValues, AStaterootIsFoundWhenThereIsOne) {
    EXPECT_EQ(open().stateroot(), "host");
}

TEST_F(SysrootValues, AFolderThatIsNoSysrootIsRefused) {
    std::filesystem::create_directory(folder / "empty");
    EXPECT_EQ(reason_of_throw([&] { Sysroot(folder / "empty", true); }), Reason::NotOstree);
}

TEST_F(SysrootValues, OneLockerAtATime) {
    auto first = open(), second = open();
    {
        const auto lock = first.lock(std::chrono::milliseconds(0));
        EXPECT_EQ(reason_of_throw([&] { (void)second.lock(std::chrono::milliseconds(0)); }), Reason::SysrootLocked);
        EXPECT_EQ(reason_of_throw([&] { (void)second.lock(std::chrono::hours(1), [] { return true; }); }),
                  Reason::Canceled);
    }
    const auto lock = second.lock(std::chrono::milliseconds(0));
}

TEST_F(SysrootValues, FingerprintChangesWithWhatAPlanBuildsOn) {
    const auto sysroot = open();
    const auto before = sysroot.fingerprint();
    EXPECT_EQ(sysroot.fingerprint(), before);
    run("ostree admin instutil set-kargs --sysroot=" + root.string() + " quiet");
    const auto with_argument = sysroot.fingerprint();
    EXPECT_NE(with_argument, before);
    ostree("refs --create=rpmostree/base/0 " + base);
    EXPECT_NE(sysroot.fingerprint(), with_argument);
}

TEST_F(SysrootValues, AChangeBySomebodyElseIsSeen) {
    auto sysroot = open();
    EXPECT_FALSE(sysroot.reload_if_changed());
    deploy_tree(base);
    EXPECT_TRUE(sysroot.reload_if_changed());
    EXPECT_EQ(sysroot.deployments().size(), 2U);
}

class BaseCommit : public SysrootTest {};

TEST_F(BaseCommit, IsCopiedOutWithoutLinksIntoTheObjectStore) {
    const auto sysroot = open();
    copy_out(sysroot, base, "/usr/share/rpm", folder / "rpm");
    EXPECT_EQ(read(folder / "rpm/rpmdb.sqlite"), "a database");
    EXPECT_EQ(std::filesystem::hard_link_count(folder / "rpm/rpmdb.sqlite"), 1U);
    write(folder / "rpm/rpmdb.sqlite", "changed"); // fsck at the end proves that the object store stays
    EXPECT_EQ(reason_of_throw([&] { copy_out(sysroot, base, "/usr/share/nothing", folder / "x"); }),
              Reason::CommitFailed);
}

TEST_F(BaseCommit, IsReadFileByFile) {
    const auto sysroot = open();
    EXPECT_EQ(read_file(sysroot, base, "/usr/bin/tool"), "tool 1");
    EXPECT_EQ(read_file(sysroot, base, "/usr/bin/none"), std::nullopt);
    EXPECT_EQ(read_file(sysroot, base, "/usr/bin/link"), std::nullopt);
    EXPECT_EQ(read_file(sysroot, base, "/usr/bin"), std::nullopt);
    EXPECT_THROW(read_file(sysroot, base, "/usr/bin/tool", 3), Error);
    EXPECT_THAT(kernels(sysroot, base), ElementsAre("5.1-stock"));
    EXPECT_EQ(boot_bytes(sysroot, base), std::string("stock kernel"
                                                     "stock initramfs")
                                             .size());
    EXPECT_THAT(*initramfs_args(sysroot, base), ElementsAre("--no-hostonly", "--add", "ostree"));
    EXPECT_EQ(packages_of(sysroot, base).size(), 2U);
}

TEST_F(BaseCommit, IsALowerByItsDeploymentOrElseByACheckout) {
    auto sysroot = open();
    EXPECT_EQ(lower_tree(sysroot, base, folder).folder, sysroot.deployment_folder(sysroot.deployments().front()));
    write(tree / "usr/bin/tool", "tool 2");
    const auto other = commit_tree();
    const auto work = make_work_folder(sysroot, "7");
    const auto lower = lower_tree(sysroot, other, work);
    EXPECT_TRUE(lower.checkout);
    EXPECT_EQ(read(lower.folder / "usr/bin/tool"), "tool 2");
    EXPECT_GT(std::filesystem::hard_link_count(lower.folder / "usr/bin/tool"), 1U);
    remove_work_folder(work);
}

TEST_F(BaseCommit, AnUnlockedDeploymentIsNoLower) {
    const auto origin = root / "ostree/deploy/host/deploy" / (base + ".0.origin");
    write(origin, read(origin) + "unlocked=hotfix\n");
    auto sysroot = open();
    const auto work = make_work_folder(sysroot, "7");
    EXPECT_TRUE(lower_tree(sysroot, base, work).checkout);
    remove_work_folder(work);
}

} // namespace
} // namespace rtnode::ostree
