#include "fixture.hpp"

#include "ostree/base.hpp"
#include "ostree/commit.hpp"

#include <cstdio>
#include <fstream>
#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

namespace rtnode::ostree {
namespace fs = std::filesystem;

std::string run(const std::string& command) {
    std::string output;
    FILE* pipe = popen(("exec 2>&1; " + command).c_str(), "r");
    char buffer[4096];
    while (const auto count = fread(buffer, 1, sizeof buffer, pipe))
        output.append(buffer, count);
    EXPECT_EQ(pclose(pipe), 0) << command << "\n" << output;
    return output;
}

std::string set_attribute(const std::string& path, const std::string& name, const std::string& value) {
    return "python3 -c \"import os; os.setxattr('" + path + "', '" + name + "', b'" + value +
           "', follow_symlinks=False)\"";
}

std::string read(const fs::path& path) {
    std::ifstream stream(path, std::ios::binary);
    EXPECT_TRUE(stream) << path;
    return {std::istreambuf_iterator<char>(stream), {}};
}

void write(const fs::path& path, const std::string& text) {
    fs::create_directories(path.parent_path());
    std::ofstream stream(path, std::ios::binary);
    stream << text;
    EXPECT_TRUE(stream.flush()) << path;
}

SysrootTest::SysrootTest() {
    // Mounts of tests stay here and end with this process.
    static const bool private_mounts =
        unshare(CLONE_NEWNS) == 0 && mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0;
    EXPECT_TRUE(private_mounts) << "these tests need root";
    const char* where = getenv("TMPDIR");
    std::string name = std::string(where ? where : "/var/tmp") + "/rtnode-sysroot-XXXXXX";
    folder = mkdtemp(name.data());
    root = folder / "sysroot";
    tree = folder / "tree";
    repo = root / "ostree/repo";
}

SysrootTest::~SysrootTest() {
    remove_work_folder(folder);
}

void SysrootTest::SetUp() {
    fs::create_directory(root);
    run("ostree admin init-fs --modern " + root.string() + " && ostree admin os-init host --sysroot=" + root.string());
    // No boot loader to configure: entries only.
    run("ostree config --repo=" + repo.string() +
        " set sysroot.bootloader none && ostree config --repo=" + repo.string() + " set core.fsync false");
    write(tree / "usr/lib/modules/5.1-stock/vmlinuz", "stock kernel");
    write(tree / "usr/lib/modules/5.1-stock/initramfs.img", "stock initramfs");
    write(tree / "usr/etc/os-release", "NAME=fixture\nID=fixture\n");
    write(tree / "usr/share/rpm/rpmdb.sqlite", "a database");
    write(tree / "usr/bin/tool", "tool 1");
    write(tree / "usr/lib/folder/a", "a");
    write(tree / "usr/lib/folder/b", "b");
    write(tree / "usr/lib/folder/sub/c", "c");
    fs::create_symlink("tool", tree / "usr/bin/link");
    complete_tree();
    base = commit_tree("--add-metadata-string=version=1.0 "
                       "--add-metadata=rpmostree.initramfs-args=\"['--no-hostonly','--add','ostree']\" "
                       "--add-metadata=rpmostree.rpmdb.pkglist=\"[('kernel','0','5.1','1','x86_64'),"
                       "('tool','0','1','1','x86_64')]\"");
    deploy_tree(base);
}

void SysrootTest::TearDown() {
    if (check_fsck) run("ostree fsck -q --repo=" + repo.string());
}

std::string SysrootTest::commit_tree(const std::string& more) {
    auto checksum = run("ostree commit --repo=" + repo.string() +
                        " --branch=fixture/host --bootable --owner-uid=0 --owner-gid=0 -s "
                        " --parent=none " +
                        more + " " + tree.string());
    checksum.erase(checksum.find_last_not_of('\n') + 1);
    return checksum;
}

void SysrootTest::deploy_tree(const std::string& commit, const std::string& stateroot) {
    write(folder / "origin", "[origin]\nrefspec=" + commit +
                                 "\ncustom-url=pivot://registry/x@sha256:01\n"
                                 "custom-description=Managed by machine-config-operator\n");
    run("ostree admin deploy --sysroot=" + root.string() + " --os=" + stateroot +
        " --origin-file=" + (folder / "origin").string() +
        " --karg-append=root=UUID=1 --karg-append=console=tty0 --karg-append=console=ttyS0 --karg-append=rw " + commit);
}

std::string SysrootTest::ostree(const std::string& command) const {
    return run("ostree --repo=" + repo.string() + " " + command);
}

std::string SysrootTest::observable() const {
    return run("cd " + root.string() +
               " && ostree admin status --sysroot=. && find ostree/repo/refs -type f | sort | xargs tail -n +1"
               " && find ostree/repo/refs ostree/boot.* ostree/deploy/*/deploy -maxdepth 1 -printf '%p %y %l\\n' | sort"
               " && tail -n +1 ostree/deploy/*/deploy/*.origin && find boot -printf '%p %y %l %s\\n' | sort"
               " && tail -n +1 boot/loader/entries/*");
}

fs::path change_on_overlay(const fs::path& lower, const fs::path& work_folder, const std::string& command) {
    for (const auto* name : {"upper", "work", "merged"})
        fs::create_directories(work_folder / name);
    const auto merged = work_folder / "merged";
    const std::string options = "lowerdir=" + lower.string() + ",upperdir=" + (work_folder / "upper").string() +
                                ",workdir=" + (work_folder / "work").string() +
                                ",redirect_dir=off,metacopy=off,index=off";
    EXPECT_EQ(mount("overlay", merged.c_str(), "overlay", 0, options.c_str()), 0) << strerror(errno);
    run("cd " + merged.string() + " && " + command);
    EXPECT_EQ(umount(merged.c_str()), 0) << strerror(errno);
    return work_folder / "upper";
}

std::string commit_change(Sysroot& sysroot, Transaction& transaction, const std::string& base,
                          const std::string& command) {
    const auto work = make_work_folder(sysroot, "test");
    const auto lower = lower_tree(sysroot, base, work);
    const auto upper = change_on_overlay(lower.folder, work, command);
    CommitMetadata metadata;
    metadata.version = metadata_string(sysroot, base, "version");
    metadata.packages = {{"tool", 0, "2", "1", "x86_64"}, {"kernel", 0, "5.1", "1", "x86_64"}};
    metadata.replaced = {{{"tool", 0, "1", "1", "x86_64"}, {"tool", 0, "2", "1", "x86_64"}}};
    metadata.state = command;
    const auto checksum = transaction.commit_overlay(base, upper, metadata);
    remove_work_folder(work);
    return checksum;
}

} // namespace rtnode::ostree
