#include "ostree/pull.hpp"

#include "ostree/sysroot_impl.hpp"

#include <algorithm>
#include <array>

namespace rtnode::ostree {
namespace {

/// A remote that no configuration has: pulled refs are written below it.
constexpr const char* temporary_remote = "rtnode-tmp";

using ProgressPtr = GObj<OstreeAsyncProgress>;

/// Cancels the pull when the job is canceled.
struct Watch {
    const std::function<bool()>& canceled;
    GObj<GCancellable> cancellable{g_cancellable_new()};
};

void on_progress(OstreeAsyncProgress*, gpointer data) {
    const auto* watch = static_cast<Watch*>(data);
    if (watch->canceled()) g_cancellable_cancel(watch->cancellable.get());
}

void drop_temporary(OstreeRepo* repo, const std::string& ref) {
    ErrorSlot error;
    error.check(ostree_repo_set_ref_immediate(repo, temporary_remote, ref.c_str(), nullptr, nullptr, error.address()),
                Reason::CommitFailed, fmt::format("cannot delete the temporary ref '{}:{}'", temporary_remote, ref));
}

bool is_signature_error(const ErrorSlot& error) {
    constexpr std::array codes{OSTREE_GPG_ERROR_NO_SIGNATURE, OSTREE_GPG_ERROR_INVALID_SIGNATURE,
                               OSTREE_GPG_ERROR_MISSING_KEY,  OSTREE_GPG_ERROR_EXPIRED_SIGNATURE,
                               OSTREE_GPG_ERROR_EXPIRED_KEY,  OSTREE_GPG_ERROR_REVOKED_KEY};
    return std::any_of(codes.begin(), codes.end(),
                       [&](OstreeGpgError code) { return error.is(OSTREE_GPG_ERROR, code); });
}

[[noreturn]] void raise(const ErrorSlot& error, const RemoteRef& from, const Watch& watch) {
    if (g_cancellable_is_cancelled(watch.cancellable.get()))
        throw Error(Reason::Canceled, "the job was canceled; the node is as it was before");
    if (is_signature_error(error))
        throw fail(
            Reason::BadSignature,
            "the new commit of '{}' is not signed by a key that remote '{}' trusts: {}; give the remote the right "
            "key with 'ostree remote gpg-import', or ask who runs it",
            from.str(), from.remote, error.message());
    error.raise(Reason::DownloadFailed,
                fmt::format("cannot pull '{}' (see 'ostree remote show-url {}')", from.str(), from.remote));
}

void refuse_older(OstreeRepo* repo, const RemoteRef& from, const std::string& current, const std::string& pulled) {
    const auto time_of = [&](const std::string& commit) {
        return ostree_commit_get_timestamp(load_commit(repo, commit).get());
    };
    if (time_of(pulled) >= time_of(current)) return;
    throw fail(
        Reason::OlderBase,
        "'{}' is at commit {} now, which is older than the base {} of this node; nothing goes back by itself: if "
        "that is what you want, use 'rpm-ostree upgrade --allow-downgrade'",
        from.str(), pulled, current);
}

/// @return the ref's newest commit, which is complete in the repository then, held by the temporary remote's ref
std::string pull_from_remote(OstreeRepo* repo, const RemoteRef& from, const std::function<bool()>& canceled) {
    GVariantBuilder options;
    g_variant_builder_init(&options, G_VARIANT_TYPE("a{sv}"));
    const std::array<const char*, 2> wanted{from.ref.c_str(), nullptr};
    g_variant_builder_add(&options, "{sv}", "refs", g_variant_new_strv(wanted.data(), -1));
    g_variant_builder_add(&options, "{sv}", "override-remote-name", g_variant_new_string(temporary_remote));
    const auto given = take(g_variant_builder_end(&options));

    Watch watch{canceled};
    const ProgressPtr progress(ostree_async_progress_new_and_connect(on_progress, &watch));
    ErrorSlot error;
    const bool done = ostree_repo_pull_with_options(repo, from.remote.c_str(), given.get(), progress.get(),
                                                    watch.cancellable.get(), error.address());
    ostree_async_progress_finish(progress.get());
    if (!done) raise(error, from, watch);
    auto checksum = commit_of(repo, std::string(temporary_remote) + ":" + from.ref);
    // Nothing was written when the remote's own ref is there already.
    return checksum.empty() ? commit_of(repo, from.str()) : checksum;
}

} // namespace

RemoteRef remote_of(const Origin& origin) {
    const auto& refspec = origin.refspec;
    if (origin.is_container)
        throw fail(Reason::UnusableOrigin,
                   "the node follows the container image '{}', which rtnode doesn't pull; let the machine-config "
                   "operator or 'rpm-ostree upgrade' deploy the new image, then 'rtnodectl update --no-pull' puts the "
                   "changes on it",
                   refspec);
    if (refspec.empty())
        throw fail(Reason::UnusableOrigin, "the origin has no refspec; rebase the node to its image first "
                                           "(rpm-ostree rebase REMOTE:BRANCH)");
    if (ostree_validate_checksum_string(refspec.c_str(), nullptr))
        throw fail(Reason::UnusableOrigin,
                   "the node follows the commit {} itself, which never changes; deploy the new commit (the "
                   "machine-config operator does, or 'rpm-ostree rebase REMOTE:BRANCH'), then 'rtnodectl update "
                   "--no-pull' puts the changes on it",
                   refspec);
    char *remote = nullptr, *ref = nullptr;
    ErrorSlot error;
    error.check(ostree_parse_refspec(refspec.c_str(), &remote, &ref, error.address()), Reason::UnusableOrigin,
                fmt::format("the origin's refspec '{}' can't be read", refspec));
    const GStr owned_remote(remote), owned_ref(ref);
    return {owned_remote ? owned_remote.get() : "", owned_ref.get()};
}

PulledBase::PulledBase(Sysroot& sysroot, std::string job, std::string checksum)
    : sysroot_(sysroot), ref_(fmt::format("rtnode/tmp/{}/base", job)), checksum_(std::move(checksum)) {
    set_ref(sysroot_.impl().repo.get(), ref_, checksum_);
}

PulledBase::~PulledBase() {
    // What stays is removed by remove_leftovers() before the next job.
    ostree_repo_set_ref_immediate(sysroot_.impl().repo.get(), nullptr, ref_.c_str(), nullptr, nullptr, nullptr);
    remove_empty_ref_folders(sysroot_);
}

std::unique_ptr<PulledBase> pull(Sysroot& sysroot, const RemoteRef& from, const std::string& job,
                                 const std::string& current, const std::function<bool()>& canceled) {
    auto* repo = sysroot.impl().repo.get();
    std::string checksum;
    if (from.remote.empty()) {
        checksum = commit_of(repo, from.ref);
        if (checksum.empty())
            throw fail(Reason::UnusableOrigin,
                       "the node follows the local branch '{}', which is not in its repository; rebase it to its image "
                       "(rpm-ostree rebase REMOTE:BRANCH)",
                       from.ref);
    } else {
        checksum = pull_from_remote(repo, from, canceled);
    }
    auto pulled = std::make_unique<PulledBase>(sysroot, job, checksum);
    remove_pulled_refs(sysroot);
    refuse_older(repo, from, current, checksum);
    return pulled;
}

void remove_pulled_refs(Sysroot& sysroot) {
    auto* repo = sysroot.impl().repo.get();
    const std::string prefix = std::string(temporary_remote) + ":";
    for (const auto& [refspec, checksum] : all_refs(repo))
        if (refspec.starts_with(prefix)) drop_temporary(repo, refspec.substr(prefix.size()));
    std::error_code ignored; // empty folders of the ref
    std::filesystem::remove_all(sysroot.repo_folder() / "refs/remotes" / temporary_remote, ignored);
}

} // namespace rtnode::ostree
