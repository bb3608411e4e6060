#pragma once
// Reading a base commit: its files, its kernel, a tree to put an overlay on.

#include "ostree/sysroot.hpp"

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace rtnode::ostree {

/// Copies a folder of a commit to `destination`, which must not exist. Always plain copies, never hard links into the
/// object store: who writes there (librpm touches even a read-only database) must not reach the repository.
/// @param subpath absolute in the tree, "/usr/share/rpm"
/// @throws Error{PartialCommit, CorruptObject, NoSpace, CommitFailed}
void copy_out(const Sysroot& sysroot, const std::string& commit, const std::string& subpath,
              const std::filesystem::path& destination);

/// Content of one regular file of a commit (symlinks aren't followed); nothing when it isn't there.
/// @param max_bytes a longer file is an error
std::optional<std::string> read_file(const Sysroot& sysroot, const std::string& commit, const std::string& path,
                                     std::uint64_t max_bytes = 64 << 20);

bool has_path(const Sysroot& sysroot, const std::string& commit, const std::string& path);

/// Kernel versions: the names of usr/lib/modules/* that hold a vmlinuz, sorted.
std::vector<std::string> kernels(const Sysroot& sysroot, const std::string& commit);

/// Size in bytes of kernel + initramfs of a commit, as libostree would copy them to /boot.
std::uint64_t boot_bytes(const Sysroot& sysroot, const std::string& commit);

/// Whether two commits have the same kernel and initramfs, so that /boot needs no room for a second pair.
bool same_boot_files(const Sysroot& sysroot, const std::string& left, const std::string& right);

/// A tree on the repository's file system to be the lower layer of an overlay.
struct LowerTree {
    std::filesystem::path folder;
    bool checkout = false; ///< we made it (below the job's work folder); false: a deployment's folder, read only for us
};

/// An on-disk deployment of that commit that may be a lower: finalised and not unlocked; else a hard link checkout in
/// `work_folder`/base. The links share inodes with the object store: mount it as a lower, never write to it.
LowerTree lower_tree(const Sysroot& sysroot, const std::string& commit, const std::filesystem::path& work_folder);

/// rpmostree.initramfs-args of the base commit; nothing when it has none.
std::optional<std::vector<std::string>> initramfs_args(const Sysroot& sysroot, const std::string& commit);

/// A string of the commit's metadata ("version"); empty when absent.
std::string metadata_string(const Sysroot& sysroot, const std::string& commit, const std::string& key);

/// rpmostree.rpmdb.pkglist of a commit; empty when it has none.
std::vector<Nevra> packages_of(const Sysroot& sysroot, const std::string& commit);

/// A new folder repo/tmp/rtnode-<job>-XXXXXX (0700) on the repository's file system: upper, work, checkouts.
std::filesystem::path make_work_folder(const Sysroot& sysroot, const std::string& job);

/// Deletes a work folder (immutable bits cleared, mounts not followed).
void remove_work_folder(const std::filesystem::path& folder);

/// Deletes all work folders, which must not belong to a live job. @return their paths
std::vector<std::string> remove_work_folders(const Sysroot& sysroot);

} // namespace rtnode::ostree
