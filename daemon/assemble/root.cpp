#include "assemble/root.hpp"

#include "state/error.hpp"
#include "state/unique_fd.hpp"

#include <fcntl.h>
#include <linux/capability.h>
#include <linux/magic.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <system_error>

namespace rtnode::assemble {
namespace {

namespace fs = std::filesystem;

Error unavailable(const std::string& what) {
    const int error = errno;
    return fail(Reason::SandboxUnavailable,
                "the sandbox could not be set up: {}: {}; rtnode needs the right to mount and to make namespaces", what,
                std::strerror(error));
}

void mount_or_fail(const char* source, const fs::path& target, const char* type, unsigned long flags,
                   const char* options = nullptr) {
    if (mount(source, target.c_str(), type, flags, options) != 0)
        throw unavailable(fmt::format("mounting {} on '{}'", type ? type : source, target.string()));
}

UniqueFd folder(const fs::path& path) {
    UniqueFd opened(open(path.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!opened)
        throw fail(Reason::OverlayUnavailable, "the folder '{}' can't be opened: {}", path.string(),
                   std::strerror(errno));
    return opened;
}

void mount_overlay(const SandboxSpec& spec) {
    // Without trusted.* attributes overlayfs mounts, but can't replace folders: a wrong tree, silently.
    if (setxattr(spec.upper.c_str(), "trusted.rtnode", "1", 1, 0) != 0)
        throw fail(Reason::OverlayUnavailable,
                   "the file system of '{}' does not take trusted attributes, which the overlay needs ({}); the "
                   "repository must lie on ext4, xfs or btrfs",
                   spec.upper.string(), std::strerror(errno));
    removexattr(spec.upper.c_str(), "trusted.rtnode");

    // Descriptors instead of paths: no colon or comma in a path can change the meaning of the options.
    const auto lower = folder(spec.lower), upper = folder(spec.upper), work = folder(spec.work);
    const auto options = fmt::format("lowerdir=/proc/self/fd/{},upperdir=/proc/self/fd/{},workdir=/proc/self/fd/{},"
                                     "redirect_dir=off,metacopy=off,index=off",
                                     lower.get(), upper.get(), work.get());
    if (mount("overlay", spec.merged.c_str(), "overlay", MS_NODEV | MS_NOSUID, options.c_str()) != 0)
        throw fail(Reason::OverlayUnavailable,
                   "an overlay over '{}' could not be mounted: {}; the kernel needs overlayfs, and '{}' a file system "
                   "that can be its upper layer (ext4, xfs, btrfs)",
                   spec.lower.string(), std::strerror(errno), spec.upper.string());
}

/// Makes a mount point; a symlink in its place would lead the mount elsewhere.
fs::path mount_point(const fs::path& root, const char* name) {
    const auto path = root / name;
    const auto status = fs::symlink_status(path);
    if (status.type() == fs::file_type::not_found)
        fs::create_directory(path);
    else if (status.type() != fs::file_type::directory)
        throw fail(Reason::UnsupportedRoot, "the base's '/{}' is not a folder; this is no tree that rtnode knows",
                   name);
    return path;
}

void make_folder(const fs::path& path, mode_t mode) {
    fs::create_directories(path);
    if (chmod(path.c_str(), mode) != 0) throw unavailable(fmt::format("mode of '{}'", path.string()));
}

void mount_dev(const fs::path& root) {
    const auto dev = mount_point(root, "dev");
    mount_or_fail("tmpfs", dev, "tmpfs", MS_NOSUID | MS_NOEXEC, "mode=0755,size=16m");
    for (const std::string name : {"null", "zero", "full", "random", "urandom", "tty"}) {
        std::ofstream(dev / name).close();
        mount_or_fail(("/dev/" + name).c_str(), dev / name, nullptr, MS_BIND);
    }
    fs::create_symlink("/proc/self/fd", dev / "fd");
    fs::create_symlink("/proc/self/fd/0", dev / "stdin");
    fs::create_symlink("/proc/self/fd/1", dev / "stdout");
    fs::create_symlink("/proc/self/fd/2", dev / "stderr");
    make_folder(dev / "shm", 01777);
}

void bind_read_only(const fs::path& path) {
    mount_or_fail(path.c_str(), path, nullptr, MS_BIND | MS_REC);
    mount_or_fail("none", path, nullptr, MS_BIND | MS_REMOUNT | MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC);
}

/// Root can write much of /proc without any capability (core_pattern runs programs on the host): only the processes'
/// own folders stay writable.
void mount_proc(const fs::path& root) {
    const auto proc = mount_point(root, "proc");
    mount_or_fail("proc", proc, "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC);
    std::vector<fs::path> of_the_kernel;
    for (const auto& entry : fs::directory_iterator(proc)) {
        const auto name = entry.path().filename().string();
        struct stat about {};
        if (std::all_of(name.begin(), name.end(), [](unsigned char c) { return c >= '0' && c <= '9'; })) continue;
        if (lstat(entry.path().c_str(), &about) != 0 || S_ISLNK(about.st_mode)) continue;
        if (S_ISDIR(about.st_mode) || (about.st_mode & 0222) != 0) of_the_kernel.push_back(entry.path());
    }
    for (const auto& path : of_the_kernel)
        bind_read_only(path);
}

void mount_scratch(const fs::path& root) {
    mount_or_fail("tmpfs", mount_point(root, "run"), "tmpfs", MS_NOSUID | MS_NODEV, "mode=0755");
    std::ofstream(root / "run/ostree-booted").close(); // scriptlets ask for it, as on the node itself
    make_folder(root / "run/lock", 0755);

    const auto var = mount_point(root, "var");
    mount_or_fail("tmpfs", var, "tmpfs", MS_NOSUID | MS_NODEV, "mode=0755");
    for (const auto* name : {"lib/rpm-state", "log", "cache", "home", "opt", "srv", "mnt", "usrlocal", "spool"})
        make_folder(var / name, 0755);
    make_folder(var / "roothome", 0700);
    make_folder(var / "tmp", 01777);
    fs::create_symlink("../run", var / "run");
    fs::create_symlink("../../usr/share/rpm", var / "lib/rpm");

    mount_or_fail("tmpfs", mount_point(root, "boot"), "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=0755");
    const auto sysroot = mount_point(root, "sysroot");
    mount_or_fail("tmpfs", sysroot, "tmpfs", MS_NOSUID | MS_NODEV, "mode=0755");
    make_folder(sysroot / "tmp", 01777);
    const auto tmp = fs::symlink_status(root / "tmp");
    if (tmp.type() == fs::file_type::not_found)
        fs::create_symlink("sysroot/tmp", root / "tmp");
    else if (tmp.type() == fs::file_type::directory)
        mount_or_fail("tmpfs", root / "tmp", "tmpfs", MS_NOSUID | MS_NODEV, "mode=1777");
    // Empty: the host's devices are none of a package's business, and a file that isn't there isn't written.
    mount_or_fail("tmpfs", mount_point(root, "sys"), "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_RDONLY,
                  "mode=0555");
}

/// What packages have in /opt goes where the tree keeps it while rpm and scriptlets see it at its place.
void mount_opt(const fs::path& root, std::set<std::string> names) {
    const auto kept = root / "usr/lib/opt";
    std::error_code none; // the base has nothing there
    for (const auto& entry : fs::directory_iterator(kept, none))
        names.insert(entry.path().filename().string());
    if (names.empty()) return;
    auto opt = root / "var/opt";
    if (!fs::is_symlink(fs::symlink_status(root / "opt"))) {
        opt = mount_point(root, "opt");
        mount_or_fail("tmpfs", opt, "tmpfs", MS_NOSUID | MS_NODEV, "mode=0755");
    }
    for (const auto& name : names) {
        if (!fs::exists(kept / name)) make_folder(kept / name, 0755);
        if (!fs::is_directory(fs::symlink_status(kept / name))) continue;
        make_folder(opt / name, 0755);
        mount_or_fail((kept / name).c_str(), opt / name, nullptr, MS_BIND);
    }
}

void make_root(const fs::path& root) {
    if (chdir(root.c_str()) != 0) throw unavailable("entering the new root");
    if (syscall(SYS_pivot_root, ".", ".") != 0) throw unavailable("pivot_root");
    if (umount2(".", MNT_DETACH) != 0) throw unavailable("leaving the old root");
    if (chdir("/") != 0) throw unavailable("entering the new root");
}

} // namespace

void enter_root(const SandboxSpec& spec) {
    // Slave: nothing of ours gets out, and the host can still unmount what we saw at the start.
    mount_or_fail("none", "/", nullptr, MS_REC | MS_SLAVE);
    mount_overlay(spec);
    const auto& root = spec.merged;
    if (!fs::is_directory(fs::symlink_status(root / "usr")) || !fs::is_directory(fs::symlink_status(root / "usr/etc")))
        throw fail(Reason::UnsupportedRoot, "the base '{}' has no usr/etc; is it the checkout of an OSTree commit?",
                   spec.lower.string());
    try {
        // A deployment's etc is this machine's; the tree's own is usr/etc.
        mount_or_fail((root / "usr/etc").c_str(), mount_point(root, "etc"), nullptr, MS_BIND);
        mount_scratch(root);
        mount_opt(root, spec.opt);
        mount_dev(root);
        mount_proc(root);
    } catch (const fs::filesystem_error& error) {
        throw fail(error.code() == std::errc::no_space_on_device ? Reason::NoSpace : Reason::SandboxUnavailable,
                   "the sandbox could not be set up: {}", error.what());
    }
    make_root(root);
    sethostname("localhost", 9);
    umask(022);
}

void mask_programs(const std::vector<std::string>& shipped) {
    if (unshare(CLONE_NEWNS) != 0) throw unavailable("a mount namespace for the scriptlets");
    mount_or_fail("none", "/", nullptr, MS_REC | MS_PRIVATE);
    const fs::path mask = "/run/rtnode-mask";
    std::ofstream(mask) << "#!/bin/sh\necho \"${0##*/} $*: left out, rtnode does this itself\" >&2\nexit 0\n";
    fs::permissions(mask, fs::perms{0755});
    // What makes boot entries or an initramfs: with the tree half changed it would be the wrong one, and /boot is
    // libostree's.
    for (const std::string name : {"kernel-install", "installkernel", "new-kernel-pkg", "grubby", "bootctl", "dracut",
                                   "mkinitrd", "update-initramfs", "grub2-mkconfig", "grub-mkconfig", "update-grub",
                                   "grub2-install", "grub-install", "zipl", "efibootmgr"})
        for (const std::string place : {"/usr/bin/", "/usr/sbin/"}) {
            const auto program = place + name;
            if (!fs::is_regular_file(program)) continue;
            const auto is_same = [&](const std::string& path) {
                return path == program || "/usr" + path == program ||
                       fs::weakly_canonical(path) == fs::canonical(program);
            };
            if (std::any_of(shipped.begin(), shipped.end(), is_same)) continue;
            mount_or_fail(mask.c_str(), program, nullptr, MS_BIND);
        }
}

void drop_privileges() {
    // rpm-ostree's list (rust/src/bwrap.rs).
    constexpr std::array<int, 10> kept{CAP_CHOWN,  CAP_DAC_OVERRIDE, CAP_FOWNER,  CAP_FSETID,     CAP_KILL,
                                       CAP_SETGID, CAP_SETUID,       CAP_SETPCAP, CAP_SYS_CHROOT, CAP_SETFCAP};
    std::array<__user_cap_data_struct, 2> sets{};
    for (const int capability : kept)
        sets[CAP_TO_INDEX(static_cast<unsigned>(capability))].permitted |=
            CAP_TO_MASK(static_cast<unsigned>(capability));
    for (int capability = 0; prctl(PR_CAPBSET_READ, capability) >= 0; ++capability)
        if (std::find(kept.begin(), kept.end(), capability) == kept.end() && prctl(PR_CAPBSET_DROP, capability) != 0)
            throw unavailable("dropping capabilities");
    for (auto& set : sets)
        set.effective = set.permitted;
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    if (syscall(SYS_capset, &header, sets.data()) != 0) throw unavailable("dropping capabilities");
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) throw unavailable("no_new_privs");
    const rlimit no_core{0, 0};
    setrlimit(RLIMIT_CORE, &no_core);
}

} // namespace rtnode::assemble
