#include "ostree/etc_merge.hpp"

#include "ostree/sysroot_impl.hpp"
#include "ostree/tree.hpp"
#include "state/file_text.hpp"

#include <fmt/ranges.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <optional>
#include <set>
#include <sstream>
#include <utility>

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

std::string committed_text(const Tree& tree, const std::string& path) {
    constexpr std::uint64_t most = 1 << 20;
    const auto entry = tree.find(path);
    return entry && !entry->is_folder && S_ISREG(tree.facts(*entry).mode) ? tree.content(*entry, most) : std::string();
}

/// Names in the text of passwd(5) or group(5).
std::set<std::string> accounts_in(const std::string& text) {
    std::set<std::string> names;
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);)
        if (const auto colon = line.find(':'); colon != std::string::npos && colon > 0)
            names.insert(line.substr(0, colon));
    return names;
}

/// What packages add to the tree's own /etc/passwd and /etc/group doesn't reach a node whose files were changed, since
/// the merge keeps those as a whole; with the packages' files then owned by nobody.
void check_accounts(OstreeRepo* repo, const Tree& tree, const fs::path& merge) {
    gboolean layered = FALSE;
    g_variant_lookup(tree.metadata(), "rpmostree.clientlayer", "b", &layered);
    const auto commit = load_commit(repo, tree.commit());
    const GStr parent(ostree_commit_get_parent(commit.get()));
    if (!layered || !parent) return;
    const Tree base(repo, parent.get());
    std::vector<std::string> missing;
    for (const auto& [file, command] :
         {std::pair{"passwd", "useradd --system"}, std::pair{"group", "groupadd --system"}}) {
        const auto path = std::string("usr/etc/") + file;
        if (same(merge / path, merge / "etc" / file)) continue; // follows the tree
        const auto before = accounts_in(committed_text(base, path)),
                   here = accounts_in(file_text(merge / "etc" / file));
        for (const auto& name : accounts_in(committed_text(tree, path)))
            if (!before.contains(name) && !here.contains(name)) missing.push_back(fmt::format("{} {}", command, name));
    }
    if (missing.empty()) return;
    throw fail(
        Reason::EtcConflict,
        "the packages add accounts to /etc/passwd or /etc/group, but this node's own were changed and stay as they "
        "are; add them first ({}), then ask again",
        fmt::join(missing, "; "));
}

} // namespace

void check_etc_merge(const Sysroot& sysroot, const fs::path& merge, const std::string& commit) {
    const Tree tree(sysroot.impl().repo.get(), commit);
    check_accounts(sysroot.impl().repo.get(), tree, merge);
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
