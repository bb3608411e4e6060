#include "ostree/etc_merge.hpp"

#include "ostree/sysroot_impl.hpp"
#include "ostree/tree.hpp"

#include <fmt/ranges.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <optional>
#include <set>

#include <sys/stat.h>

namespace fs = std::filesystem;

namespace rtnode::ostree {
namespace {

std::optional<struct stat> facts_of(const fs::path& path) {
    struct stat facts {};
    if (::lstat(path.c_str(), &facts) != 0) return std::nullopt;
    return facts;
}

bool same_content(const fs::path& one, const fs::path& other) {
    std::ifstream a(one, std::ios::binary), b(other, std::ios::binary);
    return a && b && std::equal(std::istreambuf_iterator<char>(a), {}, std::istreambuf_iterator<char>(b), {});
}

std::set<std::string> names_in(const fs::path& folder) {
    std::set<std::string> names;
    for (const auto& entry : fs::directory_iterator(folder))
        names.insert(entry.path().filename().string());
    return names;
}

/// Whether libostree's merge would find no change: it looks at all but extended attributes and times.
bool same(const fs::path& one, const fs::path& other) {
    const auto a = facts_of(one), b = facts_of(other);
    if (!a || !b || a->st_mode != b->st_mode || a->st_uid != b->st_uid || a->st_gid != b->st_gid) return false;
    if (S_ISLNK(a->st_mode)) return fs::read_symlink(one) == fs::read_symlink(other);
    if (S_ISREG(a->st_mode)) return a->st_size == b->st_size && same_content(one, other);
    if (!S_ISDIR(a->st_mode)) return false;
    const auto names = names_in(one);
    return names == names_in(other) &&
           std::all_of(names.begin(), names.end(), [&](const auto& name) { return same(one / name, other / name); });
}

} // namespace

void check_etc_merge(const Sysroot& sysroot, const fs::path& merge, const std::string& commit) {
    const Tree tree(sysroot.impl().repo.get(), commit);
    const auto defaults = tree.find("usr/etc");
    if (!defaults || !defaults->is_folder) return;
    std::vector<std::string> conflicts;
    tree.walk({}, *defaults, [&](const std::string& path, const TreeEntry& entry) {
        const auto now = facts_of(merge / "etc" / path);
        if (!now || entry.is_folder == S_ISDIR(now->st_mode)) return;
        const auto old = merge / "usr/etc" / path;
        if (same(old, merge / "etc" / path)) return; // nobody changed it: the tree's own way is free
        if (entry.is_folder)
            conflicts.push_back(fmt::format("/etc/{} is no folder here, but is one in the new tree", path));
        else if (fs::is_directory(fs::symlink_status(old)) && S_ISREG(tree.facts(entry).mode))
            conflicts.push_back(fmt::format("/etc/{} is a folder with changes here, but a file in the new tree", path));
    });
    if (conflicts.empty()) return;
    throw fail(Reason::EtcConflict,
               "the changes in /etc can't be merged into the new deployment: {}. Move that away, then ask again",
               fmt::join(conflicts, "; "));
}

} // namespace rtnode::ostree
