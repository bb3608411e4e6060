#include "fixture.hpp"
#include "ostree/base.hpp"
#include "ostree/deploy.hpp"
#include "ostree/pkgcache.hpp"
#include "rpm/package_file.hpp"

#include <gmock/gmock.h>

#include <sstream>

namespace rtnode::ostree {
namespace {

using testing::HasSubstr;
using testing::Not;

/// A package with one file of each kind, and a tree in which it is installed.
class Import : public SysrootTest {
  protected:
    void SetUp() override {
        SysrootTest::SetUp();
        write(folder / "all+kinds.spec", R"(Name: all+kinds
Epoch: 4
Version: 1.0
Release: 1
Summary: files of all kinds
License: Apache-2.0
%description
%install
cd %{buildroot}
mkdir -p usr/bin usr/lib/all etc/all var/lib/all opt/all boot
echo plain > usr/lib/all/plain; : > usr/lib/all/empty; echo linked > usr/lib/all/one; ln usr/lib/all/one usr/lib/all/two
ln -s plain usr/lib/all/symlink; echo caps > usr/bin/caps; echo suid > usr/bin/suid; echo config > etc/all/config
echo own > usr/lib/all/own; echo opt > opt/all/file; echo boot > boot/all; echo ghost > usr/lib/all/ghost
mkdir -p usr/lib/listed/not/at-all run/all 'var/lib/with space' var/lib/rpm-state/all; ln -s all var/lib/link
echo deep > usr/lib/listed/not/at-all/file; echo state > var/lib/all/file; echo c > etc/all/caps
%files
%dir %attr(0500,root,root) /usr/lib/all
/usr/lib/all/plain
/usr/lib/all/empty
/usr/lib/all/one
/usr/lib/all/two
/usr/lib/all/symlink
%caps(cap_net_raw=ep) /usr/bin/caps
%attr(4755,root,root) /usr/bin/suid
%attr(0640,root,daemon) /usr/lib/all/own
%config /etc/all/config
%dir %attr(1770,daemon,daemon) /var/lib/all
/opt/all
/boot/all
%ghost /usr/lib/all/ghost
%dir %attr(0700,root,root) /usr/lib/listed
/usr/lib/listed/not/at-all/file
%dir /run/all
"/var/lib/with space"
/var/lib/rpm-state/all
/var/lib/link
/var/lib/all/file
%caps(cap_net_admin,cap_setuid=eip) /etc/all/caps
)");
        run("cd " + folder.string() +
            " && SOURCE_DATE_EPOCH=1574000000 rpmbuild -bb --quiet --target x86_64 --define '_topdir " +
            (folder / "rpmbuild").string() +
            "' --define 'use_source_date_epoch_as_buildtime 1' --define '__os_install_post %{nil}' all+kinds.spec");
        const auto file = folder / "rpmbuild/RPMS/x86_64/all+kinds-1.0-1.x86_64.rpm";
        package = rpm::read_package(file, file.string(), rpm::Keyring{}, {.allow_unsigned = true});
        // As librpm lays it out: owners, modes and capabilities of the header.
        install = "rpm2cpio " + file.string() +
                  " > /run/all.cpio && cpio -idm --quiet < /run/all.cpio && rm /run/all.cpio && "
                  "mkdir -p usr/etc && mv etc/all usr/etc/all && setcap cap_net_raw=ep usr/bin/caps && "
                  "chown 0:1 usr/lib/all/own && chmod 4755 usr/bin/suid && chmod 0640 usr/lib/all/own";
    }

    PackageFileOnDisk package;
    std::string install;
};

TEST_F(Import, IsTheSameByReuseAndByUnpacking) {
    auto sysroot = open();
    Transaction transaction(sysroot, "1");
    const auto tree_commit = commit_change(sysroot, transaction, base, install);
    const auto reused = transaction.import_package(package, tree_commit);
    const auto unpacked = transaction.import_package(package, base);
    transaction.write();
    EXPECT_EQ(reused.checksum, unpacked.checksum) << ostree("diff " + unpacked.checksum + " " + reused.checksum);
    EXPECT_EQ(reused.unpacked, 2U) << "only the files of /opt and /boot, which an OSTree tree keeps elsewhere";
    EXPECT_EQ(unpacked.reused, 1U) << "the symlink";
}

TEST_F(Import, LaysFilesOutAsRpmOstreeDoes) {
    auto sysroot = open();
    Transaction transaction(sysroot, "1");
    const auto commit = transaction.import_package(package, base).checksum;
    transaction.write();
    const auto list = ostree("ls -R " + commit);
    EXPECT_THAT(list, HasSubstr("d00700 0 0      0 /usr/lib/all\n")) << "the owner may write to each folder";
    EXPECT_THAT(list, HasSubstr("-04755 0 0      5 /usr/bin/suid\n"));
    EXPECT_THAT(list, HasSubstr("-00640 0 0      4 /usr/lib/all/own\n")) << "owners come at layout";
    EXPECT_THAT(list, HasSubstr("/usr/etc/all/config\n"));
    EXPECT_THAT(list, HasSubstr("/usr/lib/opt/all/file\n"));
    EXPECT_THAT(list, HasSubstr("/usr/lib/ostree-boot/all\n"));
    EXPECT_THAT(list, HasSubstr("/usr/lib/all/two\n"));
    EXPECT_THAT(list, HasSubstr("/usr/lib/all/symlink -> plain\n"));
    EXPECT_THAT(list, Not(HasSubstr("ghost")));
    EXPECT_THAT(list, Not(HasSubstr("/var")));
    EXPECT_THAT(ostree("ls -X " + commit + " /usr/bin/caps"), HasSubstr("security.capability"));
    EXPECT_EQ(ostree("cat " + commit + " /usr/lib/rpm-ostree/tmpfiles.d/all+kinds.conf"),
              "L /opt/all - - - - ../../usr/lib/opt/all\nd /run/all 0755 root root - -\n"
              "d /var/lib/all 1770 daemon daemon - -\nL /var/lib/link - - - - all\n"
              "d '/var/lib/with space' 0755 root root - -\n");
    EXPECT_EQ(ostree("cat " + commit + " /usr/lib/all/two"), "linked\n");
}

TEST_F(Import, CarriesEveryKeyOfTheContract) {
    auto sysroot = open();
    Transaction transaction(sysroot, "1");
    const auto imported = transaction.import_package(package, base);
    transaction.write();
    EXPECT_EQ(imported.ref, "rpmostree/pkg/all_2Bkinds/4_3A1.0-1.x86__64");
    const auto key = [&](const std::string& name) {
        return ostree("show --print-metadata-key=" + name + " " + imported.checksum);
    };
    EXPECT_EQ(key("rpmostree.metadata_sha256"), "'" + package.header_sha256 + "'\n");
    EXPECT_THAT(key("rpmostree.nevra"), HasSubstr("('all+kinds-4:1.0-1.x86_64', 'all+kinds', "));
    EXPECT_EQ(key("rpmostree.unpack_version"), "uint32 16777216\n") << "1 in the tool's byte order";
    EXPECT_EQ(key("rpmostree.unpack_minor_version"), "uint32 100663296\n") << "6";
    EXPECT_THAT(key("rpmostree.metadata"), HasSubstr("[byte 0xed, 0xab, 0xee, 0xdb,"));
    const auto shown = ostree("show " + imported.checksum);
    EXPECT_THAT(shown, HasSubstr("2019-11-17 14:13:20"));
    EXPECT_THAT(shown, Not(HasSubstr("Parent:")));
}

/// Imports the package of the fixture and gives it its ref; then a command line that compares it with an independent
/// decoder's reading of the RPM.
std::string comparison(Sysroot sysroot, const PackageFileOnDisk& package, const std::string& tree_commit) {
    Transaction transaction(sysroot, "1");
    const auto imported = transaction.import_package(package, tree_commit);
    transaction.write();
    const auto repo = sysroot.repo_folder().string();
    run("ostree refs --repo=" + repo + " --create=" + imported.ref + " " + imported.checksum);
    return std::string(RTNODE_CONTRACT) + " packages " + repo + " " + package.path.string();
}

TEST_F(Import, IsToTheByteWhatAnIndependentDecoderMakesOfTheRpm) {
    EXPECT_THAT(run(comparison(open(), package, base)), HasSubstr("the same: 1 pkgcache commits"));
}

TEST_F(Import, ComparisonFailsForEachChangedByte) {
    const auto compare = comparison(open(), package, base);
    const auto expect_difference = [&](const std::filesystem::path& file, std::size_t at) {
        const auto bytes = read(file);
        auto changed = bytes;
        changed.at(at) ^= 1;
        write(file, changed);
        EXPECT_THAT(run("! " + compare), HasSubstr("DIFFERENT")) << file << " at " << at;
        write(file, bytes);
    };
    expect_difference(package.path, read(package.path).find("files of all kinds")); // a letter of the header
    std::istringstream listed(ostree("ls -d -C rpmostree/pkg/all_2Bkinds/4_3A1.0-1.x86__64 /usr/lib/listed/not"));
    std::string word, tree_checksum, meta_checksum;
    listed >> word >> word >> word >> word >> tree_checksum >> meta_checksum;
    auto commit = ostree("rev-parse rpmostree/pkg/all_2Bkinds/4_3A1.0-1.x86__64");
    commit.pop_back();
    for (const auto& [checksum, kind] :
         {std::pair{commit, ".commit"}, {tree_checksum, ".dirtree"}, {meta_checksum, ".dirmeta"}}) {
        const auto file = repo / "objects" / checksum.substr(0, 2) / (checksum.substr(2) + kind);
        expect_difference(file, read(file).size() / 2);
    }
    std::istringstream file_listed(ostree("ls -C rpmostree/pkg/all_2Bkinds/4_3A1.0-1.x86__64 /usr/lib/all/plain"));
    std::string content_checksum;
    file_listed >> word >> word >> word >> word >> content_checksum;
    expect_difference(repo / "objects" / content_checksum.substr(0, 2) / (content_checksum.substr(2) + ".file"), 0);
    expect_difference(repo / "refs/heads/rpmostree/pkg/all_2Bkinds/4_3A1.0-1.x86__64", 3);
    EXPECT_THAT(run(compare), HasSubstr("the same"));
}

TEST_F(Import, BecomesARefWithTheDeploymentAndIsFoundThen) {
    auto sysroot = open();
    const auto lock = sysroot.lock(std::chrono::seconds(1));
    EXPECT_FALSE(package_cached(sysroot, package.nevra, package.header_sha256));
    {
        Transaction transaction(sysroot, "1");
        const auto commit = commit_change(sysroot, transaction, base, install);
        transaction.import_package(package, commit);
        transaction.write();
        const auto start = sysroot.starting_point("host");
        deploy(sysroot,
               {"host", commit,
                start.origin.raw + "[packages]\nrequested-local=" + package.header_sha256 + ":" + package.nevra.str() +
                    ";\n",
                start.kernel_arguments},
               &transaction);
    }
    EXPECT_TRUE(package_cached(sysroot, package.nevra, package.header_sha256));
    EXPECT_FALSE(package_cached(sysroot, package.nevra, std::string(64, '0')));
    EXPECT_THAT(ostree("refs"), Not(HasSubstr("rtnode/tmp")));
    EXPECT_EQ(cleanup(sysroot).package_refs, 0U) << "the origin asks for it";
    Transaction next(sysroot, "2");
    const auto again = next.import_package(package, base);
    EXPECT_EQ(again.reused + again.unpacked, 0U) << "it is there already";
    EXPECT_EQ(sysroot.deployments().front().layered_packages.front(), package.nevra);
}

TEST_F(Import, OfAFileThatChangedSinceItWasCheckedIsRefused) {
    const auto bytes = read(package.path);
    auto header_changed = bytes, payload_changed = bytes;
    header_changed[package.payload_offset - 1] ^= 1;
    payload_changed.resize(bytes.size() - 100);
    auto sysroot = open();
    Transaction transaction(sysroot, "1");
    for (const auto& changed : {header_changed, payload_changed}) {
        write(package.path, changed);
        try {
            transaction.import_package(package, base);
            FAIL();
        } catch (const Error& error) {
            EXPECT_EQ(error.reason(), Reason::DamagedPackage);
        }
    }
}

class LabelledImport : public Import {
  protected:
    void SetUp() override {
        write(tree / "usr/etc/selinux/config", "SELINUX=enforcing\nSELINUXTYPE=targeted\n");
        write(tree / "usr/etc/selinux/targeted/policy/policy.33", "x");
        write(tree / "usr/etc/selinux/targeted/contexts/files/file_contexts", "/.*  system_u:object_r:default_t:s0\n");
        Import::SetUp();
    }
};

TEST_F(LabelledImport, IsToTheByteWhatAnIndependentDecoderMakesOfTheRpm) {
    EXPECT_THAT(run(comparison(open(), package, base) + " --policy " +
                    (tree / "usr/etc/selinux/targeted/policy/policy.33").string() +
                    " --label system_u:object_r:default_t:s0"),
                HasSubstr("the same"));
}

TEST_F(LabelledImport, ANewPolicyLabelsTheCommitAnewAndKeepsWhereItCameFrom) {
    auto sysroot = open();
    // As rpm-ostree imported it from a repository, under another policy.
    std::string foreign;
    {
        Transaction transaction(sysroot, "1");
        foreign = transaction.import_package(package, base).checksum;
        transaction.write();
        auto keys = std::string(" --add-metadata=rpmostree.repo=\"{'id': <'rt'>, 'timestamp': <uint64 7>}\"");
        keys +=
            " --add-metadata-string=rpmostree.repodata_checksum=sha256:12 --add-metadata-string=rpmostree.sepolicy=old";
        keys += " --add-metadata-string=rpmostree.metadata_sha256=" + package.header_sha256;
        ostree("commit --parent=none -s '' --branch=rpmostree/pkg/all_2Bkinds/4_3A1.0-1.x86__64 --tree=ref=" + foreign +
               keys);
    }
    Transaction transaction(sysroot, "2");
    const auto anew = transaction.import_package(package, base).checksum;
    transaction.write();
    EXPECT_NE(anew, foreign);
    EXPECT_EQ(ostree("show --print-metadata-key=rpmostree.repodata_checksum " + anew), "'sha256:12'\n");
    EXPECT_THAT(ostree("show --print-metadata-key=rpmostree.repo " + anew), HasSubstr("'id': <'rt'>"));
    EXPECT_THAT(ostree("show --print-metadata-key=rpmostree.sepolicy " + anew), HasSubstr("2d711642b726b04401627ca9"));
}

TEST_F(LabelledImport, RecordsThePolicyAndReusesLabelledObjects) {
    auto sysroot = open();
    Transaction transaction(sysroot, "1");
    const auto tree_commit = commit_change(sysroot, transaction, base, install);
    const auto reused = transaction.import_package(package, tree_commit);
    const auto unpacked = transaction.import_package(package, base);
    transaction.write();
    EXPECT_EQ(reused.checksum, unpacked.checksum);
    EXPECT_EQ(ostree("show --print-metadata-key=rpmostree.sepolicy " + reused.checksum),
              "'2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881'\n");
    EXPECT_THAT(ostree("ls -X " + reused.checksum + " /usr/lib/all/plain"),
                HasSubstr("system_u:object_r:default_t:s0"));
}

} // namespace
} // namespace rtnode::ostree
