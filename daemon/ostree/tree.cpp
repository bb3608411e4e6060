#include "ostree/tree.hpp"

#include "ostree/sysroot_impl.hpp"
#include "state/digest.hpp"

#include <algorithm>
#include <array>
#include <span>

namespace rtnode::ostree {
namespace {

std::string hex(GVariant* bytes) {
    GStr text(ostree_checksum_from_bytes_v(bytes));
    return text.get();
}

/// Feeds a regular file's content to `use`, in pieces.
template <typename Use>
void read_content(OstreeRepo* repo, const std::string& checksum, Use&& use) {
    const std::string context = fmt::format("cannot read object {}", checksum);
    ErrorSlot error;
    GInputStream* raw = nullptr;
    error.check(ostree_repo_load_file(repo, checksum.c_str(), &raw, nullptr, nullptr, nullptr, error.address()),
                Reason::CorruptObject, context);
    GObj<GInputStream> stream(raw);
    if (!stream) return; // a symlink
    std::vector<char> buffer(1 << 18);
    while (true) {
        const gssize count = g_input_stream_read(stream.get(), buffer.data(), buffer.size(), nullptr, error.address());
        if (count < 0) error.raise(Reason::CorruptObject, context);
        if (count == 0) return;
        use(std::span<const char>(buffer.data(), static_cast<std::size_t>(count)));
    }
}

} // namespace

std::vector<std::string> path_parts(std::string_view path) {
    std::vector<std::string> parts;
    while (!path.empty()) {
        const auto slash = path.find('/');
        const auto part = path.substr(0, slash);
        if (!part.empty() && part != ".") parts.emplace_back(part);
        if (slash == std::string_view::npos) break;
        path.remove_prefix(slash + 1);
    }
    return parts;
}

Tree::Tree(OstreeRepo* repo, const std::string& commit)
    : repo_(repo), commit_(commit), commit_object_(load_commit(repo, commit)),
      metadata_(commit_metadata(commit_object_.get())) {
    GVariantPtr contents(g_variant_get_child_value(commit_object_.get(), 6));
    GVariantPtr meta(g_variant_get_child_value(commit_object_.get(), 7));
    root_ = TreeEntry{"/", true, hex(contents.get()), hex(meta.get())};
}

Tree::Tree(OstreeRepo* repo, TreeEntry root) : repo_(repo), commit_("(new)"), root_(std::move(root)) {}

void Tree::walk(const std::string& path, const TreeEntry& folder,
                const std::function<void(const std::string&, const TreeEntry&)>& use) const {
    for (const auto& entry : list(folder)) {
        const std::string below = path.empty() ? entry.name : path + "/" + entry.name;
        use(below, entry);
        if (entry.is_folder) walk(below, entry, use);
    }
}

const std::vector<TreeEntry>& Tree::list(const TreeEntry& folder) const {
    if (const auto known = listed_.find(folder.checksum); known != listed_.end()) return known->second;
    ErrorSlot error;
    GVariant* raw = nullptr;
    error.check(
        ostree_repo_load_variant(repo_, OSTREE_OBJECT_TYPE_DIR_TREE, folder.checksum.c_str(), &raw, error.address()),
        Reason::PartialCommit, fmt::format("cannot read folder '{}' of commit {}", folder.name, commit_));
    GVariantPtr tree(raw);
    std::vector<TreeEntry> entries;
    GVariantPtr files(g_variant_get_child_value(tree.get(), 0));
    for (gsize i = 0; i < g_variant_n_children(files.get()); ++i) {
        const char* name = nullptr;
        GVariant* checksum = nullptr;
        g_variant_get_child(files.get(), i, "(&s@ay)", &name, &checksum);
        GVariantPtr owned(checksum);
        entries.push_back({name, false, hex(checksum), {}});
    }
    GVariantPtr folders(g_variant_get_child_value(tree.get(), 1));
    for (gsize i = 0; i < g_variant_n_children(folders.get()); ++i) {
        const char* name = nullptr;
        GVariant *checksum = nullptr, *meta = nullptr;
        g_variant_get_child(folders.get(), i, "(&s@ay@ay)", &name, &checksum, &meta);
        GVariantPtr owned(checksum), owned_meta(meta);
        entries.push_back({name, true, hex(checksum), hex(meta)});
    }
    return listed_.emplace(folder.checksum, std::move(entries)).first->second;
}

std::optional<TreeEntry> Tree::find(std::string_view path) const {
    TreeEntry at = root_;
    for (const auto& part : path_parts(path)) {
        if (!at.is_folder) return std::nullopt;
        const auto& entries = list(at);
        const auto found =
            std::find_if(entries.begin(), entries.end(), [&](const TreeEntry& entry) { return entry.name == part; });
        if (found == entries.end()) return std::nullopt;
        at = TreeEntry(*found);
    }
    return at;
}

FileFacts Tree::facts(const TreeEntry& file) const {
    ErrorSlot error;
    GFileInfo* raw_info = nullptr;
    GVariant* raw_xattrs = nullptr;
    error.check(
        ostree_repo_load_file(repo_, file.checksum.c_str(), nullptr, &raw_info, &raw_xattrs, nullptr, error.address()),
        Reason::PartialCommit, fmt::format("cannot read file '{}' of commit {}", file.name, commit_));
    GObj<GFileInfo> info(raw_info);
    FileFacts facts;
    facts.xattrs.reset(raw_xattrs);
    facts.uid = g_file_info_get_attribute_uint32(info.get(), "unix::uid");
    facts.gid = g_file_info_get_attribute_uint32(info.get(), "unix::gid");
    facts.mode = g_file_info_get_attribute_uint32(info.get(), "unix::mode");
    facts.size = static_cast<std::uint64_t>(g_file_info_get_size(info.get()));
    if (const char* target = g_file_info_get_symlink_target(info.get())) facts.link_target = target;
    return facts;
}

std::string Tree::content(const TreeEntry& file, std::uint64_t max_bytes) const {
    std::string content;
    read_content(repo_, file.checksum, [&](std::span<const char> piece) {
        if (content.size() + piece.size() > max_bytes)
            throw fail(Reason::CommitFailed, "file '{}' of commit {} is longer than {} bytes; that isn't expected",
                       file.name, commit_, max_bytes);
        content.append(piece.data(), piece.size());
    });
    return content;
}

std::string Tree::digest(const TreeEntry& file, GChecksumType type) const {
    if (type == G_CHECKSUM_SHA256) { // OpenSSL's is many times as fast as GLib's
        Digest sha256;
        read_content(repo_, file.checksum,
                     [&](std::span<const char> piece) { sha256.update(std::string_view(piece.data(), piece.size())); });
        return sha256.hex();
    }
    GChecksumPtr checksum(g_checksum_new(type));
    read_content(repo_, file.checksum, [&](std::span<const char> piece) {
        g_checksum_update(checksum.get(), reinterpret_cast<const guchar*>(piece.data()),
                          static_cast<gssize>(piece.size()));
    });
    return g_checksum_get_string(checksum.get());
}

std::vector<std::string> Tree::kernels() const {
    std::vector<std::string> kernels;
    const auto modules = find("usr/lib/modules");
    if (!modules || !modules->is_folder) return kernels;
    for (const auto& entry : list(*modules)) {
        if (!entry.is_folder) continue;
        const auto& inside = list(entry);
        if (std::any_of(inside.begin(), inside.end(),
                        [](const TreeEntry& file) { return !file.is_folder && file.name == "vmlinuz"; }))
            kernels.push_back(entry.name);
    }
    std::sort(kernels.begin(), kernels.end());
    return kernels;
}

} // namespace rtnode::ostree
