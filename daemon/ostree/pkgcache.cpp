#include "ostree/pkgcache.hpp"

#include "ostree/payload.hpp"
#include "ostree/transaction.hpp"
#include "ostree/tree.hpp"
#include "state/digest.hpp"

#include <fstream>
#include <set>
#include <sys/stat.h>

namespace rtnode::ostree {
namespace {

constexpr guint32 unpack_version = 1, unpack_minor_version = 6; // rpm-ostree src/libpriv/rpmostree-importer.cxx

std::string header_bytes(const PackageFileOnDisk& package) {
    std::ifstream stream(package.path, std::ios::binary);
    std::string bytes(package.payload_offset, '\0');
    stream.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    if (!stream || sha256_of(bytes) != package.header_sha256)
        throw fail(Reason::DamagedPackage,
                   "the header of '{}' isn't what it was when it was checked; remove the file and ask "
                   "again",
                   package.path.string());
    return bytes;
}

/// In a merged tree /lib/x of a header is usr/lib/x.
std::string merged(const std::string& path) {
    for (const auto* alias : {"bin/", "sbin/", "lib/", "lib64/"})
        if (path.starts_with(alias)) return "usr/" + path;
    return path;
}

/// Builds the tree of one package commit.
class PackageTree {
  public:
    PackageTree(OstreeRepo* repo, OstreeSePolicy* policy, const std::string& name)
        : repo_(repo), policy_(policy), context_(fmt::format("cannot import package '{}'", name)),
          root_(ostree_mutable_tree_new()) {
        set_folder_metadata(root_.get(), "/", 0755);
    }

    void add_folder(const std::string& path, std::uint32_t mode) {
        set_folder_metadata(folder(path_parts(path)).get(), "/" + path, (mode & 07777) | S_IWUSR);
    }

    void add_object(const std::string& path, const std::string& checksum) {
        auto parts = path_parts(path);
        const std::string name = parts.back();
        parts.pop_back();
        ErrorSlot error;
        error.check(
            ostree_mutable_tree_replace_file(folder(parts).get(), name.c_str(), checksum.c_str(), error.address()),
            Reason::CommitFailed, context_);
    }

    void add_file(const std::string& path, std::uint32_t mode, const std::string& content, const std::string& caps) {
        ErrorSlot error;
        const GVariantPtr xattrs = attributes("/" + path, mode, caps);
        const GStr checksum(ostree_repo_write_regfile_inline(repo_, nullptr, 0, 0, mode, xattrs.get(),
                                                             reinterpret_cast<const guint8*>(content.data()),
                                                             content.size(), nullptr, error.address()));
        error.check(checksum.get(), Reason::CommitFailed, context_);
        add_object(path, checksum.get());
    }

    void add_link(const std::string& path, std::uint32_t mode, const std::string& target) {
        ErrorSlot error;
        const GVariantPtr xattrs = attributes("/" + path, mode, {});
        const GStr checksum(
            ostree_repo_write_symlink(repo_, nullptr, 0, 0, xattrs.get(), target.c_str(), nullptr, error.address()));
        error.check(checksum.get(), Reason::CommitFailed, context_);
        add_object(path, checksum.get());
    }

    /// xattrs of an object as the importer would write them, sorted by name.
    GVariantPtr attributes(const std::string& path, std::uint32_t mode, const std::string& caps) const {
        GVariantBuilder builder;
        g_variant_builder_init(&builder, G_VARIANT_TYPE("a(ayay)"));
        const auto add = [&](const char* name, const std::string& value) {
            g_variant_builder_add(&builder, "(@ay@ay)", g_variant_new_bytestring(name),
                                  g_variant_new_fixed_array(G_VARIANT_TYPE_BYTE, value.data(), value.size(), 1));
        };
        if (!caps.empty()) add("security.capability", capability_bytes(caps));
        if (policy_) {
            ErrorSlot error;
            char* label = nullptr;
            if (!ostree_sepolicy_get_label(policy_, path.c_str(), mode, &label, nullptr, error.address())) {
                g_variant_builder_clear(&builder);
                error.raise(Reason::CommitFailed, context_);
            }
            const GStr owned(label);
            if (label) add("security.selinux", std::string(label) + '\0');
        }
        return take(g_variant_builder_end(&builder));
    }

    OstreeMutableTree* root() const { return root_.get(); }

  private:
    GObj<OstreeMutableTree> folder(const std::vector<std::string>& parts) {
        auto at = share(root_.get());
        std::string path;
        for (const auto& part : parts) {
            path += "/" + part;
            OstreeMutableTree* raw = nullptr;
            ErrorSlot error;
            error.check(ostree_mutable_tree_ensure_dir(at.get(), part.c_str(), &raw, error.address()),
                        Reason::CommitFailed, context_);
            at.reset(raw);
            if (!*metadata_of(at.get())) set_folder_metadata(at.get(), path, 0755);
        }
        return at;
    }

    static const char* metadata_of(OstreeMutableTree* tree) {
        const char* checksum = ostree_mutable_tree_get_metadata_checksum(tree);
        return checksum ? checksum : "";
    }

    void set_folder_metadata(OstreeMutableTree* tree, const std::string& path, std::uint32_t mode) {
        const GObj<GFileInfo> info(g_file_info_new());
        g_file_info_set_attribute_uint32(info.get(), "unix::uid", 0);
        g_file_info_set_attribute_uint32(info.get(), "unix::gid", 0);
        g_file_info_set_attribute_uint32(info.get(), "unix::mode", S_IFDIR | mode);
        const GVariantPtr xattrs = attributes(path, S_IFDIR | mode, {});
        const GVariantPtr metadata = take(ostree_create_directory_metadata(info.get(), xattrs.get()));
        guchar* raw = nullptr;
        ErrorSlot error;
        error.check(ostree_repo_write_metadata(repo_, OSTREE_OBJECT_TYPE_DIR_META, nullptr, metadata.get(), &raw,
                                               nullptr, error.address()),
                    Reason::CommitFailed, context_);
        const std::unique_ptr<guchar, Deleter<g_free>> bytes(raw);
        char checksum[OSTREE_SHA256_STRING_LEN + 1];
        ostree_checksum_inplace_from_bytes(raw, checksum);
        ostree_mutable_tree_set_metadata_checksum(tree, checksum);
    }

    OstreeRepo* repo_;
    OstreeSePolicy* policy_;
    std::string context_;
    GObj<OstreeMutableTree> root_;
};

GVariantPtr import_metadata(const PackageFileOnDisk& package, const std::string& header, OstreeSePolicy* policy) {
    const auto& nevra = package.nevra;
    GVariantDict dict;
    g_variant_dict_init(&dict, nullptr);
    g_variant_dict_insert_value(&dict, "rpmostree.metadata",
                                g_variant_new_fixed_array(G_VARIANT_TYPE_BYTE, header.data(), header.size(), 1));
    g_variant_dict_insert(&dict, "rpmostree.metadata_sha256", "s", package.header_sha256.c_str());
    g_variant_dict_insert(&dict, "rpmostree.nevra", "(sstsss)", nevra.str().c_str(), nevra.name.c_str(),
                          static_cast<guint64>(nevra.epoch), nevra.version.c_str(), nevra.release.c_str(),
                          nevra.arch.c_str());
    if (policy) g_variant_dict_insert(&dict, "rpmostree.sepolicy", "s", ostree_sepolicy_get_csum(policy));
    g_variant_dict_insert(&dict, "rpmostree.unpack_version", "u", unpack_version);
    g_variant_dict_insert(&dict, "rpmostree.unpack_minor_version", "u", unpack_minor_version);
    return take(g_variant_dict_end(&dict));
}

/// The commit that a pkgcache ref names already, when it is this very package labelled by this policy.
std::string cached_commit(OstreeRepo* repo, const Nevra& nevra, const std::string& header_sha256,
                          OstreeSePolicy* policy, bool any_policy = false) {
    char* raw = nullptr;
    ErrorSlot error;
    error.check(ostree_repo_resolve_rev_ext(repo, package_ref(nevra).c_str(), TRUE,
                                            OSTREE_REPO_RESOLVE_REV_EXT_LOCAL_ONLY, &raw, error.address()),
                Reason::CommitFailed, fmt::format("cannot look up the pkgcache ref of '{}'", nevra.str()));
    const GStr checksum(raw);
    if (!checksum) return {};
    gboolean present = FALSE;
    error.check(
        ostree_repo_has_object(repo, OSTREE_OBJECT_TYPE_COMMIT, checksum.get(), &present, nullptr, error.address()),
        Reason::CommitFailed, "cannot look for a package commit");
    if (!present) return {};
    const auto metadata = commit_metadata(load_commit(repo, checksum.get()).get());
    if (lookup_string(metadata.get(), "rpmostree.metadata_sha256") != header_sha256) return {};
    const std::string wanted = policy ? ostree_sepolicy_get_csum(policy) : "";
    if (!any_policy && lookup_string(metadata.get(), "rpmostree.sepolicy") != wanted) return {};
    return checksum.get();
}

} // namespace

bool package_cached(const Sysroot& sysroot, const Nevra& nevra, const std::string& header_sha256) {
    return !cached_commit(sysroot.impl().repo.get(), nevra, header_sha256, nullptr, true).empty();
}

Transaction::Imported Transaction::import_package(const PackageFileOnDisk& package, const std::string& tree_commit) {
    auto* repo = impl_->repo.get();
    Imported result;
    result.ref = package_ref(package.nevra);
    impl_->read_policy(tree_commit);
    result.checksum = cached_commit(repo, package.nevra, package.header_sha256, impl_->policy.get());
    if (!result.checksum.empty()) {
        impl_->wanted[result.ref] = result.checksum;
        return result;
    }

    const std::string header = header_bytes(package);
    const Tree tree(repo, tree_commit);
    PackageTree commit(repo, impl_->policy.get(), package.nevra.str());
    const bool may_have_foreign_paths = package.nevra.name == "filesystem" || package.nevra.name == "rootfiles";
    std::vector<const PackageFile*> missing;
    for (const auto& file : package.files) {
        if (file.ghost) continue;
        const std::string path = translated_path(file.path);
        if (path.empty() || path.starts_with("var/") || path.starts_with("run/") || path == "var" || path == "run")
            continue;
        if (path.starts_with("usr/etc/selinux") && path.ends_with(".LOCK")) continue;
        if (!carried_path(path)) {
            if (may_have_foreign_paths) continue;
            throw fail(Reason::CommitFailed,
                       "package '{}' ships '{}', which an OSTree tree can't hold (only /usr, /etc, "
                       "/opt, /boot); it can't be installed on this node",
                       package.nevra.str(), file.path);
        }
        if (S_ISDIR(file.mode)) {
            commit.add_folder(path, file.mode);
        } else if (S_ISLNK(file.mode)) {
            commit.add_link(path, file.mode, file.link_target);
            ++result.reused;
        } else if (S_ISREG(file.mode)) {
            const auto type = digest_type(file.digest_algorithm);
            const auto entry = tree.find(merged(path));
            if (!type || !entry || entry->is_folder) {
                missing.push_back(&file);
                continue;
            }
            const auto facts = tree.facts(*entry);
            if (!S_ISREG(facts.mode) || facts.size != file.size || tree.digest(*entry, *type) != file.digest) {
                missing.push_back(&file);
                continue;
            }
            const auto wanted = commit.attributes("/" + path, file.mode, file.capabilities);
            if (facts.uid == 0 && facts.gid == 0 && facts.mode == file.mode &&
                g_variant_equal(facts.xattrs.get(), wanted.get()))
                commit.add_object(path, entry->checksum);
            else // the same bytes with another owner, mode or label: rpm-ostree applies owners only when it lays out
                commit.add_file(path, file.mode, tree.content(*entry, file.size), file.capabilities);
            ++result.reused;
        }
    }
    unpack(package, missing, [&](const PackageFile& file, const std::string& content) {
        commit.add_file(translated_path(file.path), file.mode, content, file.capabilities);
        ++result.unpacked;
    });
    if (const auto snippet = tmpfiles_snippet(package.files); !snippet.empty())
        commit.add_file(fmt::format("usr/lib/rpm-ostree/tmpfiles.d/{}.conf", package.nevra.name), S_IFREG | 0644,
                        snippet, {});

    const std::string context = fmt::format("cannot write the pkgcache commit of '{}'", package.nevra.str());
    ErrorSlot error;
    GFile* raw_root = nullptr;
    error.check(ostree_repo_write_mtree(repo, commit.root(), &raw_root, nullptr, error.address()), Reason::CommitFailed,
                context);
    const GObj<GFile> root(raw_root);
    char* raw = nullptr;
    error.check(ostree_repo_write_commit_with_time(
                    repo, nullptr, "", "", import_metadata(package, header, impl_->policy.get()).get(),
                    OSTREE_REPO_FILE(root.get()), package.build_time, &raw, nullptr, error.address()),
                Reason::CommitFailed, context);
    const GStr checksum(raw);
    result.checksum = checksum.get();
    impl_->keep(fmt::format("package-{}", impl_->wanted.size()), result.checksum);
    impl_->wanted[result.ref] = result.checksum;
    return result;
}

std::vector<std::string> unneeded_package_refs(const Sysroot& sysroot) {
    auto* repo = sysroot.impl().repo.get();
    std::set<std::string> needed;
    for (const auto& deployment : sysroot.deployments()) {
        for (const auto* list : {&deployment.origin.overrides_replace_local, &deployment.origin.requested_local})
            for (const auto& entry : *list) {
                const auto colon = entry.find(':');
                if (colon != std::string::npos) needed.insert(package_ref(Nevra::parse(entry.substr(colon + 1))));
            }
        if (!deployment.layered) continue;
        const auto packages = package_list(commit_metadata(load_commit(repo, deployment.checksum).get()).get());
        if (packages.empty()) return {}; // its rpmdb isn't known: all stay
        for (const auto& package : packages)
            needed.insert(package_ref(package));
    }
    std::vector<std::string> unneeded;
    for (const auto& [ref, checksum] : refs(repo, "rpmostree/pkg"))
        if (!needed.contains(ref)) unneeded.push_back(ref);
    return unneeded;
}

} // namespace rtnode::ostree
