#include "ostree/package_tree.hpp"

#include "ostree/payload.hpp"
#include "ostree/policy.hpp"
#include "ostree/tree.hpp"

#include <sys/stat.h>

namespace rtnode::ostree {
namespace {

constexpr std::uint32_t default_folder_mode = 0755; // libostree's DEFAULT_DIRMODE

std::string folder_of(const std::string& path) {
    const auto slash = path.rfind('/');
    return slash == std::string::npos ? "" : path.substr(0, slash);
}

std::string name_of(const std::string& path) {
    return path.substr(path.rfind('/') + 1);
}

} // namespace

PackageTree::PackageTree(OstreeRepo* repo, OstreeSePolicy* policy, const std::string& name)
    : repo_(repo), policy_(policy), context_(fmt::format("cannot import package '{}'", name)),
      root_(ostree_mutable_tree_new()) {
    folders_.emplace("", share(root_.get()));
}

void PackageTree::add_folder(const std::string& path, std::uint32_t mode) {
    parent_of(path);
    set_folder(path, (mode & 07777) | S_IWUSR);
}

void PackageTree::add_link(const std::string& path, std::uint32_t mode, const std::string& target) {
    ErrorSlot error;
    const GVariantPtr xattrs = attributes("/" + path, mode, {});
    const GStr checksum(
        ostree_repo_write_symlink(repo_, nullptr, 0, 0, xattrs.get(), target.c_str(), nullptr, error.address()));
    error.check(checksum.get(), Reason::CommitFailed, context_);
    add_object(path, checksum.get());
}

void PackageTree::make_place(const std::string& path) {
    parent_of(path);
}

void PackageTree::add_object(const std::string& path, const std::string& checksum) {
    ErrorSlot error;
    error.check(
        ostree_mutable_tree_replace_file(parent_of(path), name_of(path).c_str(), checksum.c_str(), error.address()),
        Reason::CommitFailed, context_);
}

void PackageTree::add_file(const std::string& path, std::uint32_t mode, const std::string& content,
                           const std::string& caps) {
    ErrorSlot error;
    const GVariantPtr xattrs = attributes("/" + path, mode, caps);
    const GStr checksum(ostree_repo_write_regfile_inline(repo_, nullptr, 0, 0, mode, xattrs.get(),
                                                         reinterpret_cast<const guint8*>(content.data()),
                                                         content.size(), nullptr, error.address()));
    error.check(checksum.get(), Reason::CommitFailed, context_);
    add_object(path, checksum.get());
}

void PackageTree::add_snippet(const std::string& package, const std::string& content) {
    set_folder("", 0700);
    for (const auto* path : {"usr", "usr/lib", "usr/lib/rpm-ostree", "usr/lib/rpm-ostree/tmpfiles.d"})
        set_folder(path, default_folder_mode);
    add_file(fmt::format("usr/lib/rpm-ostree/tmpfiles.d/{}.conf", package), S_IFREG | 0644, content, {});
}

GVariantPtr PackageTree::attributes(const std::string& path, std::uint32_t mode, const std::string& caps) const {
    const auto label = policy_ ? label_by_policy(policy_, path, mode, context_) : "";
    GVariantBuilder builder;
    g_variant_builder_init(&builder, G_VARIANT_TYPE("a(ayay)"));
    const auto add = [&](const char* name, const std::string& value) {
        g_variant_builder_add(&builder, "(@ay@ay)", g_variant_new_bytestring(name),
                              g_variant_new_fixed_array(G_VARIANT_TYPE_BYTE, value.data(), value.size(), 1));
    };
    if (!caps.empty()) add("security.capability", capability_bytes(caps));
    if (!label.empty()) add("security.selinux", label + '\0');
    return take(g_variant_builder_end(&builder));
}

OstreeMutableTree* PackageTree::root() {
    // A package of nothing, or of top-level folders only, gets one too.
    if (!ostree_mutable_tree_get_metadata_checksum(root_.get())) set_folder("", default_folder_mode);
    return root_.get();
}

/// The folder in which `path` lies. When it isn't there, it and all above it are made anew.
OstreeMutableTree* PackageTree::parent_of(const std::string& path) {
    const auto parent = folder_of(path);
    if (const auto found = folders_.find(parent); found != folders_.end()) return found->second.get();
    auto* at = set_folder("", default_folder_mode);
    std::string made;
    for (const auto& part : path_parts(parent)) {
        made += (made.empty() ? "" : "/") + part;
        at = set_folder(made, default_folder_mode);
    }
    return at;
}

/// Makes a folder where there is none yet, whose parent exists, and gives it this metadata.
OstreeMutableTree* PackageTree::set_folder(const std::string& path, std::uint32_t mode) {
    auto& folder = folders_[path];
    if (!folder) {
        OstreeMutableTree* raw = nullptr;
        ErrorSlot error;
        error.check(ostree_mutable_tree_ensure_dir(folders_.at(folder_of(path)).get(), name_of(path).c_str(), &raw,
                                                   error.address()),
                    Reason::CommitFailed, context_);
        folder.reset(raw);
    }
    const GObj<GFileInfo> info(g_file_info_new());
    g_file_info_set_attribute_uint32(info.get(), "unix::uid", 0);
    g_file_info_set_attribute_uint32(info.get(), "unix::gid", 0);
    g_file_info_set_attribute_uint32(info.get(), "unix::mode", S_IFDIR | mode);
    const GVariantPtr xattrs = attributes("/" + path, S_IFDIR | mode, {});
    const GVariantPtr metadata = take(ostree_create_directory_metadata(info.get(), xattrs.get()));
    guchar* raw = nullptr;
    ErrorSlot error;
    error.check(ostree_repo_write_metadata(repo_, OSTREE_OBJECT_TYPE_DIR_META, nullptr, metadata.get(), &raw, nullptr,
                                           error.address()),
                Reason::CommitFailed, context_);
    const std::unique_ptr<guchar, Deleter<g_free>> bytes(raw);
    char checksum[OSTREE_SHA256_STRING_LEN + 1];
    ostree_checksum_inplace_from_bytes(raw, checksum);
    ostree_mutable_tree_set_metadata_checksum(folder.get(), checksum);
    return folder.get();
}

} // namespace rtnode::ostree
