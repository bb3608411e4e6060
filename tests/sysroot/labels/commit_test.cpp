// SELinux labels of commits and cached packages by a real policy, Debian's, as tools of SELinux itself tell them.

#include "fixture.hpp"
#include "ostree/base.hpp"
#include "ostree/commit.hpp"
#include "policy.hpp"
#include "rpm/package_file.hpp"

#include <gmock/gmock.h>

#include <algorithm>
#include <sstream>

namespace rtnode::ostree {
namespace {

using testing::HasSubstr;
using tests::EtcLabels;

class Labelled : public SysrootTest {
  protected:
    void complete_tree() override {
        tests::put_policy_into(tree);
        write(tree / "usr/bin/untouched", "untouched");
        write(tree / "usr/etc/shadow", "root:*:1::::::");
        write(tree / "usr/etc/cron.d/job", "* * * * * root true");
        write(tree / "usr/lib/systemd/system/old.service", "[Service]");
        prepare();
        tests::label(tree, etc);
    }

    /// What else a test's base has.
    virtual void prepare() {}

    /// The label in a commit; "" when there is none.
    std::string label(const std::string& commit, const std::string& path) const {
        const auto text = ostree("ls -dX " + commit + " " + path);
        const auto at = text.find("system_u:"); // the tool prints attributes as text with their zero
        return at == std::string::npos ? "" : text.substr(at, text.find(":s0", at) + 3 - at);
    }

    /// Each path is "f", "d" or "l" and the path; usr/etc/x is asked of the policy as `etc` has it.
    void expect_policys_labels(const std::string& commit, const std::vector<std::string>& marked) const {
        std::map<std::string, std::string> asked;
        std::vector<std::string> questions;
        for (const auto& path : marked) {
            const bool as_etc = etc == EtcLabels::as_etc && path.substr(1).starts_with("/usr/etc");
            asked[path] = as_etc ? path.front() + path.substr(1 + std::string_view("/usr").size()) : path;
            questions.push_back(asked[path]);
        }
        const auto policys = tests::labels_of(tree, questions);
        for (const auto& [path, question] : asked)
            EXPECT_EQ(label(commit, path.substr(1)), policys.at(question)) << path;
    }

    std::string change(const std::string& command) {
        auto sysroot = open();
        Transaction transaction(sysroot, "1");
        auto commit = commit_change(sysroot, transaction, base, command);
        transaction.write();
        return commit;
    }

    /// The message of the error; nothing of the node changed.
    std::string refusal(const std::string& command) {
        const auto before = observable();
        std::string message = "nothing was thrown";
        try {
            change(command);
        } catch (const Error& error) {
            message = error.what();
            EXPECT_EQ(error.reason(), Reason::CommitFailed);
        }
        auto sysroot = open();
        remove_work_folders(sysroot);
        EXPECT_EQ(observable(), before);
        return message;
    }

    EtcLabels etc = EtcLabels::as_etc;
};

const char* const everything =
    "set -e; echo n > usr/bin/new; echo 2 > usr/bin/tool; ln -s new usr/bin/new-link; cp usr/bin/new usr/bin/bash\n"
    "mkdir -p usr/sbin usr/lib/new.d usr/lib/modules/5.1-stock/kernel; echo d > usr/sbin/sshd\n"
    "echo c > usr/lib/new.d/c\n"
    "ln usr/bin/new usr/lib/hard-link; cp usr/bin/new usr/bin/caps; setcap cap_net_raw=ep usr/bin/caps\n"
    "echo k > usr/lib/modules/5.1-stock/kernel/new.ko; echo d > usr/lib/modules/5.1-stock/modules.dep\n"
    "echo rt > usr/lib/modules/5.1-stock/vmlinuz; echo i > usr/lib/modules/5.1-stock/initramfs.img\n"
    "chmod 0600 usr/lib/modules/5.1-stock/initramfs.img; echo more >> usr/share/rpm/rpmdb.sqlite\n"
    "echo new > usr/lib/systemd/system/new.service; mkdir usr/etc/new.d; echo n > usr/etc/new.d/n\n"
    "echo changed >> usr/etc/shadow; echo new > usr/etc/cron.d/new; ln -s cron.d/new usr/etc/cron-link";

const std::vector<std::string> changed{"f/usr/bin/new",
                                       "f/usr/bin/tool",
                                       "l/usr/bin/new-link",
                                       "f/usr/bin/bash",
                                       "d/usr/sbin",
                                       "f/usr/sbin/sshd",
                                       "d/usr/lib/new.d",
                                       "f/usr/lib/new.d/c",
                                       "f/usr/lib/hard-link",
                                       "f/usr/bin/caps",
                                       "d/usr/lib/modules/5.1-stock/kernel",
                                       "f/usr/lib/modules/5.1-stock/kernel/new.ko",
                                       "f/usr/lib/modules/5.1-stock/modules.dep",
                                       "f/usr/lib/modules/5.1-stock/vmlinuz",
                                       "f/usr/lib/modules/5.1-stock/initramfs.img",
                                       "f/usr/share/rpm/rpmdb.sqlite",
                                       "f/usr/lib/systemd/system/new.service",
                                       "d/usr/etc/new.d",
                                       "f/usr/etc/new.d/n",
                                       "f/usr/etc/shadow",
                                       "f/usr/etc/cron.d/new",
                                       "l/usr/etc/cron-link"};

TEST_F(Labelled, NewAndChangedFilesGetWhatTheTreesPolicySays) {
    const auto commit = change(everything);
    expect_policys_labels(commit, changed);
    EXPECT_EQ(label(commit, "/usr/etc/shadow"), "system_u:object_r:shadow_t:s0") << "not readable by all";
    EXPECT_EQ(label(commit, "/usr/bin/bash"), "system_u:object_r:shell_exec_t:s0");
    EXPECT_EQ(label(commit, "/usr/lib/modules/5.1-stock/vmlinuz"), "system_u:object_r:modules_object_t:s0");
    EXPECT_THAT(ostree("ls -X " + commit + " /usr/bin/caps"), HasSubstr("security.capability"));
}

TEST_F(Labelled, WhatDidNotChangeKeepsItsObjects) {
    const auto objects = [&](const std::string& commit) {
        std::map<std::string, std::string> found;
        std::istringstream lines(ostree("ls -RC " + commit + " /"));
        for (std::string line; std::getline(lines, line);) {
            std::istringstream words(line);
            std::string mode, owner, group, size, content, metadata;
            words >> mode >> owner >> group >> size >> content;
            if (mode.front() == 'd') words >> metadata;
            // A folder's content differs when something below it does; its own metadata must not.
            found[line.substr(line.find(" /"))] = mode + (mode.front() == 'd' ? metadata : content);
        }
        return found;
    };
    const auto after = objects(change(everything));
    unsigned kept = 0;
    for (const auto& [path, object] : objects(base)) {
        const bool is_changed = std::any_of(changed.begin(), changed.end(), [&](const std::string& marked) {
            return path.substr(1) == marked.substr(1);
        });
        if (is_changed) continue;
        EXPECT_EQ(after.at(path), object) << path;
        ++kept;
    }
    EXPECT_GT(kept, 50U);
}

class LabelledByPlace : public Labelled {
  protected:
    LabelledByPlace() { etc = EtcLabels::by_place; }
};

TEST_F(LabelledByPlace, ABaseThatLabelsUsrEtcByThatNameGoesOnLikeThat) {
    const auto commit = change(everything);
    expect_policys_labels(commit, changed);
    EXPECT_EQ(label(commit, "/usr/etc/shadow"), "system_u:object_r:etc_t:s0");
}

// What comes with its own policy module, which a scriptlet adds, is labelled by it.
const char* const policy_module =
    "set -e; cd usr/etc/selinux/default; printf more >> policy/policy.33; cd contexts/files\n"
    "rm file_contexts.bin; echo '/usr/bin/special -- system_u:object_r:sshd_exec_t:s0' >> file_contexts\n"
    "echo '/usr/lib/folder/sub(/.*)? system_u:object_r:modules_object_t:s0' >> file_contexts\n"
    "cd ../../../../../..; echo s > usr/bin/special; echo c > usr/etc/cron.d/new";

TEST_F(Labelled, APolicyThatTheChangeBringsWithItCountsAlready) {
    const auto commit = change(policy_module);
    EXPECT_EQ(label(commit, "/usr/bin/special"), "system_u:object_r:sshd_exec_t:s0");
    EXPECT_EQ(label(commit, "/usr/etc/selinux/default/policy/policy.33"),
              label(base, "/usr/etc/selinux/default/policy/policy.33"));
    EXPECT_THAT(ostree("cat " + commit + " /usr/etc/selinux/default/contexts/files/file_contexts"),
                HasSubstr("/usr/bin/special"));
    expect_policys_labels(commit, {"f/usr/etc/cron.d/new", "d/usr/etc/selinux", "d/usr/etc/selinux/default/policy",
                                   "f/usr/etc/selinux/default/contexts/files/file_contexts"});
}

TEST_F(Labelled, APolicyThatTheChangeBringsWithItLabelsTheBaseAnewToo) {
    const auto commit = change(policy_module);
    const auto line = [&](const std::string& of, const char* path) { return ostree("ls -dCX " + of + " " + path); };
    EXPECT_EQ(label(commit, "/usr/lib/folder/sub"), "system_u:object_r:modules_object_t:s0");
    EXPECT_EQ(label(commit, "/usr/lib/folder/sub/c"), "system_u:object_r:modules_object_t:s0");
    EXPECT_EQ(ostree("cat " + commit + " /usr/lib/folder/sub/c"), "c");
    for (const auto* path : {"/usr/lib/folder/a", "/usr/bin/link", "/usr/etc/shadow", "/usr/lib/systemd/system"})
        EXPECT_EQ(line(commit, path), line(base, path)) << "the same label, so the same object";
    EXPECT_EQ(label(commit, "/usr/etc/shadow"), "system_u:object_r:shadow_t:s0");
}

TEST_F(Labelled, APolicyThatTheChangeRemovesLabelsNothing) {
    EXPECT_EQ(label(change("rm -r usr/etc/selinux; echo n > usr/bin/new"), "/usr/bin/new"), "");
}

TEST_F(Labelled, APolicyThatTheChangeLeavesBrokenIsRefused) {
    EXPECT_THAT(refusal("cd usr/etc/selinux/default/contexts/files; rm *.bin; echo '/usr/( -- x' > file_contexts"),
                HasSubstr("cannot commit the changed tree of base " + base +
                          ": cannot read the SELinux policy as the packages' scriptlets left it"));
}

class SwitchedOff : public Labelled {
  protected:
    void prepare() override { write(tree / "usr/etc/selinux/config", "SELINUX=disabled\nSELINUXTYPE=default\n"); }
};

TEST_F(SwitchedOff, NothingIsLabelled) {
    const auto commit = change("echo n > usr/bin/new; echo e > usr/etc/new");
    EXPECT_EQ(label(commit, "/usr/bin/new") + label(commit, "/usr/etc/new"), "");
    EXPECT_EQ(label(commit, "/usr/bin/untouched"), label(base, "/usr/bin/untouched"));
}

class WithoutPolicy : public Labelled {
  protected:
    void complete_tree() override {
        write(tree / "usr/etc/selinux/semanage.conf", "module-store = direct\n"); // of a library that asks for it
    }
};

TEST_F(WithoutPolicy, NothingIsLabelled) {
    const auto commit = change("echo n > usr/bin/new; echo e > usr/etc/new");
    EXPECT_EQ(label(commit, "/usr/bin/new") + label(commit, "/usr/etc/new"), "");
}

class Damaged : public Labelled {
  protected:
    /// The tree's policy is damaged by a command run in usr/etc/selinux, and that is the base.
    std::string refusal_with(const std::string& damage) {
        run("cd " + (tree / "usr/etc/selinux").string() + " && " + damage);
        base = commit_tree();
        return refusal("echo n > usr/bin/new");
    }
    std::string files = "default/contexts/files/";
};

TEST_F(Damaged, FileContextsThatAreNoneAreRefused) {
    const auto message = refusal_with("rm " + files + "*.bin && head -c 4096 /dev/zero > " + files + "file_contexts");
    EXPECT_THAT(message, HasSubstr("cannot read the SELinux policy of commit " + base));
}

TEST_F(Damaged, FileContextsThatEndTooEarlyAreRefusedByTheFirstFileWithoutALabel) {
    const auto message =
        refusal_with("rm " + files + "*.bin && echo '/ -d system_u:object_r:root_t:s0' > " + files + "file_contexts");
    EXPECT_THAT(message, HasSubstr("cannot commit the changed tree of base " + base));
    EXPECT_THAT(message, HasSubstr("SELinux label for '/usr"));
}

TEST_F(Damaged, APolicyFolderWithoutPolicyIsRefused) {
    for (const auto* damage : {"rm default/policy/policy.*", "rm -r default"}) {
        const auto message = refusal_with(damage);
        EXPECT_THAT(message, HasSubstr("cannot read the SELinux policy of commit " + base)) << damage;
    }
}

TEST_F(Damaged, AConfigurationThatNamesNoPolicyIsRefused) {
    EXPECT_THAT(refusal_with("echo SELINUX=enforcing > config"), HasSubstr("SELINUXTYPE"));
}

class LabelledImport : public Labelled {
  protected:
    void SetUp() override {
        Labelled::SetUp();
        write(folder / "sample.spec", R"(Name: sample
Version: 1
Release: 1
Summary: files that the policy tells apart
License: Apache-2.0
%description
%install
cd %{buildroot}
mkdir -p usr/bin usr/sbin usr/lib/systemd/system etc/cron.d lib/modules/5.1
echo s > usr/bin/sample; echo d > usr/sbin/sshd; echo c > etc/cron.d/sample
echo u > usr/lib/systemd/system/sample.service
ln -s sample usr/bin/link; echo k > lib/modules/5.1/sample.ko; echo caps > usr/bin/caps
%files
/usr/bin/sample
/usr/bin/link
/usr/sbin/sshd
/usr/lib/systemd/system/sample.service
%config /etc/cron.d/sample
%dir /lib/modules/5.1
/lib/modules/5.1/sample.ko
%caps(cap_net_raw=ep) /usr/bin/caps
)");
        run("cd " + folder.string() + " && rpmbuild -bb --quiet --target x86_64 --define '_topdir " +
            (folder / "rpmbuild").string() + "' --define '__os_install_post %{nil}' sample.spec");
        const auto file = folder / "rpmbuild/RPMS/x86_64/sample-1-1.x86_64.rpm";
        package = rpm::read_package(file, file.string(), rpm::Keyring{}, {.allow_unsigned = true});
        install =
            "rpm2cpio " + file.string() +
            " > /run/sample.cpio && cpio -idm --quiet < /run/sample.cpio && "
            "rm /run/sample.cpio && cp -r etc/. usr/etc && cp -r lib/. usr/lib && setcap cap_net_raw=ep usr/bin/caps";
    }

    std::string policy_key(const std::string& commit) const {
        auto text = ostree("show --print-metadata-key=rpmostree.sepolicy " + commit);
        return text.substr(1, text.size() - 3); // 'HEX' and newline
    }

    /// What rpm-ostree's importer labels: each path where it lies, usr/etc/x not as /etc/x.
    void expect_importers_labels(const std::string& commit) {
        etc = EtcLabels::by_place;
        expect_policys_labels(commit, {"f/usr/bin/sample", "l/usr/bin/link", "f/usr/sbin/sshd", "f/usr/bin/caps",
                                       "f/usr/lib/systemd/system/sample.service", "f/usr/etc/cron.d/sample", "d/usr",
                                       "d/lib/modules/5.1", "f/lib/modules/5.1/sample.ko", "d/"});
    }

    PackageFileOnDisk package;
    std::string install;
};

TEST_F(LabelledImport, IsLabelledAndNamesThePolicy) {
    auto sysroot = open();
    Transaction transaction(sysroot, "1");
    const auto unpacked = transaction.import_package(package, base);
    const auto reused = transaction.import_package(package, commit_change(sysroot, transaction, base, install));
    transaction.write();
    expect_importers_labels(unpacked.checksum);
    EXPECT_EQ(reused.checksum, unpacked.checksum) << ostree("diff " + unpacked.checksum + " " + reused.checksum);
    EXPECT_EQ(reused.unpacked, 0U);
    EXPECT_EQ(policy_key(unpacked.checksum), run("sha256sum < " + tests::binary_policy(tree).string()).substr(0, 64));
}

TEST_F(LabelledImport, UnderAnotherPolicyIsLabelledAnew) {
    std::string before;
    {
        auto sysroot = open();
        Transaction transaction(sysroot, "1");
        before = transaction.import_package(package, base).checksum;
        transaction.write();
        ostree("refs --create=rpmostree/pkg/sample/1-1.x86__64 " + before);
        Transaction again(sysroot, "2");
        EXPECT_EQ(again.import_package(package, base).checksum, before) << "under the same policy it is there already";
    }
    // A new base, whose policy has a higher version and another idea of the package's file.
    const auto policy = tests::binary_policy(tree);
    run("cp " + policy.string() + " " + (policy.parent_path() / "policy.100").string() + " && printf x >> " +
        (policy.parent_path() / "policy.100").string() + " && cd " +
        (tree / "usr/etc/selinux/default/contexts/files").string() +
        " && rm file_contexts.bin && echo '/usr/bin/sample -- system_u:object_r:shell_exec_t:s0' >> file_contexts");
    base = commit_tree();
    auto sysroot = open();
    Transaction transaction(sysroot, "3");
    const auto anew = transaction.import_package(package, base).checksum;
    transaction.write();
    EXPECT_NE(anew, before);
    expect_importers_labels(anew);
    EXPECT_EQ(label(anew, "/usr/bin/sample"), "system_u:object_r:shell_exec_t:s0");
    EXPECT_EQ(label(before, "/usr/bin/sample"), "system_u:object_r:bin_t:s0");
    EXPECT_EQ(policy_key(anew), run("sha256sum < " + tests::binary_policy(tree).string()).substr(0, 64));
}

} // namespace
} // namespace rtnode::ostree
