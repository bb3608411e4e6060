// Commit objects and their metadata, for sysroot_impl.hpp.
#include "ostree/sysroot_impl.hpp"

namespace rtnode::ostree {

GVariantPtr load_commit(OstreeRepo* repo, const std::string& checksum) {
    ErrorSlot error;
    GVariant* commit = nullptr;
    error.check(ostree_repo_load_variant(repo, OSTREE_OBJECT_TYPE_COMMIT, checksum.c_str(), &commit, error.address()),
                Reason::PartialCommit, fmt::format("cannot read commit {}", checksum));
    return GVariantPtr(commit);
}

GVariantPtr commit_metadata(GVariant* commit) {
    return GVariantPtr(g_variant_get_child_value(commit, 0));
}

std::string lookup_string(GVariant* metadata, const char* key) {
    const char* text = nullptr;
    return g_variant_lookup(metadata, key, "&s", &text) ? text : "";
}

std::vector<Nevra> package_list(GVariant* metadata) {
    std::vector<Nevra> packages;
    GVariantPtr list(g_variant_lookup_value(metadata, "rpmostree.rpmdb.pkglist", G_VARIANT_TYPE("a(sssss)")));
    if (!list) return packages;
    for (gsize i = 0; i < g_variant_n_children(list.get()); ++i) {
        const char *name = nullptr, *epoch = nullptr, *version = nullptr, *release = nullptr, *arch = nullptr;
        g_variant_get_child(list.get(), i, "(&s&s&s&s&s)", &name, &epoch, &version, &release, &arch);
        packages.push_back({name, g_ascii_strtoull(epoch, nullptr, 10), version, release, arch});
    }
    return packages;
}

} // namespace rtnode::ostree
