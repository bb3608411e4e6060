#include "ostree/upper_writer.hpp"

#include "ostree/policy.hpp"
#include "state/unique_fd.hpp"

#include <fcntl.h>

namespace rtnode::ostree {
namespace {

namespace fs = std::filesystem;

/// The folder of a mutable tree; null when there is none.
GObj<OstreeMutableTree> subtree(OstreeMutableTree* tree, const char* path, const std::string& context) {
    auto at = share(tree);
    for (const auto& part : path_parts(path)) {
        OstreeMutableTree* below = nullptr;
        char* file = nullptr;
        ErrorSlot error;
        if (!ostree_mutable_tree_lookup(at.get(), part.c_str(), &file, &below, error.address()) &&
            !error.is(G_IO_ERROR, G_IO_ERROR_NOT_FOUND))
            error.raise(Reason::CommitFailed, context);
        const GStr owned(file);
        at.reset(below);
        if (!at) break;
    }
    return at;
}

} // namespace

UpperWriter::UpperWriter(OstreeRepo* repo, const Tree& base, OstreeSePolicy* policy, fs::path upper)
    : repo_(repo), base_(base), policy_(policy ? share(policy) : nullptr), beside_(upper.parent_path()),
      context_(fmt::format("cannot commit the changed tree of base {}", base.commit())) {}

void UpperWriter::write(int upper_fd, OstreeMutableTree* tree) {
    const bool etc_as_etc = !policy_ || !etc_as_usr_etc();
    const std::string before = policy_ ? ostree_sepolicy_get_csum(policy_.get()) : "";
    read_changed_policy(upper_fd, tree);
    if (policy_ && etc_as_etc) write_etc(upper_fd, tree);
    write_folder(upper_fd, tree, true);
    // One policy is told from another as rpm-ostree does it. A look at every file is the price.
    if (policy_ && before != ostree_sepolicy_get_csum(policy_.get()))
        relabel(repo_, tree, policy_.get(), etc_as_etc, context_);
}

/// The base tells how it was composed: usr/etc/x is labelled by that name or, by newer composes (rpm-ostree's
/// selinux-label-version 1), as /etc/x. This file has different labels by the two names in every policy.
bool UpperWriter::etc_as_usr_etc() const {
    const auto config = base_.find(fmt::format("{}/config", policy_folder));
    if (!config || config->is_folder) return false;
    const auto facts = base_.facts(*config);
    const auto label = label_among(facts.xattrs.get());
    return label == label_by_policy(policy_.get(), "/usr/etc/selinux/config", facts.mode, context_) &&
           label != label_by_policy(policy_.get(), "/etc/selinux/config", facts.mode, context_);
}

/// A package may bring its own policy module with it: what counts is the policy that its scriptlet left.
void UpperWriter::read_changed_policy(int upper_fd, OstreeMutableTree* tree) {
    const auto folder = subtree(tree, policy_folder, context_);
    if (!folder) policy_.reset();
    const UniqueFd changed(openat(upper_fd, policy_folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!folder || !changed) return;

    // Merged by writing it, still without labels; these few objects go with the next prune.
    policy_.reset();
    write_folder(changed.get(), folder.get(), false);
    ErrorSlot error;
    GFile* raw = nullptr;
    error.check(ostree_repo_write_mtree(repo_, folder.get(), &raw, nullptr, error.address()), Reason::CommitFailed,
                context_);
    const GObj<GFile> merged(raw);
    const GObj<GFileInfo> info(
        g_file_query_info(merged.get(), "*", G_FILE_QUERY_INFO_NOFOLLOW_SYMLINKS, nullptr, error.address()));
    error.check(info.get(), Reason::CommitFailed, context_);

    const auto root = beside_ / "policy";
    fs::create_directories(root / "usr/etc");
    const GObj<GFile> place(g_file_new_for_path((root / policy_folder).c_str()));
    error.check(ostree_repo_checkout_tree(repo_, OSTREE_REPO_CHECKOUT_MODE_USER, OSTREE_REPO_CHECKOUT_OVERWRITE_NONE,
                                          place.get(), OSTREE_REPO_FILE(merged.get()), info.get(), nullptr,
                                          error.address()),
                Reason::CommitFailed, context_);
    policy_ = policy_in(
        root, fmt::format("{}: cannot read the SELinux policy as the packages' scriptlets left it", context_));
}

/// libostree labels by the path in the folder that it is given; its flag to take /usr/etc for /etc is newer (2023.4)
/// than some that we run with. So this is given a folder in which etc is etc.
void UpperWriter::write_etc(int upper_fd, OstreeMutableTree* tree) {
    const auto usr = subtree(tree, "usr", context_);
    const UniqueFd etc(openat(upper_fd, "usr/etc", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!usr || !etc) return;
    const auto apart = beside_ / "etc-apart";
    fs::create_directory(apart);
    const UniqueFd folder(open(apart.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!folder || renameat(upper_fd, "usr/etc", folder.get(), "etc") != 0)
        throw fail(Reason::CommitFailed, "{}: cannot move its /usr/etc to '{}': {}", context_, apart.string(),
                   strerror(errno));
    write_folder(folder.get(), usr.get(), true);
}

void UpperWriter::write_folder(int folder_fd, OstreeMutableTree* tree, bool consume) {
    // Moved instead of copied. A file without a label can't be used by anything confined, the kernel's modules by
    // nobody; a compose doesn't let one through either.
    unsigned flags = OSTREE_REPO_COMMIT_MODIFIER_FLAGS_NONE;
    if (consume) flags |= OSTREE_REPO_COMMIT_MODIFIER_FLAGS_CONSUME;
    if (policy_) flags |= OSTREE_REPO_COMMIT_MODIFIER_FLAGS_ERROR_ON_UNLABELED;
    const CommitModifierPtr modifier(
        ostree_repo_commit_modifier_new(static_cast<OstreeRepoCommitModifierFlags>(flags), nullptr, nullptr, nullptr));
    if (policy_) ostree_repo_commit_modifier_set_sepolicy(modifier.get(), policy_.get());
    ErrorSlot error;
    error.check(ostree_repo_write_dfd_to_mtree(repo_, folder_fd, ".", tree, modifier.get(), nullptr, error.address()),
                Reason::CommitFailed, context_);
}

} // namespace rtnode::ostree
