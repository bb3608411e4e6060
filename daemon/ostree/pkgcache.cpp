#include "ostree/pkgcache.hpp"

#include "ostree/package_tree.hpp"
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

/// In the importer's order, so that the same RPM gives the same commit. What a commit of the same package has from its
/// repository is kept when the labels are made anew.
GVariantPtr import_metadata(const PackageFileOnDisk& package, const std::string& header, OstreeSePolicy* policy,
                            GVariant* before) {
    const auto& nevra = package.nevra;
    GVariantBuilder builder;
    g_variant_builder_init(&builder, G_VARIANT_TYPE_VARDICT);
    const auto add = [&](const char* key, GVariant* value) { g_variant_builder_add(&builder, "{sv}", key, value); };
    add("rpmostree.metadata", g_variant_new_fixed_array(G_VARIANT_TYPE_BYTE, header.data(), header.size(), 1));
    add("rpmostree.metadata_sha256", g_variant_new_string(package.header_sha256.c_str()));
    add("rpmostree.nevra",
        g_variant_new("(sstsss)", nevra.str().c_str(), nevra.name.c_str(), static_cast<guint64>(nevra.epoch),
                      nevra.version.c_str(), nevra.release.c_str(), nevra.arch.c_str()));
    if (policy) add("rpmostree.sepolicy", g_variant_new_string(ostree_sepolicy_get_csum(policy)));
    add("rpmostree.unpack_version", g_variant_new_uint32(unpack_version));
    add("rpmostree.unpack_minor_version", g_variant_new_uint32(unpack_minor_version));
    for (const auto* key : {"rpmostree.repo", "rpmostree.repodata_checksum"})
        if (before)
            if (const GVariantPtr value(g_variant_lookup_value(before, key, nullptr)); value) add(key, value.get());
    return take(g_variant_builder_end(&builder));
}

struct CachedPackage {
    std::string commit;
    GVariantPtr metadata;
};

/// What the pkgcache ref of a package leads to; nothing unless it is the package of exactly that header.
std::optional<CachedPackage> find_cached(OstreeRepo* repo, const Nevra& nevra, const std::string& header_sha256) {
    char* raw = nullptr;
    ErrorSlot error;
    error.check(ostree_repo_resolve_rev_ext(repo, package_ref(nevra).c_str(), TRUE,
                                            OSTREE_REPO_RESOLVE_REV_EXT_LOCAL_ONLY, &raw, error.address()),
                Reason::CommitFailed, fmt::format("cannot look up the pkgcache ref of '{}'", nevra.str()));
    const GStr checksum(raw);
    if (!checksum) return std::nullopt;
    gboolean present = FALSE;
    error.check(
        ostree_repo_has_object(repo, OSTREE_OBJECT_TYPE_COMMIT, checksum.get(), &present, nullptr, error.address()),
        Reason::CommitFailed, "cannot look for a package commit");
    if (!present) return std::nullopt;
    auto metadata = commit_metadata(load_commit(repo, checksum.get()).get());
    if (lookup_string(metadata.get(), "rpmostree.metadata_sha256") != header_sha256) return std::nullopt;
    return CachedPackage{checksum.get(), std::move(metadata)};
}

/// Whether the importer takes this file of the payload. @throws Error{CommitFailed} where it would fail
bool taken(const PackageFileOnDisk& package, const PackageFile& file, const std::string& path) {
    if (file.ghost || path.empty() || path.starts_with("var") || path.starts_with("run")) return false;
    if (path.starts_with("usr/etc/selinux") && path.ends_with(".LOCK")) return false;
    if (carried_path(path)) return true;
    if (package.nevra.name == "filesystem" || package.nevra.name == "rootfiles") return false;
    throw fail(Reason::CommitFailed,
               "package '{}' ships '{}', which an OSTree tree can't hold (only /usr without /usr/local, /etc, /opt and "
               "what is in /boot); it can't be installed on this node",
               package.nevra.str(), file.path);
}

} // namespace

bool package_cached(const Sysroot& sysroot, const Nevra& nevra, const std::string& header_sha256) {
    return find_cached(sysroot.impl().repo.get(), nevra, header_sha256).has_value();
}

void check_carried(const PackageFileOnDisk& package) {
    for (const auto& file : package.files)
        static_cast<void>(taken(package, file, translated_path(file.path)));
}

Transaction::Imported Transaction::import_package(const PackageFileOnDisk& package, const std::string& tree_commit) {
    auto* repo = impl_->repo.get();
    Imported result;
    result.ref = package_ref(package.nevra);
    impl_->read_policy(tree_commit);
    const auto cached = find_cached(repo, package.nevra, package.header_sha256);
    const std::string policy = impl_->policy ? ostree_sepolicy_get_csum(impl_->policy.get()) : "";
    if (cached && lookup_string(cached->metadata.get(), "rpmostree.sepolicy") == policy) {
        result.checksum = cached->commit;
        impl_->wanted[result.ref] = result.checksum;
        return result;
    }

    const std::string header = header_bytes(package);
    const Tree tree(repo, tree_commit);
    PackageTree commit(repo, impl_->policy.get(), package.nevra.str());
    // The importer looks capabilities up by the new path among the header's old ones.
    const auto capabilities = [](const PackageFile& file, const std::string& path) {
        return "/" + path == file.path ? file.capabilities : std::string();
    };
    std::vector<const PackageFile*> missing;
    for (const auto& file : package.files) {
        const std::string path = translated_path(file.path);
        if (!taken(package, file, path)) continue;
        if (S_ISDIR(file.mode)) {
            commit.add_folder(path, file.mode);
        } else if (S_ISLNK(file.mode)) {
            commit.add_link(path, file.mode, file.link_target);
            ++result.reused;
        } else if (S_ISREG(file.mode)) {
            commit.make_place(path);
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
            const auto caps = capabilities(file, path);
            const auto wanted = commit.attributes("/" + path, file.mode, caps);
            if (facts.uid == 0 && facts.gid == 0 && facts.mode == file.mode &&
                g_variant_equal(facts.xattrs.get(), wanted.get()))
                commit.add_object(path, entry->checksum);
            else // the same bytes with another owner, mode or label: rpm-ostree applies owners only when it lays out
                commit.add_file(path, file.mode, tree.content(*entry, file.size), caps);
            ++result.reused;
        }
    }
    unpack(package, missing, [&](const PackageFile& file, const std::string& content) {
        const auto path = translated_path(file.path);
        commit.add_file(path, file.mode, content, capabilities(file, path));
        ++result.unpacked;
    });
    if (const auto snippet = tmpfiles_snippet(package.files); !snippet.empty())
        commit.add_snippet(package.nevra.name, snippet);

    const std::string context = fmt::format("cannot write the pkgcache commit of '{}'", package.nevra.str());
    ErrorSlot error;
    GFile* raw_root = nullptr;
    error.check(ostree_repo_write_mtree(repo, commit.root(), &raw_root, nullptr, error.address()), Reason::CommitFailed,
                context);
    const GObj<GFile> root(raw_root);
    char* raw = nullptr;
    const auto metadata =
        import_metadata(package, header, impl_->policy.get(), cached ? cached->metadata.get() : nullptr);
    error.check(ostree_repo_write_commit_with_time(repo, nullptr, "", "", metadata.get(), OSTREE_REPO_FILE(root.get()),
                                                   package.build_time, &raw, nullptr, error.address()),
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
