#include "ostree/foreign.hpp"

#include "ostree/cpio.hpp"
#include "ostree/payload.hpp"
#include "ostree/pkgcache.hpp"
#include "ostree/sysroot_impl.hpp"
#include "ostree/tree.hpp"
#include "state/digest.hpp"

#include <algorithm>
#include <fstream>
#include <set>
#include <sys/stat.h>

namespace rtnode::ostree {
namespace {

Error not_kept(const Nevra& nevra, const std::string& why, const std::string& remedy) {
    return fail(Reason::ForeignLayering,
                "the package {} was layered by rpm-ostree, and rtnode can't put it into a new tree: {}; {} (kernel "
                "arguments alone can still be changed)",
                nevra.str(), why, remedy);
}

std::string key_of(const Nevra& nevra) {
    return nevra.name + "." + nevra.arch;
}

/// The commit in the package cache; empty when there is none.
std::string cached_commit(const Sysroot& sysroot, const Nevra& nevra) {
    char* raw = nullptr;
    ErrorSlot error;
    error.check(ostree_repo_resolve_rev_ext(sysroot.impl().repo.get(), package_ref(nevra).c_str(), TRUE,
                                            OSTREE_REPO_RESOLVE_REV_EXT_LOCAL_ONLY, &raw, error.address()),
                Reason::CorruptObject, fmt::format("cannot look up the cached package {}", nevra.str()));
    const GStr commit(raw);
    return commit ? commit.get() : "";
}

/// Its metadata; null when there is none.
GVariantPtr cached_metadata(const Sysroot& sysroot, const Nevra& nevra) {
    const auto commit = cached_commit(sysroot, nevra);
    if (commit.empty()) return nullptr;
    return commit_metadata(load_commit(sysroot.impl().repo.get(), commit).get());
}

/// The names of a file that shares its content with others, last of all: that one carries it, as rpm has it.
std::map<std::uint64_t, std::size_t> last_names(const PackageFileOnDisk& package,
                                                const std::vector<std::uint64_t>& inodes) {
    std::map<std::uint64_t, std::size_t> last;
    for (std::size_t i = 0; i < package.files.size(); ++i)
        if (!package.files[i].ghost && S_ISREG(package.files[i].mode)) last[inodes[i]] = i;
    return last;
}

std::string content_of(const Tree& tree, const PackageFileOnDisk& package, const PackageFile& file) {
    if (file.size == 0) return {};
    const auto entry = tree.find(translated_path(file.path));
    const auto type = digest_type(file.digest_algorithm);
    if (!entry || entry->is_folder)
        throw not_kept(package.nevra, fmt::format("its package cache has no content of '{}'", file.path),
                       "pass the package's RPM with this request, or remove it first with `rpm-ostree uninstall`");
    if (!type || tree.digest(*entry, *type) != file.digest)
        throw fail(Reason::CorruptObject,
                   "'{}' of the cached package {} doesn't have the digest of its header; run `ostree fsck`, and remove "
                   "the package with rpm-ostree or pass its RPM with this request",
                   file.path, package.nevra.str());
    return tree.content(*entry, file.size);
}

} // namespace

std::vector<std::string> layered_patterns(const Sysroot& sysroot, const Deployment& deployment) {
    const auto metadata = commit_metadata(load_commit(sysroot.impl().repo.get(), deployment.checksum).get());
    const GVariantPtr list(g_variant_lookup_value(metadata.get(), "rpmostree.packages", G_VARIANT_TYPE("as")));
    std::vector<std::string> patterns;
    for (gsize i = 0; list && i < g_variant_n_children(list.get()); ++i) {
        const char* pattern = nullptr;
        g_variant_get_child(list.get(), i, "&s", &pattern);
        patterns.emplace_back(pattern);
    }
    return patterns;
}

std::map<std::string, PinnedPackage> layered_from_repositories(const Sysroot& sysroot, const Deployment& deployment) {
    std::map<std::string, PinnedPackage> layered;
    const auto& origin = deployment.origin;
    if (origin.requested.empty()) return layered;
    auto* repo = sysroot.impl().repo.get();
    const auto list_of = [&](const std::string& commit) {
        return package_list(commit_metadata(load_commit(repo, commit).get()).get());
    };
    const auto all = list_of(deployment.checksum), base_list = list_of(deployment.base_checksum);
    if (all.empty() || base_list.empty())
        throw fail(Reason::ForeignLayering,
                   "deployment {} has packages layered from repositories ({}), and its commit or its base's doesn't "
                   "list its packages, so they can't be kept in a new tree; remove them first with `rpm-ostree "
                   "uninstall` (kernel arguments alone can still be changed)",
                   label(deployment), fmt::join(origin.requested, ", "));
    std::set<std::string> base, local;
    for (const auto& nevra : base_list)
        base.insert(key_of(nevra));
    for (const auto& entry : origin.requested_local)
        local.insert(PinnedPackage::parse(entry).nevra.str());
    for (const auto& nevra : all) {
        if (base.contains(key_of(nevra)) || local.contains(nevra.str())) continue; // replacements have the base's name
        const auto metadata = cached_metadata(sysroot, nevra);
        const auto header = metadata ? lookup_string(metadata.get(), "rpmostree.metadata_sha256") : "";
        if (header.empty())
            throw not_kept(nevra, "its package cache doesn't have it",
                           "repair that with `rpm-ostree uninstall` and `install`, or leave it uninstalled");
        layered.emplace(key_of(nevra), PinnedPackage{header, nevra});
    }
    // A pattern that isn't in effect was met by the base.
    const auto active = layered_patterns(sysroot, deployment);
    for (const auto& pattern : origin.requested) {
        const bool in_base = std::any_of(base_list.begin(), base_list.end(), [&](const Nevra& nevra) {
            return pattern == nevra.name || pattern == key_of(nevra);
        });
        if (!in_base && std::find(active.begin(), active.end(), pattern) == active.end())
            throw fail(
                Reason::ForeignLayering,
                "the origin of deployment {} asks for '{}' from repositories, and its commit doesn't have it; let "
                "rpm-ostree settle that first (`rpm-ostree upgrade`, or `uninstall {}`; kernel arguments alone "
                "can still be changed)",
                label(deployment), pattern, pattern);
    }
    return layered;
}

bool write_cached_header(const Sysroot& sysroot, const PinnedPackage& package, const std::filesystem::path& file) {
    if (!package_cached(sysroot, package.nevra, package.header_sha256)) return false;
    const auto metadata = cached_metadata(sysroot, package.nevra);
    const GVariantPtr value(g_variant_lookup_value(metadata.get(), "rpmostree.metadata", G_VARIANT_TYPE_BYTESTRING));
    gsize size = 0;
    const auto* bytes = value ? static_cast<const char*>(g_variant_get_fixed_array(value.get(), &size, 1)) : nullptr;
    const std::string header(bytes ? bytes : "", size);
    if (sha256_of(header) != package.header_sha256)
        throw fail(Reason::CorruptObject,
                   "the header of the cached package {} doesn't have its digest; run `ostree fsck`, and remove the "
                   "package with rpm-ostree or pass its RPM with this request",
                   package.nevra.str());
    std::ofstream stream(file, std::ios::binary | std::ios::trunc);
    stream.write(header.data(), static_cast<std::streamsize>(header.size()));
    if (!stream.flush()) throw fail(Reason::NoSpace, "cannot write '{}'; free space below /sysroot", file.string());
    return true;
}

void append_cached_payload(const Sysroot& sysroot, const PackageFileOnDisk& package, const std::string& compressor,
                           const std::vector<std::uint64_t>& inodes) {
    const Tree tree(sysroot.impl().repo.get(), cached_commit(sysroot, package.nevra));
    const auto last = last_names(package, inodes);
    std::map<std::uint64_t, std::uint32_t> links;
    for (std::size_t i = 0; i < package.files.size(); ++i)
        if (!package.files[i].ghost && S_ISREG(package.files[i].mode)) ++links[inodes[i]];

    CpioWriter archive(package.path, compressor);
    const auto add = [&](std::size_t i, const std::string& content) {
        const auto& file = package.files[i];
        const auto count = links.find(inodes[i]);
        archive.add("." + file.path, file.mode, inodes[i], count == links.end() ? 1 : count->second, content);
    };
    for (std::size_t i = 0; i < package.files.size(); ++i) {
        const auto& file = package.files[i];
        if (file.ghost) continue;
        if (!S_ISREG(file.mode))
            add(i, S_ISLNK(file.mode) ? file.link_target : "");
        else if (links.at(inodes[i]) == 1)
            add(i, content_of(tree, package, file));
    }
    // rpm wants the names of a hard link one after the other, the content with the last.
    for (const auto& [inode, at] : last) {
        if (links.at(inode) == 1) continue;
        for (std::size_t i = 0; i < at; ++i)
            if (inodes[i] == inode && !package.files[i].ghost && S_ISREG(package.files[i].mode)) add(i, "");
        add(at, content_of(tree, package, package.files[at]));
    }
    archive.finish();
}

} // namespace rtnode::ostree
