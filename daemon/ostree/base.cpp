#include "ostree/base.hpp"

#include "ostree/sysroot_impl.hpp"
#include "ostree/tree.hpp"

#include <algorithm>
#include <dirent.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <map>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace rtnode::ostree {
namespace {

constexpr const char* work_prefix = "rtnode-";

struct CloseDir {
    void operator()(DIR* folder) const { closedir(folder); }
};

[[noreturn]] void cannot_remove(const std::filesystem::path& path, const char* why) {
    throw fail(Reason::Internal, "cannot remove the leftover '{}': {}; remove it by hand", path.string(), why);
}

void clear_immutable(int fd) {
    int flags = 0;
    if (ioctl(fd, FS_IOC_GETFLAGS, &flags) == 0 && (flags & (FS_IMMUTABLE_FL | FS_APPEND_FL)) != 0) {
        flags &= ~(FS_IMMUTABLE_FL | FS_APPEND_FL);
        ioctl(fd, FS_IOC_SETFLAGS, &flags); // if it fails, so does the removal, which says so
    }
}

/// Deletes `name` in the folder; never leaves the file system `device`, never follows a link.
void remove_at(int folder_fd, const char* name, dev_t device, const std::filesystem::path& path) {
    struct stat facts {};
    if (fstatat(folder_fd, name, &facts, AT_SYMLINK_NOFOLLOW) != 0) {
        if (errno == ENOENT) return;
        cannot_remove(path, strerror(errno));
    }
    if (facts.st_dev != device) cannot_remove(path, "something is mounted on it");
    if (!S_ISDIR(facts.st_mode)) {
        if (unlinkat(folder_fd, name, 0) == 0) return;
        if (errno == EPERM && S_ISREG(facts.st_mode)) {
            const int fd = openat(folder_fd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
            if (fd >= 0) {
                clear_immutable(fd);
                close(fd);
            }
            if (unlinkat(folder_fd, name, 0) == 0) return;
        }
        cannot_remove(path, strerror(errno));
    }
    const int fd = openat(folder_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0) cannot_remove(path, strerror(errno));
    clear_immutable(fd);
    const std::unique_ptr<DIR, CloseDir> folder(fdopendir(fd)); // owns fd
    if (!folder) {
        close(fd);
        cannot_remove(path, strerror(errno));
    }
    while (const auto* entry = readdir(folder.get())) {
        const std::string_view child = entry->d_name;
        if (child != "." && child != "..") remove_at(fd, entry->d_name, device, path / entry->d_name);
    }
    if (unlinkat(folder_fd, name, AT_REMOVEDIR) != 0) cannot_remove(path, strerror(errno));
}

} // namespace

void copy_out(const Sysroot& sysroot, const std::string& commit, const std::string& subpath,
              const std::filesystem::path& destination) {
    const std::string context =
        fmt::format("cannot copy {} of commit {} to '{}'", subpath, commit, destination.string());
    if (!has_path(sysroot, commit, subpath))
        throw fail(Reason::CommitFailed, "{}: the commit has no such folder; is it an image built from RPMs?", context);
    OstreeRepoCheckoutAtOptions options{};
    options.mode = OSTREE_REPO_CHECKOUT_MODE_NONE;
    options.force_copy = TRUE;
    options.force_copy_zerosized = TRUE;
    options.subpath = subpath.c_str();
    ErrorSlot error;
    error.check(ostree_repo_checkout_at(sysroot.impl().repo.get(), &options, AT_FDCWD, destination.c_str(),
                                        commit.c_str(), nullptr, error.address()),
                Reason::CommitFailed, context);
}

std::optional<std::string> read_file(const Sysroot& sysroot, const std::string& commit, const std::string& path,
                                     std::uint64_t max_bytes) {
    const Tree tree(sysroot.impl().repo.get(), commit);
    const auto entry = tree.find(path);
    if (!entry || entry->is_folder || !S_ISREG(tree.facts(*entry).mode)) return std::nullopt;
    return tree.content(*entry, max_bytes);
}

bool has_path(const Sysroot& sysroot, const std::string& commit, const std::string& path) {
    return Tree(sysroot.impl().repo.get(), commit).find(path).has_value();
}

std::vector<std::string> kernels(const Sysroot& sysroot, const std::string& commit) {
    return Tree(sysroot.impl().repo.get(), commit).kernels();
}

std::uint64_t boot_bytes(const Sysroot& sysroot, const std::string& commit) {
    const Tree tree(sysroot.impl().repo.get(), commit);
    std::uint64_t bytes = 0;
    for (const auto& kernel : tree.kernels())
        for (const auto* name : {"vmlinuz", "initramfs.img", "initramfs"})
            if (const auto entry = tree.find("usr/lib/modules/" + kernel + "/" + name); entry && !entry->is_folder)
                bytes += tree.facts(*entry).size;
    return bytes;
}

bool same_boot_files(const Sysroot& sysroot, const std::string& left, const std::string& right) {
    const auto files = [&](const std::string& commit) {
        const Tree tree(sysroot.impl().repo.get(), commit);
        std::vector<std::string> checksums;
        for (const auto& kernel : tree.kernels())
            for (const auto* name : {"vmlinuz", "initramfs.img", "initramfs"})
                if (const auto entry = tree.find("usr/lib/modules/" + kernel + "/" + name); entry && !entry->is_folder)
                    checksums.push_back(entry->checksum);
        return checksums;
    };
    return files(left) == files(right);
}

LowerTree lower_tree(const Sysroot& sysroot, const std::string& commit, const std::filesystem::path& work_folder) {
    for (const auto& deployment : sysroot.deployments()) {
        if (deployment.checksum != commit || deployment.staged || deployment.unlocked) continue;
        if (const auto folder = sysroot.deployment_folder(deployment); std::filesystem::is_directory(folder / "usr"))
            return {folder, false};
    }
    const auto folder = work_folder / "base";
    OstreeRepoCheckoutAtOptions options{};
    options.mode = OSTREE_REPO_CHECKOUT_MODE_NONE;
    options.no_copy_fallback = TRUE;
    ErrorSlot error;
    error.check(ostree_repo_checkout_at(sysroot.impl().repo.get(), &options, AT_FDCWD, folder.c_str(), commit.c_str(),
                                        nullptr, error.address()),
                Reason::CommitFailed, fmt::format("cannot check out commit {} to '{}'", commit, folder.string()));
    return {folder, true};
}

std::optional<std::vector<std::string>> initramfs_args(const Sysroot& sysroot, const std::string& commit) {
    const auto metadata = commit_metadata(load_commit(sysroot.impl().repo.get(), commit).get());
    GVariantPtr list(g_variant_lookup_value(metadata.get(), "rpmostree.initramfs-args", G_VARIANT_TYPE("as")));
    if (!list) return std::nullopt;
    std::vector<std::string> args;
    for (gsize i = 0; i < g_variant_n_children(list.get()); ++i) {
        const char* arg = nullptr;
        g_variant_get_child(list.get(), i, "&s", &arg);
        args.emplace_back(arg);
    }
    return args;
}

std::string metadata_string(const Sysroot& sysroot, const std::string& commit, const std::string& key) {
    return lookup_string(commit_metadata(load_commit(sysroot.impl().repo.get(), commit).get()).get(), key.c_str());
}

std::vector<Nevra> packages_of(const Sysroot& sysroot, const std::string& commit) {
    return package_list(commit_metadata(load_commit(sysroot.impl().repo.get(), commit).get()).get());
}

std::filesystem::path make_work_folder(const Sysroot& sysroot, const std::string& job) {
    std::string path = (sysroot.repo_folder() / "tmp" / (work_prefix + job + "-XXXXXX")).string();
    if (!mkdtemp(path.data()))
        throw fail(errno == ENOSPC ? Reason::NoSpace : Reason::CommitFailed, "cannot make the work folder '{}': {}",
                   path, strerror(errno));
    return path;
}

void remove_work_folder(const std::filesystem::path& folder) {
    struct stat facts {};
    if (lstat(folder.c_str(), &facts) != 0) return;
    remove_at(AT_FDCWD, folder.c_str(), facts.st_dev, folder);
}

std::vector<std::string> remove_work_folders(const Sysroot& sysroot) {
    std::vector<std::string> removed;
    struct stat repo_facts {};
    const auto folder = sysroot.repo_folder() / "tmp";
    if (stat(folder.c_str(), &repo_facts) == 0)
        for (const auto& entry : std::filesystem::directory_iterator(folder)) {
            const auto name = entry.path().filename().string();
            if (!name.starts_with(work_prefix)) continue;
            remove_at(AT_FDCWD, entry.path().c_str(), repo_facts.st_dev, entry.path());
            removed.push_back(entry.path().string());
        }
    return removed;
}

} // namespace rtnode::ostree
