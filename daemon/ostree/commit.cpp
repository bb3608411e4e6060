#include "ostree/commit.hpp"

#include "ostree/evr.hpp"
#include "ostree/transaction.hpp"
#include "ostree/tree.hpp"
#include "ostree/upper.hpp"
#include "ostree/upper_writer.hpp"

#include <algorithm>
#include <fcntl.h>
#include <unistd.h>

namespace rtnode::ostree {
namespace {

class Fd {
  public:
    explicit Fd(int fd) : fd_(fd) {}
    Fd(const Fd&) = delete;
    Fd& operator=(const Fd&) = delete;
    ~Fd() {
        if (fd_ >= 0) close(fd_);
    }
    int get() const { return fd_; }

  private:
    int fd_;
};

/// rpm-ostree's (sstsss), boxed.
GVariant* boxed(const Nevra& nevra) {
    return g_variant_new_variant(g_variant_new("(sstsss)", nevra.str().c_str(), nevra.name.c_str(),
                                               static_cast<guint64>(nevra.epoch), nevra.version.c_str(),
                                               nevra.release.c_str(), nevra.arch.c_str()));
}

GVariant* strings(const std::vector<std::string>& items) {
    GVariantBuilder builder;
    g_variant_builder_init(&builder, G_VARIANT_TYPE("as"));
    for (const auto& item : items)
        g_variant_builder_add(&builder, "s", item.c_str());
    return g_variant_builder_end(&builder);
}

GVariant* package_list_variant(std::vector<Nevra> packages) {
    std::sort(packages.begin(), packages.end(), package_less);
    GVariantBuilder builder;
    g_variant_builder_init(&builder, G_VARIANT_TYPE("a(sssss)"));
    for (const auto& package : packages)
        g_variant_builder_add(&builder, "(sssss)", package.name.c_str(), std::to_string(package.epoch).c_str(),
                              package.version.c_str(), package.release.c_str(), package.arch.c_str());
    return g_variant_builder_end(&builder);
}

/// Every key that a reader of clientlayer_version 6 asserts (rpm-ostree src/libpriv/rpmostree-util.cxx).
GVariantPtr metadata_variant(const CommitMetadata& metadata, GFile* root) {
    GVariantDict dict;
    g_variant_dict_init(&dict, nullptr);
    if (!metadata.version.empty()) g_variant_dict_insert(&dict, "version", "s", metadata.version.c_str());
    g_variant_dict_insert(&dict, "rpmostree.clientlayer", "b", TRUE);
    g_variant_dict_insert(&dict, "rpmostree.clientlayer_version", "u", 6U);
    g_variant_dict_insert_value(&dict, "rpmostree.packages", strings(metadata.requested));
    g_variant_dict_insert_value(&dict, "rpmostree.modules", strings({}));
    g_variant_dict_insert_value(&dict, "rpmostree.rpmdb.pkglist", package_list_variant(metadata.packages));

    GVariantBuilder repositories;
    g_variant_builder_init(&repositories, G_VARIANT_TYPE("aa{sv}"));
    for (const auto& [id, time] : metadata.repositories) {
        g_variant_builder_open(&repositories, G_VARIANT_TYPE("a{sv}"));
        g_variant_builder_add(&repositories, "{sv}", "id", g_variant_new_string(id.c_str()));
        g_variant_builder_add(&repositories, "{sv}", "timestamp", g_variant_new_uint64(time));
        g_variant_builder_close(&repositories);
    }
    g_variant_dict_insert_value(&dict, "rpmostree.rpmmd-repos", g_variant_builder_end(&repositories));

    auto removed = metadata.removed;
    std::sort(removed.begin(), removed.end());
    GVariantBuilder removals;
    g_variant_builder_init(&removals, G_VARIANT_TYPE("av"));
    for (const auto& nevra : removed)
        g_variant_builder_add_value(&removals, boxed(nevra));
    g_variant_dict_insert_value(&dict, "rpmostree.removed-base-packages", g_variant_builder_end(&removals));

    auto replaced = metadata.replaced;
    std::sort(replaced.begin(), replaced.end());
    GVariantBuilder replacements;
    g_variant_builder_init(&replacements, G_VARIANT_TYPE("a(vv)"));
    for (const auto& [before, after] : replaced) {
        GVariant* pair[2] = {boxed(after), boxed(before)}; // new first
        g_variant_builder_add_value(&replacements, g_variant_new_tuple(pair, 2));
    }
    g_variant_dict_insert_value(&dict, "rpmostree.replaced-base-packages", g_variant_builder_end(&replacements));
    g_variant_dict_insert_value(&dict, "rpmostree.replaced-base-remote-packages",
                                g_variant_new_array(G_VARIANT_TYPE("{sv}"), nullptr, 0));

    GStr state(g_compute_checksum_for_data(G_CHECKSUM_SHA512, reinterpret_cast<const guchar*>(metadata.state.data()),
                                           metadata.state.size()));
    g_variant_dict_insert(&dict, "rpmostree.state-sha512", "s", state.get());

    ErrorSlot error;
    if (!ostree_commit_metadata_for_bootable(root, &dict, nullptr, error.address())) {
        g_variant_dict_clear(&dict);
        error.raise(Reason::CommitFailed, "cannot find the kernel of the new tree");
    }
    return take(g_variant_dict_end(&dict));
}

/// libostree boots the first folder with a vmlinuz that readdir(3) gives it: there must be one.
void check_kernel(const Tree& tree, const Tree& base) {
    const auto kernels = tree.kernels();
    if (kernels.empty())
        throw fail(Reason::NoKernel,
                   "the new tree has no kernel: no usr/lib/modules/*/vmlinuz; install a kernel with the "
                   "same request that removes one");
    if (kernels.size() > 1)
        throw fail(Reason::SeveralKernels,
                   "the new tree has {} kernels ({}); an OSTree deployment boots exactly one: remove the others in the "
                   "same request",
                   kernels.size(), fmt::join(kernels, ", "));
    const auto initramfs = [](const Tree& where, const std::string& kernel) {
        const std::string folder = "usr/lib/modules/" + kernel + "/initramfs";
        return where.find(folder + ".img") || where.find(folder);
    };
    const auto base_kernels = base.kernels();
    const bool base_has_one = !base_kernels.empty() && initramfs(base, base_kernels.front());
    if (base_has_one && !initramfs(tree, kernels.front()))
        throw fail(Reason::InitramfsFailed, "the new tree has no initramfs beside usr/lib/modules/{}/vmlinuz",
                   kernels.front());
}

} // namespace

std::string Transaction::commit_overlay(const std::string& base, const std::filesystem::path& upper,
                                        const CommitMetadata& metadata) {
    auto* repo = impl_->repo.get();
    const std::string context = fmt::format("cannot commit the changed tree of base {}", base);
    ErrorSlot error;
    const Fd folder(open(upper.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (folder.get() < 0)
        throw fail(Reason::CommitFailed, "{}: cannot open '{}': {}", context, upper.string(), strerror(errno));

    const GObj<OstreeMutableTree> tree(ostree_mutable_tree_new_from_commit(repo, base.c_str(), error.address()));
    error.check(tree.get(), Reason::PartialCommit, context);
    const std::string root_metadata = ostree_mutable_tree_get_metadata_checksum(tree.get());
    merge_upper(folder.get(), tree.get());

    // One call from the root, so that the policy's paths are absolute; it also sets the root's own metadata from the
    // upper's, which isn't a change.
    impl_->read_policy(base);
    const Tree base_tree(repo, base);
    UpperWriter(repo, base_tree, impl_->policy.get(), upper).write(folder.get(), tree.get());
    ostree_mutable_tree_set_metadata_checksum(tree.get(), root_metadata.c_str());

    GFile* raw_root = nullptr;
    error.check(ostree_repo_write_mtree(repo, tree.get(), &raw_root, nullptr, error.address()), Reason::CommitFailed,
                context);
    const GObj<GFile> root(raw_root);
    auto* root_file = OSTREE_REPO_FILE(root.get());
    error.check(ostree_repo_file_ensure_resolved(root_file, error.address()), Reason::CommitFailed, context);
    const Tree new_tree(repo, TreeEntry{"/", true, ostree_repo_file_tree_get_contents_checksum(root_file),
                                        ostree_repo_file_tree_get_metadata_checksum(root_file)});
    check_kernel(new_tree, base_tree);

    char* raw_checksum = nullptr;
    error.check(ostree_repo_write_commit(repo, base.c_str(), "", "", metadata_variant(metadata, root.get()).get(),
                                         root_file, &raw_checksum, nullptr, error.address()),
                Reason::CommitFailed, context);
    const GStr checksum(raw_checksum);
    impl_->keep("tree", checksum.get());
    return checksum.get();
}

} // namespace rtnode::ostree
