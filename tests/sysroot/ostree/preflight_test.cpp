#include "fixture.hpp"
#include "ostree/deploy.hpp"
#include "ostree/preflight.hpp"

#include <gmock/gmock.h>

#include <elf.h>
#include <fstream>
#include <linux/magic.h>

namespace rtnode::ostree {
namespace {

using testing::HasSubstr;

const std::string sha(64, 'c');

class Preflight : public SysrootTest {
  protected:
    std::filesystem::path deployed(const std::string& path) const {
        return open().deployment_folder(open().deployments().front()) / path;
    }

    std::filesystem::path origin_file() const {
        return root / "ostree/deploy/host/deploy" / (open().deployments().front().checksum + ".0.origin");
    }

    void append_origin(const std::string& text) const { write(origin_file(), read(origin_file()) + text); }

    /// Deploys the tree as it is now with more metadata, as the only interesting deployment.
    void redeploy(const std::string& more) {
        base = commit_tree(more);
        deploy_tree(base);
    }

    Reason refusal(PreflightRequest request = {}) {
        const auto before = observable();
        try {
            preflight(open(), request);
        } catch (const Error& error) {
            message = error.what();
            EXPECT_EQ(observable(), before);
            return error.reason();
        }
        ADD_FAILURE() << "it wasn't refused";
        return Reason::Internal;
    }

    /// Kernel arguments and deployments may still be changed.
    void expect_kernel_arguments_still_work() {
        PreflightRequest request;
        request.packages = false;
        EXPECT_NO_THROW(preflight(open(), request));
    }

    std::string message;
};

TEST_F(Preflight, PassesOnASoundNode) {
    const auto ground = preflight(open(), {});
    EXPECT_EQ(ground.stateroot, "host");
    EXPECT_EQ(ground.start.checksum, base);
    EXPECT_EQ(ground.merge.checksum, base);
}

TEST_F(Preflight, RefusesAHostThatOstreeDidNotBoot) {
    try {
        preflight(Sysroot(root, false), {.host = {.ostree_booted = false, .machine = "x86_64"}});
        FAIL();
    } catch (const Error& error) {
        EXPECT_EQ(error.reason(), Reason::NotOstree);
    }
}

TEST_F(Preflight, RefusesABootedHostWithoutBootedDeployment) {
    try {
        preflight(Sysroot(root, false), {.host = {.ostree_booted = true, .machine = "x86_64"}});
        FAIL();
    } catch (const Error& error) {
        EXPECT_EQ(error.reason(), Reason::NotBooted);
    }
}

TEST_F(Preflight, RefusesASelinuxDomainThatMayNotLabelWhatANewTreeHas) {
    try {
        preflight(open(), {.host = {.confined_as = "system_u:system_r:unconfined_service_t:s0"}});
        FAIL();
    } catch (const Error& error) {
        EXPECT_EQ(error.reason(), Reason::SelinuxDomain);
        EXPECT_THAT(error.what(), testing::AllOf(HasSubstr("unconfined_service_t"), HasSubstr("install_t")));
    }
}

TEST_F(Preflight, RefusesSeveralStaterootsWithoutAName) {
    run("ostree admin os-init other --sysroot=" + root.string());
    deploy_tree(base, "other");
    EXPECT_EQ(refusal(), Reason::AmbiguousStateroot);
    EXPECT_EQ(preflight(open(), {.os = "other"}).stateroot, "other");
}

TEST_F(Preflight, RefusesComposefs) {
    for (const auto* value : {"yes", "true", "signed", "verity"}) {
        write(deployed("usr/lib/ostree/prepare-root.conf"), "[composefs]\nenabled=" + std::string(value) + "\n");
        EXPECT_EQ(refusal(), Reason::UnsupportedRoot) << value;
        EXPECT_THAT(message, HasSubstr("composefs"));
    }
    write(deployed("usr/lib/ostree/prepare-root.conf"), "[composefs]\nenabled=maybe\n");
    EXPECT_NO_THROW(preflight(open(), {}));
}

TEST_F(Preflight, RefusesADeploymentWithAComposefsImage) {
    run("chattr -i " + deployed("").string());
    write(deployed(".ostree.cfs"), "an image");
    EXPECT_EQ(refusal(), Reason::UnsupportedRoot);
}

TEST_F(Preflight, RefusesARepositoryThatDemandsComposefs) {
    ostree("config set ex-integrity.composefs true");
    EXPECT_EQ(refusal(), Reason::UnsupportedRoot);
}

TEST_F(Preflight, RefusesASealedCommit) {
    redeploy("--add-metadata=ostree.composefs.digest.v0=\"[byte 0x01]\"");
    EXPECT_EQ(refusal(), Reason::UnsupportedRoot);
}

TEST_F(Preflight, RefusesComposefsAskedForByKernelArgument) {
    run("ostree admin deploy --sysroot=" + root.string() + " --os=host --karg=ostree.prepare-root.composefs=signed " +
        base);
    EXPECT_EQ(refusal(), Reason::UnsupportedRoot);
}

TEST_F(Preflight, RefusesATransientRoot) {
    write(deployed("etc/ostree/prepare-root.conf"), "[root]\ntransient=true\n");
    EXPECT_EQ(refusal(), Reason::UnsupportedRoot);
}

TEST_F(Preflight, RefusesAnUnlockedDeployment) {
    append_origin("unlocked=hotfix\n");
    EXPECT_EQ(refusal(), Reason::UnsupportedRoot);
    EXPECT_THAT(message, HasSubstr("unlocked"));
    expect_kernel_arguments_still_work();
}

TEST_F(Preflight, RefusesLoaderEntriesOnFat) {
    // By number, since not every kernel that runs this test can mount FAT.
    try {
        check_loader_file_system(root / "boot/loader", MSDOS_SUPER_MAGIC);
        FAIL();
    } catch (const Error& error) {
        EXPECT_EQ(error.reason(), Reason::UnsupportedBoot);
    }
    EXPECT_NO_THROW(check_loader_file_system(root / "boot/loader", EXT4_SUPER_MAGIC));
}

TEST_F(Preflight, RefusesLockedLayering) {
    write(deployed("etc/rpm-ostreed.conf"), "[Daemon]\nLockLayering=true\n");
    EXPECT_EQ(refusal(), Reason::LayeringLocked);
    expect_kernel_arguments_still_work();
}

TEST_F(Preflight, RefusesAnOriginWithoutRefspec) {
    write(origin_file(), "[origin]\ncustom-url=x\n");
    EXPECT_EQ(refusal(), Reason::UnusableOrigin);
    write(origin_file(), "[origin]\ncontainer-image-reference=ostree-unverified-registry:quay.io/x\n");
    EXPECT_NO_THROW(preflight(open(), {}));
}

TEST_F(Preflight, RefusesAnOriginThatIsDamaged) {
    // libostree itself refuses to load a sysroot with an origin that isn't a key file.
    write(origin_file(), "[origin]\nrefspec=a:b\ncontainer-image-reference=c\n");
    EXPECT_EQ(open().deployments().size(), 1U) << "a status must not fail";
    EXPECT_EQ(refusal(), Reason::UnusableOrigin);
}

TEST_F(Preflight, RefusesAPartialBaseCommit) {
    write(repo / "state" / (base + ".commitpartial"), "");
    EXPECT_EQ(refusal(), Reason::PartialCommit);
    std::filesystem::remove(repo / "state" / (base + ".commitpartial"));
}

TEST_F(Preflight, RefusesABaseCommitThatIsGone) {
    check_fsck = false;
    std::filesystem::remove(repo / "objects" / base.substr(0, 2) / (base.substr(2) + ".commit"));
    try {
        preflight(open(), {});
        FAIL();
    } catch (const Error& error) {
        EXPECT_EQ(error.reason(), Reason::PartialCommit) << error.what();
        EXPECT_THAT(error.what(), HasSubstr("pull it again"));
    }
}

TEST_F(Preflight, RefusesABaseForAnotherArchitecture) {
    redeploy(
        "--add-metadata=rpmostree.rpmdb.pkglist=\"[('kernel','0','5.1','1','aarch64'),('x','0','1','1','noarch')]\"");
    EXPECT_EQ(refusal(), Reason::UnsupportedArchitecture);
    EXPECT_THAT(message, HasSubstr("aarch64"));
    redeploy("--add-metadata-string=coreos-assembler.basearch=s390x");
    EXPECT_EQ(refusal(), Reason::UnsupportedArchitecture);
}

TEST_F(Preflight, KnowsTheArchitectureByItsPrograms) {
    std::string elf("\177ELF\2\1\1", 7);
    elf.resize(64, '\0');
    elf[18] = static_cast<char>(EM_AARCH64);
    write(tree / "usr/bin/bash", elf);
    redeploy("");
    EXPECT_EQ(refusal(), Reason::UnsupportedArchitecture);
    elf[18] = EM_X86_64;
    write(tree / "usr/bin/bash", elf);
    redeploy("");
    EXPECT_NO_THROW(preflight(open(), {}));
}

struct Foreign {
    const char *origin, *named;
};
class ForeignLayering : public Preflight, public testing::WithParamInterface<Foreign> {};

TEST_P(ForeignLayering, IsRefusedForPackagesNotForKernelArguments) {
    append_origin(GetParam().origin);
    EXPECT_EQ(refusal(), Reason::ForeignLayering);
    EXPECT_THAT(message, HasSubstr(GetParam().named));
    expect_kernel_arguments_still_work();
}

INSTANTIATE_TEST_SUITE_P(Kinds, ForeignLayering,
                         testing::Values(Foreign{"[packages]\nrequested=htop;\n", "htop"},
                                         Foreign{"[overrides]\nreplace=repo=x,y;\n", "repo=x,y"},
                                         Foreign{"[packages]\nrequested-local-fileoverride=a;\n", "a"},
                                         Foreign{"[rpmostree]\nregenerate-initramfs=true\n", "initramfs"},
                                         Foreign{"[rpmostree]\ninitramfs-etc=/etc/multipath.conf;\n",
                                                 "/etc/multipath.conf"}));

TEST_F(Preflight, RefusesLocalPackagesWhoseFileIsNotAtHand) {
    append_origin("[packages]\nrequested-local=" + sha + ":htop-1-1.x86_64;\n");
    EXPECT_EQ(refusal(), Reason::ForeignLayering);
    EXPECT_THAT(message, HasSubstr("htop-1-1.x86_64"));
    EXPECT_NO_THROW(preflight(open(), {.have_payload = [](const std::string& sha256, const std::string& nevra) {
                                  return sha256 == sha && nevra == "htop-1-1.x86_64";
                              }}));
}

class DamagedObject : public Preflight, public testing::WithParamInterface<const char*> {};

TEST_P(DamagedObject, IsFoundWhenAssemblyWouldReadIt) {
    check_fsck = false;
    const auto line = ostree("ls -C " + base + " " + GetParam()); // mode uid gid size checksum path
    const auto at = line.find_first_of("0123456789abcdef", line.find_last_of(' ') - 64);
    const std::string checksum = line.substr(at, 64);
    ASSERT_EQ(checksum.find(' '), std::string::npos) << line;
    const auto object = repo / "objects" / checksum.substr(0, 2) / (checksum.substr(2) + ".file");
    std::ofstream(object, std::ios::in | std::ios::binary) << "X";
    EXPECT_EQ(refusal(), Reason::CorruptObject);
    EXPECT_THAT(message, HasSubstr(GetParam()));
    std::filesystem::remove(object);
    EXPECT_EQ(refusal(), Reason::CorruptObject);
}

INSTANTIATE_TEST_SUITE_P(Files, DamagedObject,
                         testing::Values("/usr/share/rpm/rpmdb.sqlite", "/usr/lib/modules/5.1-stock/vmlinuz",
                                         "/usr/lib/modules/5.1-stock/initramfs.img"));

} // namespace
} // namespace rtnode::ostree
