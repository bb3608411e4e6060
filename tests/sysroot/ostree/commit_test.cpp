#include "fixture.hpp"
#include "ostree/base.hpp"
#include "ostree/commit.hpp"

#include <gmock/gmock.h>

namespace rtnode::ostree {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class OverlayCommit : public SysrootTest {
  protected:
    /// Commits the change of a command on an overlay, and in the classic way, a commit of the whole merged tree.
    void expect_same_as_full_commit(const std::string& command) {
        auto sysroot = open();
        Transaction transaction(sysroot, "1");
        const auto ours = commit_change(sysroot, transaction, base, command);
        transaction.write();
        const auto work = make_work_folder(sysroot, "full");
        run("cp -a " + sysroot.deployment_folder(sysroot.deployments().front()).string() + " " +
            (work / "copy").string());
        run("chattr -i " + (work / "copy").string() + "; cd " + (work / "copy").string() + " && " + command +
            " && rm -rf etc");
        ostree("commit --branch=full -s '' --parent=none --tree=dir=" + (work / "copy").string());
        const auto usr = [&](const std::string& commit) { return ostree("ls -dC " + commit + " /usr"); };
        EXPECT_EQ(usr(ours), usr("full")) << ostree("diff full " + ours);
        EXPECT_EQ(ostree("ls -dX " + ours + " /"), ostree("ls -dX " + base + " /"));
        remove_work_folder(work);
    }

    Reason refusal(const std::string& command) {
        auto sysroot = open();
        const auto before = observable();
        try {
            Transaction transaction(sysroot, "1");
            commit_change(sysroot, transaction, base, command);
        } catch (const Error& error) {
            message = error.what();
            EXPECT_EQ(observable(), before);
            remove_work_folders(sysroot);
            return error.reason();
        }
        ADD_FAILURE() << "nothing was thrown";
        return Reason::Internal;
    }
    std::string message;
};

TEST_F(OverlayCommit, OfNothingIsTheBaseTree) {
    expect_same_as_full_commit("true");
}

TEST_F(OverlayCommit, OfWhiteoutsAndNewFiles) {
    expect_same_as_full_commit("rm usr/bin/link usr/lib/folder/a && echo 2 > usr/bin/tool && mkdir usr/lib/new && "
                               "echo n > usr/lib/new/n && ln -s /usr usr/lib/new/l && chmod 0750 usr/lib/folder");
}

TEST_F(OverlayCommit, OfOpaqueFolders) {
    expect_same_as_full_commit("rm -r usr/lib/folder && mkdir usr/lib/folder && echo x > usr/lib/folder/x");
}

TEST_F(OverlayCommit, OfFilesFoldersAndLinksThatChangePlaces) {
    expect_same_as_full_commit(
        "rm -r usr/lib/folder && echo f > usr/lib/folder && rm usr/bin/tool && mkdir usr/bin/tool && "
        "echo in > usr/bin/tool/in && rm usr/bin/link && mkdir usr/bin/link && "
        "rm usr/share/rpm/rpmdb.sqlite && ln -s x usr/share/rpm/rpmdb.sqlite");
}

TEST_F(OverlayCommit, OfHardLinksSetuidCapabilitiesOwnersAndAttributes) {
    expect_same_as_full_commit("cd usr/bin && echo l > one && ln one two && cp -p one suid && chmod 4755 suid && "
                               "cp one caps && setcap cap_net_raw+ep caps && echo own > own && chown 7:8 own && " +
                               set_attribute("own", "user.note", "x") +
                               " && chown -h 7:8 link && chown 5:6 ../lib/folder/sub");
}

TEST_F(OverlayCommit, OfARenamedFolder) {
    expect_same_as_full_commit("mv usr/lib/folder usr/lib/renamed && mv usr/lib/renamed/sub usr/lib/up && "
                               "mkdir -p usr/lib/folder/sub && echo again > usr/lib/folder/sub/c");
}

TEST_F(OverlayCommit, LeavesOutWhatIsNotUsr) {
    auto sysroot = open();
    Transaction transaction(sysroot, "1");
    const auto commit =
        commit_change(sysroot, transaction, base, "mkdir -p var/x srv && touch var/x/y top && chmod 0700 .");
    transaction.write();
    EXPECT_EQ(ostree("ls -R " + commit), ostree("ls -R " + base));
}

TEST_F(OverlayCommit, LeavesBaseAndDeploymentUntouched) {
    auto sysroot = open();
    Transaction transaction(sysroot, "1");
    commit_change(sysroot, transaction, base, "echo more >> usr/bin/tool && echo x > usr/share/rpm/rpmdb.sqlite");
    transaction.write();
    EXPECT_EQ(read(sysroot.deployment_folder(sysroot.deployments().front()) / "usr/bin/tool"), "tool 1");
    EXPECT_EQ(read_file(sysroot, base, "/usr/bin/tool"), "tool 1");
}

TEST_F(OverlayCommit, WithoutAKernelIsRefused) {
    EXPECT_EQ(refusal("rm -r usr/lib/modules/5.1-stock"), Reason::NoKernel);
}

TEST_F(OverlayCommit, WithTwoKernelsIsRefused) {
    EXPECT_EQ(refusal("mkdir usr/lib/modules/6.1-rt && echo k > usr/lib/modules/6.1-rt/vmlinuz"),
              Reason::SeveralKernels);
    EXPECT_THAT(message, HasSubstr("5.1-stock, 6.1-rt"));
}

TEST_F(OverlayCommit, WithoutTheInitramfsIsRefused) {
    EXPECT_EQ(refusal("rm usr/lib/modules/5.1-stock/initramfs.img"), Reason::InitramfsFailed);
}

TEST_F(OverlayCommit, WithADeviceOrFifoIsRefused) {
    EXPECT_EQ(refusal("mkfifo usr/lib/fifo"), Reason::CommitFailed);
    EXPECT_THAT(message, HasSubstr("/usr/lib/fifo"));
    EXPECT_EQ(refusal("mknod usr/lib/null c 1 3"), Reason::CommitFailed);
}

TEST_F(OverlayCommit, OfAnUpperWithRedirectsIsRefused) {
    auto sysroot = open();
    const auto work = make_work_folder(sysroot, "1");
    std::filesystem::create_directories(work / "upper/usr/lib/moved");
    run(set_attribute((work / "upper/usr/lib/moved").string(), "trusted.overlay.redirect", "/usr/lib/folder"));
    Transaction transaction(sysroot, "1");
    EXPECT_THROW(transaction.commit_overlay(base, work / "upper", {}), Error);
    remove_work_folder(work);
}

TEST_F(OverlayCommit, CarriesEveryKeyOfTheContract) {
    auto sysroot = open();
    Transaction transaction(sysroot, "1");
    const auto work = make_work_folder(sysroot, "1");
    const auto upper = change_on_overlay(lower_tree(sysroot, base, work).folder, work, "echo 2 > usr/bin/tool");
    CommitMetadata metadata;
    metadata.version = "1.0";
    metadata.packages = {{"b", 0, "10", "1", "noarch"}, {"a", 4, "1", "1", "x86_64"}, {"b", 0, "9", "1", "noarch"}};
    metadata.removed = {{"kernel", 0, "5.1", "1", "x86_64"}};
    metadata.replaced = {{{"m", 4, "1", "1", "x86_64"}, {"m", 4, "2", "1", "x86_64"}}};
    metadata.repositories = {{"rt", 42}};
    metadata.state = "abc";
    const auto commit = transaction.commit_overlay(base, upper, metadata);
    transaction.write();
    remove_work_folder(work);
    // The tool prints numbers with their bytes swapped; rpm-ostree reads and writes the machine's order.
    const auto key = [&](const std::string& name) {
        auto text = ostree("show --print-metadata-key=" + name + " " + commit);
        text.erase(text.find_last_not_of('\n') + 1);
        return text;
    };
    EXPECT_EQ(key("version"), "'1.0'");
    EXPECT_EQ(key("rpmostree.clientlayer"), "true");
    EXPECT_EQ(key("rpmostree.clientlayer_version"), "uint32 100663296");
    EXPECT_EQ(key("rpmostree.packages"), "@as []");
    EXPECT_EQ(key("rpmostree.modules"), "@as []");
    EXPECT_EQ(key("rpmostree.removed-base-packages"),
              "[<('kernel-5.1-1.x86_64', 'kernel', uint64 0, '5.1', '1', 'x86_64')>]");
    EXPECT_EQ(
        key("rpmostree.replaced-base-packages"),
        "[(<('m-4:2-1.x86_64', 'm', uint64 288230376151711744, '2', '1', 'x86_64')>, <('m-4:1-1.x86_64', 'm', uint64 288230376151711744, '1', '1', "
        "'x86_64')>)]");
    EXPECT_EQ(key("rpmostree.replaced-base-remote-packages"), "@a{sv} {}");
    EXPECT_EQ(key("rpmostree.rpmdb.pkglist"),
              "[('a', '4', '1', '1', 'x86_64'), ('b', '0', '9', '1', 'noarch'), ('b', '0', '10', '1', 'noarch')]");
    EXPECT_EQ(key("rpmostree.rpmmd-repos"), "[{'id': <'rt'>, 'timestamp': <uint64 3026418949592973312>}]");
    EXPECT_EQ(
        key("rpmostree.state-sha512"),
        "'ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643"
        "ce80e2a9ac94fa54ca49f'");
    EXPECT_EQ(key("ostree.linux"), "'5.1-stock'");
    EXPECT_EQ(key("ostree.bootable"), "true");
    EXPECT_THAT(ostree("show " + commit), HasSubstr("Parent:  " + base));
}

TEST_F(OverlayCommit, ThatIsNotDeployedLeavesNoRef) {
    const auto before = observable();
    auto sysroot = open();
    {
        Transaction transaction(sysroot, "1");
        commit_change(sysroot, transaction, base, "echo 2 > usr/bin/tool");
        transaction.write();
        EXPECT_THAT(ostree("refs"), HasSubstr("rtnode/tmp/1/tree"));
    }
    EXPECT_EQ(observable(), before);
}

class LabelledCommit : public OverlayCommit {
  protected:
    void SetUp() override {
        const auto etc = tree / "usr/etc/selinux";
        write(etc / "config", "SELINUX=enforcing\nSELINUXTYPE=targeted\n");
        write(etc / "targeted/policy/policy.33", "a policy is known by its checksum only");
        write(etc / "targeted/contexts/files/file_contexts", "/.*  system_u:object_r:default_t:s0\n"
                                                             "/usr/bin/.*  system_u:object_r:bin_t:s0\n");
        OverlayCommit::SetUp();
    }

    std::string label(const std::string& commit, const std::string& path) {
        const auto text = ostree("ls -dX " + commit + " " + path);
        const auto at = text.find("system_u"); // the tool prints attributes as bytes when they aren't text
        return at == std::string::npos ? text : text.substr(at, text.find(":s0", at) + 3 - at);
    }
};

TEST_F(LabelledCommit, GetsTheBasePolicysLabelsOnWhatChanged) {
    auto sysroot = open();
    Transaction transaction(sysroot, "1");
    const auto commit =
        commit_change(sysroot, transaction, base, "echo 2 > usr/bin/tool && echo new > usr/bin/new && mkdir usr/lib/d");
    transaction.write();
    EXPECT_EQ(label(commit, "/usr/bin/tool"), "system_u:object_r:bin_t:s0");
    EXPECT_EQ(label(commit, "/usr/bin/new"), "system_u:object_r:bin_t:s0");
    EXPECT_EQ(label(commit, "/usr/lib/d"), "system_u:object_r:default_t:s0");
    EXPECT_EQ(ostree("ls -dX " + commit + " /"), ostree("ls -dX " + base + " /"));
}

} // namespace
} // namespace rtnode::ostree
