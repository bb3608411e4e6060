// Changes that must fail: with which reason, and what the message names.

#include "node.hpp"

#include <sys/mount.h>

using namespace rtnode;
using namespace rtnode::test;
using testing::AllOf;
using testing::Contains;
using testing::ElementsAre;
using testing::Field;
using testing::HasSubstr;

namespace {

struct Refused : OnNode {
    void expect(const std::string& file, Reason reason, const std::vector<std::string>& parts = {}) {
        assembly.install = {package(file)};
        const auto error = failure();
        EXPECT_EQ(error.reason(), reason) << error.what();
        for (const auto& part : parts)
            EXPECT_THAT(error.what(), HasSubstr(part));
    }
};

} // namespace

TEST_F(Refused, WhatNothingProvides) {
    expect("bad/needs-nothing-provides.rpm", Reason::DependencyProblem, {"rtnode-there-is-no-such-thing"});
}

TEST_F(Refused, RemovalOfWhatOthersNeed) {
    assembly.erase = {in_base("rtnode-sample-libs")};
    const auto error = failure();
    EXPECT_EQ(error.reason(), Reason::DependencyProblem);
    EXPECT_THAT(error.what(), HasSubstr("rtnode-sample"));
}

TEST_F(Refused, RemovalOfWhatIsNotThere) {
    assembly.erase = {Nevra{"nothere", 0, "1", "1", "x86_64"}};
    EXPECT_EQ(failure().reason(), Reason::PackageNotInBase);
}

TEST_F(Refused, AnErasureThatNobodyAskedFor) {
    expect("bad/obsoletes-base.rpm", Reason::UnaskedChange, {"rtnode-tools-1.0-1.el9.noarch"});
}

TEST_F(Refused, FilesOfAnotherPackage) {
    expect("bad/file-conflict.rpm", Reason::TransactionFailed, {"/usr/bin/rtnode-sample", "conflicts"});
}

TEST_F(Refused, AScriptletThatFailsBeforeItsPackageIsInstalled) {
    for (const std::string kind : {"pretrans", "pre"}) {
        fs::remove_all(assembly.work_folder);
        fs::create_directory(assembly.work_folder);
        heard = {};
        expect("bad/fails-in-" + kind + ".rpm", Reason::ScriptletFailed,
               {"fails-in-" + kind + "." + kind, "said on stderr before failing"});
        EXPECT_THAT(heard.lines, Contains("fails-in-" + kind + "." + kind + ": said on stdout before failing"));
    }
}

TEST_F(Refused, NotAScriptletThatFailsAfterIt) {
    for (const std::string kind : {"post", "posttrans"}) {
        fs::remove_all(assembly.work_folder);
        fs::create_directory(assembly.work_folder);
        heard = {};
        const auto name = "fails-in-" + kind;
        assembly.install = {package("bad/" + name + ".rpm")};
        EXPECT_THAT(assemble::assemble(assembly, heard).packages, Contains(Field(&Nevra::name, name)));
        EXPECT_THAT(heard.warnings, ElementsAre(AllOf(HasSubstr("the scriptlet " + name + "." + kind),
                                                      HasSubstr("rpm takes its package for installed all the same"),
                                                      HasSubstr("said on stderr before failing"))));
    }
}

TEST_F(Refused, AHangingScriptlet) {
    assembly.scriptlet_limit_s = 1;
    expect("bad/hangs-in-post.rpm", Reason::StepTimedOut, {"hangs-in-post.post", "1 s"});
}

TEST_F(Refused, AScriptletThatIgnoresPoliteSignals) {
    assembly.scriptlet_limit_s = 1;
    expect("bad/ignores-sigterm-in-post.rpm", Reason::StepTimedOut, {"ignores-sigterm-in-post.post"});
}

TEST_F(Refused, ASecondKernel) {
    assembly.changes_kernel = assembly.regenerate_initramfs = true;
    expect("bad/second-kernel.rpm", Reason::SeveralKernels, {"9.9.9-1.el9.x86_64"});
}

TEST_F(Refused, ATreeWithoutKernel) {
    swap_kernel();
    expect("bad/kernel-without-image.rpm", Reason::NoKernel);
}

TEST_F(Refused, AFailingDracut) {
    assembly.regenerate_initramfs = true;
    expect("bad/dracut-fails.rpm", Reason::InitramfsFailed, {"rtnode-fixture"});
}

TEST_F(Refused, AHangingDracut) {
    assembly.regenerate_initramfs = true;
    assembly.dracut_limit_s = 1;
    expect("bad/dracut-hangs.rpm", Reason::StepTimedOut, {"dracut"});
}

TEST_F(Refused, AnInitramfsThatCouldNotBoot) {
    assembly.regenerate_initramfs = true;
    expect("bad/dracut-leaves-modules-out.rpm", Reason::InitramfsFailed, {"ostree"});
}

TEST_F(Refused, AnInitramfsWithoutTheNewMicrocode) {
    assembly.regenerate_initramfs = true;
    assembly.dracut_args = {"--no-hostonly", "--no-early-microcode"};
    assembly.install = {newer_microcode()};
    const auto error = failure();
    EXPECT_EQ(error.reason(), Reason::MicrocodeMissing) << error.what();
    EXPECT_THAT(error.what(), HasSubstr("usr/lib/firmware/"));
}

TEST_F(Refused, ABaseThatIsNoTree) {
    fs::create_directory(folder / "empty");
    assembly.lower = folder / "empty";
    EXPECT_EQ(failure().reason(), Reason::UnsupportedRoot);
}

TEST_F(Refused, AFileSystemThatCannotBeAnUpperLayer) {
    assembly.work_folder = "/proc";
    EXPECT_EQ(failure().reason(), Reason::OverlayUnavailable);
}

TEST_F(Refused, AFullDisk) {
    // The whole change needs some 35 MB: too little for rpm's own estimate; enough for the packages, but not for the
    // initramfs.
    swap_kernel();
    for (const auto* size : {"size=8m", "size=24m"}) {
        ASSERT_EQ(mount("tmpfs", assembly.work_folder.c_str(), "tmpfs", 0, size), 0);
        const auto error = failure();
        umount2(assembly.work_folder.c_str(), MNT_DETACH);
        EXPECT_EQ(error.reason(), Reason::NoSpace) << size << ": " << error.what();
    }
}

TEST_F(Refused, OnCancel) {
    heard.cancel = [](const std::vector<std::string>&) { return true; };
    swap_kernel();
    EXPECT_EQ(failure().reason(), Reason::Canceled);
}
