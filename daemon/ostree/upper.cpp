#include "ostree/upper.hpp"

#include <cstring>
#include <dirent.h>
#include <fcntl.h>
#include <optional>
#include <string>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>
#include <vector>

namespace rtnode::ostree {
namespace {

struct CloseDir {
    void operator()(DIR* folder) const { closedir(folder); }
};
using Dir = std::unique_ptr<DIR, CloseDir>;

[[noreturn]] void cannot(const char* what, const std::string& path) {
    throw fail(errno == ENOSPC ? Reason::NoSpace : Reason::CommitFailed, "cannot {} '/{}' of the new tree: {}", what,
               path, strerror(errno));
}

Dir open_folder(int parent, const char* name, const std::string& path) {
    const int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0) cannot("open", path);
    Dir folder(fdopendir(fd));
    if (!folder) {
        close(fd);
        cannot("open", path);
    }
    return folder;
}

std::vector<std::string> names(DIR* folder) {
    std::vector<std::string> result;
    rewinddir(folder);
    while (const auto* entry = readdir(folder))
        if (const std::string_view name = entry->d_name; name != "." && name != "..") result.emplace_back(name);
    return result;
}

void remove_all(int parent, const std::string& name, const std::string& path) {
    struct stat facts {};
    if (fstatat(parent, name.c_str(), &facts, AT_SYMLINK_NOFOLLOW) != 0) cannot("look at", path);
    if (S_ISDIR(facts.st_mode)) {
        const Dir folder = open_folder(parent, name.c_str(), path);
        for (const auto& child : names(folder.get()))
            remove_all(dirfd(folder.get()), child, path + "/" + child);
    }
    if (unlinkat(parent, name.c_str(), S_ISDIR(facts.st_mode) ? AT_REMOVEDIR : 0) != 0) cannot("remove", path);
}

struct OverlayMarks {
    bool opaque = false;
};

/// Strips trusted.overlay.* (user.overlay.* of a mount with userxattr) and says what they meant. There is no
/// l*xattr call relative to a folder, hence /proc.
OverlayMarks strip_overlay_attributes(int parent, const std::string& name, const std::string& path) {
    const std::string file = fmt::format("/proc/self/fd/{}/{}", parent, name);
    OverlayMarks marks;
    std::vector<char> list(1024);
    ssize_t size = llistxattr(file.c_str(), list.data(), list.size());
    while (size < 0 && errno == ERANGE) {
        list.resize(list.size() * 4);
        size = llistxattr(file.c_str(), list.data(), list.size());
    }
    if (size < 0) {
        if (errno == ENOTSUP) return marks;
        cannot("list the attributes of", path);
    }
    for (const char* at = list.data(); at < list.data() + size; at += std::strlen(at) + 1) {
        const std::string_view attribute = at;
        std::string_view key;
        for (const std::string_view prefix : {"trusted.overlay.", "user.overlay."})
            if (attribute.starts_with(prefix)) key = attribute.substr(prefix.size());
        if (key.empty()) continue;
        char value[4] = {};
        const ssize_t length = lgetxattr(file.c_str(), at, value, sizeof value);
        if (key == "opaque") {
            if (length != 1 || value[0] != 'y')
                throw fail(Reason::CommitFailed,
                           "'/{}' of the new tree is marked opaque in a way that rtnode doesn't know", path);
            marks.opaque = true;
        } else if (key == "redirect" || key == "metacopy" || key == "whiteout") {
            throw fail(
                Reason::CommitFailed,
                "'/{}' of the new tree has the overlay attribute {}: it isn't a whole file; mount the overlay with "
                "redirect_dir=off,metacopy=off,index=off",
                path, attribute);
        }
        if (lremovexattr(file.c_str(), at) != 0) cannot("strip an overlay attribute of", path);
    }
    return marks;
}

/// What the mutable tree holds under a name.
enum class Held { nothing, file, folder };

Held held(OstreeMutableTree* tree, const std::string& name) {
    g_autofree char* checksum = nullptr;
    OstreeMutableTree* raw = nullptr;
    ErrorSlot error;
    if (!ostree_mutable_tree_lookup(tree, name.c_str(), &checksum, &raw, error.address())) {
        if (error.is(G_IO_ERROR, G_IO_ERROR_NOT_FOUND)) return Held::nothing;
        error.raise(Reason::CommitFailed, fmt::format("cannot read '{}' of the base commit", name));
    }
    const GObj<OstreeMutableTree> folder(raw);
    return folder ? Held::folder : Held::file;
}

void remove_entry(OstreeMutableTree* tree, const std::string& name) {
    ErrorSlot error;
    error.check(ostree_mutable_tree_remove(tree, name.c_str(), TRUE, error.address()), Reason::CommitFailed,
                fmt::format("cannot remove '{}' from the tree", name));
}

void merge_folder(DIR* folder, OstreeMutableTree* tree, const std::string& path) {
    const int fd = dirfd(folder);
    for (const auto& name : names(folder)) {
        const std::string below = path.empty() ? name : path + "/" + name;
        struct stat facts {};
        if (fstatat(fd, name.c_str(), &facts, AT_SYMLINK_NOFOLLOW) != 0) cannot("look at", below);
        if (S_ISCHR(facts.st_mode) && facts.st_rdev == makedev(0, 0)) {
            remove_entry(tree, name);
            if (unlinkat(fd, name.c_str(), 0) != 0) cannot("remove the whiteout", below);
            continue;
        }
        const auto marks = strip_overlay_attributes(fd, name, below);
        if (S_ISDIR(facts.st_mode)) {
            if (marks.opaque || held(tree, name) == Held::file) remove_entry(tree, name);
            OstreeMutableTree* raw = nullptr;
            ErrorSlot error;
            error.check(ostree_mutable_tree_ensure_dir(tree, name.c_str(), &raw, error.address()), Reason::CommitFailed,
                        fmt::format("cannot merge '/{}' into the tree", below));
            const GObj<OstreeMutableTree> subtree(raw);
            const Dir subfolder = open_folder(fd, name.c_str(), below);
            merge_folder(subfolder.get(), subtree.get(), below);
        } else if (S_ISREG(facts.st_mode) || S_ISLNK(facts.st_mode)) {
            if (held(tree, name) == Held::folder) remove_entry(tree, name);
        } else {
            throw fail(
                Reason::CommitFailed,
                "'/{}' of the new tree is a device, socket or FIFO, which a commit can't hold; a scriptlet made it",
                below);
        }
        // Imported files keep their inode, so the object would get the time of the change.
        const struct timespec epoch[2] = {{0, 0}, {0, 0}};
        if (utimensat(fd, name.c_str(), epoch, AT_SYMLINK_NOFOLLOW) != 0) cannot("set the time of", below);
    }
}

} // namespace

void merge_upper(int upper_fd, OstreeMutableTree* tree) {
    const Dir root = open_folder(upper_fd, ".", "");
    for (const auto& name : names(root.get()))
        if (name != "usr") remove_all(dirfd(root.get()), name, name);
    strip_overlay_attributes(dirfd(root.get()), ".", "");
    merge_folder(root.get(), tree, "");
}

} // namespace rtnode::ostree
