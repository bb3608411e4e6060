#include "fixture.hpp"
#include "ostree/base.hpp"
#include "ostree/boot_order.hpp"
#include "ostree/deploy.hpp"
#include "ostree/origin.hpp"
#include "ostree/preflight.hpp"

#include <gmock/gmock.h>

#include <csignal>
#include <sched.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

namespace rtnode::ostree {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

const std::string sha(64, 'a');

class Deploy : public SysrootTest {
  protected:
    /// Deploys a changed tree with changed arguments, as a job does.
    Deployment deploy_change(const std::string& command = "echo 2 > usr/bin/tool") {
        auto sysroot = open();
        const auto lock = sysroot.lock(std::chrono::seconds(1));
        Transaction transaction(sysroot, "1");
        const auto start = sysroot.starting_point("host");
        const auto commit = commit_change(sysroot, transaction, start.base_checksum, command);
        transaction.write();
        LayeringLists lists;
        lists.overrides_replace_local = {sha + ":tool-2-1.x86_64"};
        return deploy(sysroot,
                      {"host", commit, changed_origin(start.origin.raw, lists),
                       start.kernel_arguments.changed({"nohz=on", "hugepagesz=1G", "hugepages=32"}, {"console=tty0"})},
                      &transaction);
    }
};

TEST_F(Deploy, PutsTheNewDeploymentBeforeTheOldOne) {
    const auto deployment = deploy_change();
    EXPECT_TRUE(deployment.pending);
    EXPECT_TRUE(deployment.layered);
    EXPECT_EQ(deployment.base_checksum, base);
    const auto deployments = open().deployments();
    ASSERT_EQ(deployments.size(), 2U);
    EXPECT_EQ(deployments[0].checksum, deployment.checksum);
    EXPECT_EQ(deployments[1].checksum, base);
    EXPECT_THAT(deployments[0].replaced,
                ElementsAre(std::pair(Nevra{"tool", 0, "1", "1", "x86_64"}, Nevra{"tool", 0, "2", "1", "x86_64"})));
    EXPECT_EQ(deployments[0].diff.upgraded, 1U);
    EXPECT_EQ(read(open().deployment_folder(deployments[0]) / "usr/bin/tool"), "2\n");
}

TEST_F(Deploy, WritesArgumentsInOrderAndTheOriginWhole) {
    deploy_change();
    EXPECT_THAT(run("cat " + (root / "boot/loader/entries/").string() + "*"),
                HasSubstr("root=UUID=1 console=ttyS0 rw nohz=on hugepagesz=1G hugepages=32 ostree="));
    const auto origin = open().deployments().front().origin;
    EXPECT_THAT(origin.raw, HasSubstr("baserefspec=" + base));
    EXPECT_THAT(origin.raw, HasSubstr("custom-url=pivot://registry/x@sha256:01\n"));
    EXPECT_THAT(origin.overrides_replace_local, ElementsAre(sha + ":tool-2-1.x86_64"));
}

TEST_F(Deploy, KeepsQuotedAndRepeatedArgumentsVerbatim) {
    auto sysroot = open();
    const auto start = sysroot.starting_point("host");
    const auto arguments =
        KernelArguments::parse("console=tty0 rw dyndbg=\"file x +p\" console=ttyS0 quiet rw $ignition_firstboot a==b");
    const auto deployment = deploy(sysroot, {"host", base, carried_origin(start.origin.raw), arguments});
    EXPECT_EQ(deployment.kernel_arguments.without_ostree(), arguments);
}

TEST_F(Deploy, HoldsTheBaseAndReplacesThePendingOne) {
    const auto first = deploy_change();
    EXPECT_THAT(ostree("rev-parse rpmostree/base/0"), HasSubstr(base));
    const auto second = deploy_change("echo 3 > usr/bin/tool");
    EXPECT_EQ(second.base_checksum, base);
    EXPECT_EQ(second.kernel_arguments.without_ostree(), first.kernel_arguments.without_ostree())
        << "the sequence stands already";
    const auto deployments = open().deployments();
    ASSERT_EQ(deployments.size(), 2U);
    EXPECT_EQ(deployments[0].checksum, second.checksum);
    EXPECT_EQ(deployments[1].checksum, base);
}

TEST_F(Deploy, OfArgumentsAloneIsTheSameCommit) {
    auto sysroot = open();
    const auto start = sysroot.starting_point("host");
    const auto deployment = deploy(sysroot, {"host", start.checksum, carried_origin(start.origin.raw),
                                             start.kernel_arguments.changed({"nohz=on"}, {})});
    EXPECT_EQ(deployment.checksum, base);
    EXPECT_EQ(deployment.serial, 1U);
    EXPECT_EQ(open().deployments().size(), 2U);
    EXPECT_EQ(deployment.origin.raw, start.origin.raw);
}

TEST_F(Deploy, KeepsPinnedOnesAndOtherStateroots) {
    run("ostree admin os-init other --sysroot=" + root.string());
    deploy_tree(base, "other");
    deploy_change();
    run("ostree admin pin --sysroot=" + root.string() + " 0");
    deploy_change("echo 3 > usr/bin/tool");
    EXPECT_EQ(open().deployments().size(), 4U);
}

TEST_F(Deploy, WithoutSpaceInBootLeavesAllAsItWas) {
    // A /boot of its own, with room for what is there and a little more, as on a real node.
    const auto boot = root / "boot";
    run("cp -a " + boot.string() + " " + (folder / "boot").string());
    ASSERT_EQ(mount("tmpfs", boot.c_str(), "tmpfs", 0, "size=96k"), 0);
    run("cp -a " + (folder / "boot/.").string() + " " + boot.string());
    const auto before = observable();
    try {
        deploy_change("head -c 1M /dev/urandom > usr/lib/modules/5.1-stock/initramfs.img");
        ADD_FAILURE() << "a kernel without room in /boot was deployed";
    } catch (const Error& error) {
        EXPECT_EQ(error.reason(), Reason::NoSpace) << error.what();
    }
    EXPECT_EQ(observable(), before);
    EXPECT_EQ(umount(boot.c_str()), 0);
}

TEST_F(Deploy, OfADamagedCommitLeavesAllAsItWas) {
    auto sysroot = open();
    const auto before = observable();
    EXPECT_THROW(deploy(sysroot, {"host", std::string(64, '0'), "[origin]\nrefspec=x:y\n", {}}), Error);
    EXPECT_EQ(observable(), before);
}

TEST_F(Deploy, RollsBackAndForth) {
    const auto changed = deploy_change();
    auto sysroot = open();
    EXPECT_EQ(rollback(sysroot, "host").checksum, base);
    EXPECT_EQ(open().deployments().size(), 2U);
    EXPECT_EQ(rollback(sysroot, "host").checksum, changed.checksum)
        << "the base is first, the changed one stands in now";
}

TEST_F(Deploy, HasNothingToRollBackToAtFirst) {
    auto sysroot = open();
    const auto before = observable();
    try {
        rollback(sysroot, "host");
        FAIL();
    } catch (const Error& error) {
        EXPECT_EQ(error.reason(), Reason::NoRollbackDeployment);
    }
    EXPECT_EQ(observable(), before);
}

TEST_F(Deploy, PendingIsDropped) {
    deploy_change();
    auto sysroot = open();
    EXPECT_EQ(drop_pending(sysroot, "host").checksum, base);
    EXPECT_EQ(open().deployments().size(), 1U);
    try {
        drop_pending(sysroot, "host");
        FAIL();
    } catch (const Error& error) {
        EXPECT_EQ(error.reason(), Reason::NoPendingDeployment);
    }
}

TEST_F(Deploy, CleanupFreesWhatIsUnneededAndNoMore) {
    deploy_change("head -c 300000 /dev/urandom > usr/bin/tool");
    const auto kept = deploy_change("echo 3 > usr/bin/tool");
    ostree("refs --create=rpmostree/pkg/tool/2-1.x86__64 " + base);
    ostree("refs --create=rpmostree/pkg/gone/1-1.x86__64 " + base);
    ostree("refs --create=somebody/elses " + base);
    auto sysroot = open();
    const auto freed = cleanup(sysroot);
    EXPECT_GT(freed.bytes, 300000U);
    EXPECT_EQ(freed.package_refs, 1U);
    EXPECT_THAT(freed.text(), testing::MatchesRegex("Freed: 30[0-9]\\.[0-9] kB \\(pkgcache branches: 1\\)"));
    const auto refs = ostree("refs");
    EXPECT_THAT(refs, HasSubstr("rpmostree/pkg/tool/2-1.x86__64"));
    EXPECT_THAT(refs, HasSubstr("somebody/elses"));
    EXPECT_THAT(refs, HasSubstr("rpmostree/base/0"));
    EXPECT_THAT(refs, Not(HasSubstr("gone")));
    EXPECT_EQ(open().deployments().front().checksum, kept.checksum);
    EXPECT_EQ(read_file(sysroot, base, "/usr/bin/tool"), "tool 1");
    EXPECT_EQ(cleanup(sysroot).bytes, 0U);
}

TEST_F(Deploy, CleanupLooksForObjectsOnlyWhenACommitWentOrAJobDied) {
    deploy_change();
    const auto files = (folder / "dead").string();
    run("mkdir " + files + " && head -c 300000 /dev/urandom > " + files + "/file");
    const auto dead = ostree("commit --branch=dead --tree=dir=" + files).substr(0, 64);
    ostree("refs --delete dead");
    // As a write that dies before its commit object leaves it.
    ASSERT_TRUE(std::filesystem::remove(repo / "objects" / dead.substr(0, 2) / (dead.substr(2) + ".commit")));
    auto sysroot = open();
    EXPECT_EQ(cleanup(sysroot).bytes, 0U);
    EXPECT_GT(cleanup(sysroot, Objects::Unreachable).bytes, 300000U);
}

TEST_F(Deploy, CleanupDropsBaseRefsThatNoDeploymentNeeds) {
    deploy_change();
    auto sysroot = open();
    drop_pending(sysroot, "host");
    cleanup(sysroot);
    EXPECT_EQ(ostree("refs --list rpmostree"), "");
}

TEST_F(Deploy, StoppedAtTheLastCallLeavesAllAsItWas) {
    auto sysroot = open();
    const auto start = sysroot.starting_point("host");
    const auto before = observable();
    {
        Transaction transaction(sysroot, "1");
        const auto commit = commit_change(sysroot, transaction, base, "echo 2 > usr/bin/tool");
        transaction.write();
        EXPECT_THROW(deploy(sysroot,
                            {"host", commit, start.origin.raw, start.kernel_arguments,
                             [] { throw fail(Reason::Canceled, "canceled"); }},
                            &transaction),
                     Error);
    }
    EXPECT_EQ(observable(), before);
}

/// The whole sysroot on a small file system of its own.
class FullDisk : public Deploy {
  protected:
    void SetUp() override {
        std::filesystem::create_directory(root);
        ASSERT_EQ(mount("tmpfs", root.c_str(), "tmpfs", 0, "size=4m"), 0);
        Deploy::SetUp();
    }
    void TearDown() override {
        Deploy::TearDown();
        EXPECT_EQ(umount(root.c_str()), 0);
    }
};

TEST_F(FullDisk, LeavesAllAsItWas) {
    const auto before = observable();
    const auto filler = (root / "filler").string();
    try {
        deploy_change("echo 2 > usr/bin/tool; cat /dev/zero > " + filler + " 2> /dev/null; test -s " + filler);
        ADD_FAILURE() << "it was deployed";
    } catch (const Error& error) {
        EXPECT_EQ(error.reason(), Reason::NoSpace) << error.what();
    }
    std::filesystem::remove(filler);
    EXPECT_EQ(observable(), before);
    auto sysroot = open();
    remove_leftovers(sysroot);
    EXPECT_EQ(observable(), before);
    EXPECT_TRUE(deploy_change().pending) << "it works once there is space";
}

class DeadJob : public Deploy {
  protected:
    /// Runs a job in a process that dies where `die` is called, as by SIGKILL; then puts right what it left.
    void die_in(const std::function<void(Sysroot&, const std::function<void()>& die)>& job) {
        const auto before = observable();
        const pid_t child = fork();
        ASSERT_GE(child, 0);
        if (child == 0) {
            auto sysroot = open();
            const auto lock = sysroot.lock(std::chrono::seconds(1));
            job(sysroot, [] { kill(getpid(), SIGKILL); });
            _exit(0);
        }
        int status = 0;
        ASSERT_EQ(waitpid(child, &status, 0), child);
        ASSERT_TRUE(WIFSIGNALED(status)) << "the job ended by itself";
        auto sysroot = open();
        {
            const auto lock = sysroot.lock(std::chrono::milliseconds(0));
            EXPECT_FALSE(remove_leftovers(sysroot).empty());
            EXPECT_TRUE(remove_leftovers(sysroot).empty());
        }
        EXPECT_EQ(observable(), before);
        EXPECT_TRUE(deploy_change().pending) << "the next job works";
    }

    std::string command = "echo 2 > usr/bin/tool";
};

TEST_F(DeadJob, BeforeItsCommitIsWritten) {
    die_in([this](Sysroot& sysroot, const std::function<void()>& die) {
        Transaction transaction(sysroot, "1");
        make_work_folder(sysroot, "1");
        commit_change(sysroot, transaction, base, command);
        die();
    });
}

TEST_F(DeadJob, AfterItsCommitIsWritten) {
    die_in([this](Sysroot& sysroot, const std::function<void()>& die) {
        Transaction transaction(sysroot, "1");
        commit_change(sysroot, transaction, base, command);
        transaction.write();
        die();
    });
}

TEST_F(DeadJob, RightBeforeTheLastStep) {
    die_in([this](Sysroot& sysroot, const std::function<void()>& die) {
        Transaction transaction(sysroot, "1");
        const auto commit = commit_change(sysroot, transaction, base, command);
        transaction.write();
        const auto start = sysroot.starting_point("host");
        deploy(sysroot, {"host", commit, start.origin.raw, start.kernel_arguments, die}, &transaction);
    });
}

TEST_F(DeadJob, LeavesFoldersThatGoEvenWhenImmutable) {
    auto sysroot = open();
    const auto lock = sysroot.lock(std::chrono::seconds(1));
    const auto work = make_work_folder(sysroot, "7");
    write(work / "a/b/c", "x");
    std::filesystem::create_symlink("/usr", work / "a/link");
    run("chattr +i " + (work / "a/b").string() + " " + (work / "a").string());
    ostree("refs --create=rtnode/tmp/7/tree " + base);
    write(repo / "tmp/somebody-elses", "x");
    EXPECT_THAT(remove_leftovers(sysroot), ElementsAre(work.string(), "rtnode/tmp/7/tree"));
    EXPECT_FALSE(std::filesystem::exists(work));
    EXPECT_FALSE(std::filesystem::exists(repo / "refs/heads/rtnode"));
    EXPECT_TRUE(std::filesystem::exists(repo / "tmp/somebody-elses"));
    EXPECT_TRUE(std::filesystem::exists("/usr"));
}

/// Runs the test's body where / is the deployment and /run/ostree-booted exists, as libostree sees a booted node.
class Booted : public Deploy {
  protected:
    void in_booted_node(const std::function<void()>& body) {
        const pid_t child = fork();
        ASSERT_GE(child, 0);
        if (child == 0) {
            if (unshare(CLONE_NEWNS) != 0) _exit(9); // the mounts end with the child
            const auto deployment = open().deployment_folder(open().deployments().front());
            for (const auto* name : {"run", "proc", "dev", "tmp", "sysroot"})
                if (!std::filesystem::exists(deployment / name)) _exit(10);
            if (mount(deployment.c_str(), deployment.c_str(), nullptr, MS_BIND, nullptr) != 0) _exit(11);
            if (mount(root.c_str(), (deployment / "sysroot").c_str(), nullptr, MS_BIND | MS_REC, nullptr) != 0)
                _exit(12);
            if (mount((root / "boot").c_str(), (deployment / "boot").c_str(), nullptr, MS_BIND, nullptr) != 0)
                _exit(13);
            if (mount("tmpfs", (deployment / "run").c_str(), "tmpfs", 0, nullptr) != 0) _exit(14);
            if (mount("tmpfs", (deployment / "tmp").c_str(), "tmpfs", 0, nullptr) != 0) _exit(15);
            if (mount("/proc", (deployment / "proc").c_str(), nullptr, MS_BIND | MS_REC, nullptr) != 0) _exit(16);
            if (chroot(deployment.c_str()) != 0 || chdir("/") != 0) _exit(17);
            write("/run/ostree-booted", "");
            if (read_only && mount(nullptr, "/sysroot", nullptr, MS_REMOUNT | MS_BIND | MS_RDONLY, nullptr) != 0)
                _exit(20);
            try {
                body();
            } catch (const std::exception& error) {
                fprintf(stderr, "%s\n", error.what());
                _exit(18);
            }
            _exit(testing::Test::HasFailure() ? 19 : 0);
        }
        int status = 0;
        ASSERT_EQ(waitpid(child, &status, 0), child);
        ASSERT_TRUE(WIFEXITED(status));
        EXPECT_EQ(WEXITSTATUS(status), 0);
    }

    bool read_only = false; ///< /sysroot mounted read-only, as sysroot.readonly does

    void SetUp() override {
        for (const auto* name : {"run", "proc", "dev", "tmp", "sysroot", "boot", "var"})
            std::filesystem::create_directories(tree / name);
        std::filesystem::create_symlink("sysroot/ostree", tree / "ostree");
        Deploy::SetUp();
    }
};

TEST_F(Booted, NodeStagesWithArgumentsAndOrigin) {
    in_booted_node([this] {
        Sysroot sysroot("/");
        ASSERT_TRUE(sysroot.booted());
        const auto start = sysroot.starting_point(sysroot.stateroot());
        EXPECT_TRUE(start.booted);
        const auto deployment = deploy(sysroot, {"host", base, carried_origin(start.origin.raw),
                                                 start.kernel_arguments.changed({"nohz=on", "quiet"}, {})});
        EXPECT_TRUE(deployment.staged);
        EXPECT_TRUE(deployment.pending);
        EXPECT_EQ(deployment.kernel_arguments.without_ostree().str(),
                  "root=UUID=1 console=tty0 console=ttyS0 rw nohz=on quiet");
        EXPECT_TRUE(std::filesystem::exists("/run/ostree/staged-deployment"));
        EXPECT_EQ(sysroot.starting_point("host").staged, true);
        EXPECT_TRUE(sysroot.merge_deployment("host").booted);

        const auto again = deploy(sysroot, {"host", base, carried_origin(start.origin.raw),
                                            deployment.kernel_arguments.changed({"last"}, {})});
        EXPECT_EQ(sysroot.deployments().size(), 2U) << "staging again takes the place of what was staged";
        EXPECT_THAT(again.kernel_arguments.str(), HasSubstr("nohz=on quiet last"));

        EXPECT_TRUE(drop_pending(sysroot, "host").booted);
        EXPECT_FALSE(std::filesystem::exists("/run/ostree/staged-deployment"));
        EXPECT_EQ(sysroot.deployments().size(), 1U);
    });
}

TEST_F(Booted, NodeWithAReadOnlySysrootIsChangedInPrivateMounts) {
    read_only = true;
    in_booted_node([this] {
        const auto writable = [] { return access("/sysroot/ostree", W_OK) == 0; };
        ASSERT_FALSE(writable());
        enter_private_mounts();
        Sysroot sysroot("/");
        const auto lock = sysroot.lock(std::chrono::seconds(1));
        const auto start = sysroot.starting_point("host");
        EXPECT_TRUE(deploy(sysroot, {"host", base, carried_origin(start.origin.raw),
                                     start.kernel_arguments.changed({"quiet"}, {})})
                        .staged);
    });
}

TEST_F(Booted, NodePassesPreflight) {
    in_booted_node([this] {
        const Sysroot sysroot("/");
        EXPECT_EQ(preflight(sysroot, {.host = {.ostree_booted = true, .machine = "x86_64"}}).merge.checksum, base);
        try {
            check_host(sysroot, {.ostree_booted = true, .machine = "aarch64"});
            ADD_FAILURE();
        } catch (const Error& error) {
            EXPECT_EQ(error.reason(), Reason::UnsupportedArchitecture);
        }
    });
}

} // namespace
} // namespace rtnode::ostree
