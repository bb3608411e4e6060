// Refs of the repository, for sysroot_impl.hpp.
#include "ostree/sysroot_impl.hpp"

#include <unistd.h>

namespace rtnode::ostree {

namespace {

std::map<std::string, std::string> list(OstreeRepo* repo, const char* prefix, OstreeRepoListRefsExtFlags flags) {
    GHashTable* raw = nullptr;
    ErrorSlot error;
    error.check(ostree_repo_list_refs_ext(repo, prefix, &raw, flags, nullptr, error.address()), Reason::CommitFailed,
                "cannot list the refs of the repository");
    GHashTablePtr table(raw);
    std::map<std::string, std::string> result;
    GHashTableIter iterator;
    gpointer name = nullptr, checksum = nullptr;
    g_hash_table_iter_init(&iterator, table.get());
    while (g_hash_table_iter_next(&iterator, &name, &checksum))
        result.emplace(static_cast<const char*>(name), static_cast<const char*>(checksum));
    return result;
}

} // namespace

std::map<std::string, std::string> refs(OstreeRepo* repo, const std::string& prefix) {
    return list(repo, prefix.c_str(), OSTREE_REPO_LIST_REFS_EXT_EXCLUDE_REMOTES);
}

std::map<std::string, std::string> all_refs(OstreeRepo* repo) {
    return list(repo, nullptr, OSTREE_REPO_LIST_REFS_EXT_NONE);
}

std::string commit_of(OstreeRepo* repo, const std::string& refspec) {
    char* raw = nullptr;
    ErrorSlot error;
    error.check(ostree_repo_resolve_rev(repo, refspec.c_str(), TRUE, &raw, error.address()), Reason::CommitFailed,
                fmt::format("cannot read ref '{}'", refspec));
    const GStr checksum(raw);
    return checksum ? checksum.get() : "";
}

void set_ref(OstreeRepo* repo, const std::string& ref, const std::string& checksum) {
    ErrorSlot error;
    error.check(ostree_repo_set_ref_immediate(repo, nullptr, ref.c_str(), checksum.empty() ? nullptr : checksum.c_str(),
                                              nullptr, error.address()),
                Reason::CommitFailed, fmt::format("cannot write ref '{}'", ref));
}

void set_refs(OstreeRepo* repo, const std::map<std::string, std::string>& changes) {
    if (changes.empty()) return;
    ErrorSlot error;
    error.check(ostree_repo_prepare_transaction(repo, nullptr, nullptr, error.address()), Reason::CommitFailed,
                "cannot begin to write refs");
    for (const auto& [ref, checksum] : changes)
        ostree_repo_transaction_set_refspec(repo, ref.c_str(), checksum.empty() ? nullptr : checksum.c_str());
    if (!ostree_repo_commit_transaction(repo, nullptr, nullptr, error.address())) {
        ostree_repo_abort_transaction(repo, nullptr, nullptr); // the first error is the one that says why
        error.raise(Reason::CommitFailed, "cannot write refs");
    }
}

namespace {

void remove_empty(const std::filesystem::path& folder) {
    std::error_code ignored; // folders that others fill meanwhile stay
    for (const auto& entry : std::filesystem::directory_iterator(folder, ignored))
        if (entry.is_directory(ignored)) remove_empty(entry.path());
    rmdir(folder.c_str());
}

} // namespace

void remove_empty_ref_folders(const Sysroot& sysroot) {
    remove_empty(sysroot.repo_folder() / "refs/heads/rtnode");
}

} // namespace rtnode::ostree
