// What an admin made of /etc against what the new tree has there: refused before anything moves, not at the shutdown.

#include "fixture.hpp"
#include "ostree/commit.hpp"
#include "ostree/deploy.hpp"

#include <gmock/gmock.h>

namespace rtnode::ostree {
namespace {

using testing::AllOf;
using testing::HasSubstr;

class EtcMerge : public SysrootTest {
  protected:
    void SetUp() override {
        write(tree / "usr/etc/file", "as shipped");
        write(tree / "usr/etc/folder/inside", "as shipped");
        write(tree / "usr/etc/passwd", "root:x:0:0::/:/bin/sh\n");
        write(tree / "usr/etc/group", "root:x:0:\n");
        SysrootTest::SetUp();
        etc = open().deployment_folder(open().deployments().front()) / "etc";
    }

    /// Deploys a tree that was changed so.
    Deployment deploy_change(const std::string& command) {
        auto sysroot = open();
        const auto lock = sysroot.lock(std::chrono::seconds(1));
        Transaction transaction(sysroot, "1");
        const auto start = sysroot.starting_point("host");
        const auto commit = commit_change(sysroot, transaction, base, command);
        transaction.write();
        return deploy(sysroot, {"host", commit, start.origin.raw, start.kernel_arguments}, &transaction);
    }

    void expect_refused(const std::string& command, const std::string& part) {
        const auto before = observable();
        try {
            deploy_change(command);
            ADD_FAILURE() << "it was deployed";
        } catch (const Error& error) {
            EXPECT_EQ(error.reason(), Reason::EtcConflict);
            EXPECT_THAT(error.what(), AllOf(HasSubstr(part), HasSubstr("Move that away")));
        }
        EXPECT_EQ(observable(), before);
    }

    std::filesystem::path etc;
};

TEST_F(EtcMerge, AFileOfTheAdminWhereTheNewTreeHasAFolderIsRefused) {
    write(etc / "new.d", "mine");
    expect_refused("mkdir -p usr/etc/new.d && echo 1 > usr/etc/new.d/10-default", "/etc/new.d is no folder here");
}

TEST_F(EtcMerge, AChangedFileThatBecomesAFolderIsRefused) {
    write(etc / "file", "changed");
    expect_refused("rm usr/etc/file && mkdir usr/etc/file", "/etc/file is no folder here");
}

TEST_F(EtcMerge, AFolderThatTheAdminReplacedByAFileIsRefusedEvenWithTheSameTree) {
    std::filesystem::remove_all(etc / "folder");
    write(etc / "folder", "mine");
    expect_refused("echo 2 > usr/bin/tool", "/etc/folder is no folder here");
}

TEST_F(EtcMerge, AFolderWithChangesThatBecomesAFileIsRefused) {
    write(etc / "folder/inside", "changed");
    expect_refused("rm -r usr/etc/folder && echo 1 > usr/etc/folder", "/etc/folder is a folder with changes here");
}

TEST_F(EtcMerge, WhatNobodyChangedFollowsTheTree) {
    EXPECT_TRUE(deploy_change("rm -r usr/etc/file usr/etc/folder && mkdir usr/etc/file && echo 1 > usr/etc/folder "
                              "&& echo 1 > usr/etc/file/inside")
                    .pending);
    const auto merged = open().deployment_folder(open().deployments().front()) / "etc";
    EXPECT_EQ(read(merged / "file/inside"), "1\n");
    EXPECT_EQ(read(merged / "folder"), "1\n");
}

/// As useradd in a scriptlet does it in a tree without accounts of its own in usr/lib.
constexpr const char* add_account = "echo 'daemon:x:2:2::/:/bin/false' >> usr/etc/passwd && "
                                    "echo 'daemon:x:2:' >> usr/etc/group";

TEST_F(EtcMerge, AccountsOfPackagesThatAChangedFileWouldntGetAreRefused) {
    write(etc / "passwd", "root:x:0:0::/:/bin/sh\ncore:x:1000:1000::/:/bin/sh\n");
    try {
        deploy_change(add_account);
        ADD_FAILURE() << "it was deployed";
    } catch (const Error& error) {
        EXPECT_EQ(error.reason(), Reason::EtcConflict);
        EXPECT_THAT(error.what(), HasSubstr("add them first (useradd --system daemon), then ask again"))
            << "the group comes with the tree: nobody changed that file";
    }
}

TEST_F(EtcMerge, AccountsOfPackagesComeWithTheTreeOrAreThereAlready) {
    write(etc / "passwd", "daemon:x:990:990::/:/bin/false\n");
    EXPECT_TRUE(deploy_change(add_account).pending);
    const auto merged = open().deployment_folder(open().deployments().front()) / "etc";
    EXPECT_EQ(read(merged / "passwd"), "daemon:x:990:990::/:/bin/false\n");
    EXPECT_THAT(read(merged / "group"), HasSubstr("daemon:x:2:"));
}

TEST_F(EtcMerge, OrdinaryChangesComeAlong) {
    write(etc / "file", "changed");
    write(etc / "folder/added", "mine");
    write(etc / "own.d/own", "mine");
    std::filesystem::remove(etc / "folder/inside");
    EXPECT_TRUE(deploy_change("echo 2 > usr/etc/file && echo 2 > usr/etc/folder/inside").pending);
    const auto merged = open().deployment_folder(open().deployments().front()) / "etc";
    EXPECT_EQ(read(merged / "file"), "changed");
    EXPECT_EQ(read(merged / "own.d/own"), "mine");
    EXPECT_FALSE(std::filesystem::exists(merged / "folder/inside"));
}

} // namespace
} // namespace rtnode::ostree
