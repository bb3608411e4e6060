#include "ostree/deploy.hpp"

#include "ostree/base.hpp"
#include "ostree/etc_merge.hpp"
#include "ostree/moved_refs.hpp"
#include "ostree/origin.hpp"
#include "ostree/pkgcache.hpp"
#include "ostree/pull.hpp"
#include "ostree/transaction.hpp"
#include "ostree/write_deployments.hpp"

#include <algorithm>
#include <fstream>
#include <optional>
#include <set>
#include <system_error>

namespace rtnode::ostree {
namespace {

/// rpmostree/base/N for the base of each layered deployment, and of `extra` commits that are about to be deployed.
/// libostree prunes by refs without depth: without these a base commit goes with the next cleanup. As rpm-ostree does
/// (rust/src/daemon.rs, generate_baselayer_refs), all are written anew.
std::map<std::string, std::string> base_ref_changes(const Sysroot& sysroot, const std::vector<std::string>& extra) {
    auto* repo = sysroot.impl().repo.get();
    std::vector<std::string> commits = extra;
    for (const auto& deployment : sysroot.impl().all())
        commits.emplace_back(ostree_deployment_get_csum(deployment.get()));
    std::vector<std::string> bases;
    for (const auto& checksum : commits) {
        const auto commit = load_commit(repo, checksum);
        gboolean layered = FALSE;
        g_variant_lookup(commit_metadata(commit.get()).get(), "rpmostree.clientlayer", "b", &layered);
        const GStr parent(ostree_commit_get_parent(commit.get()));
        if (layered && parent) bases.emplace_back(parent.get()); // one a deployment, the same base again
    }
    std::map<std::string, std::string> changes;
    for (const auto& [ref, checksum] : refs(repo, "rpmostree/base"))
        changes[ref] = "";
    for (std::size_t i = 0; i < bases.size(); ++i)
        changes[fmt::format("rpmostree/base/{}", i)] = bases[i];
    return changes;
}

/// Moves refs, and back again unless kept.
class RefChange {
  public:
    RefChange(OstreeRepo* repo, std::map<std::string, std::string> changes) : repo_(repo) {
        const auto before = refs(repo, "rpmostree");
        for (auto& [ref, checksum] : changes) {
            const auto old = before.find(ref);
            const std::string was = ref.find(':') != std::string::npos ? commit_of(repo, ref)
                                    : old == before.end()              ? ""
                                                                       : old->second;
            if (was == checksum) continue;
            changes_.emplace(ref, checksum);
            before_.emplace(ref, was);
        }
        set_refs(repo_, changes_);
    }
    RefChange(const RefChange&) = delete;
    RefChange& operator=(const RefChange&) = delete;

    void take_back() { set_refs(repo_, before_); }

  private:
    OstreeRepo* repo_;
    std::map<std::string, std::string> changes_, before_;
};

/// The boot loader entry whose `ostree=` leads to this folder, as text of its `options` line.
std::optional<std::string> loader_options(const Sysroot& sysroot, const std::filesystem::path& folder) {
    const auto entries = sysroot.boot_folder() / "loader/entries";
    std::error_code error;
    for (const auto& entry : std::filesystem::directory_iterator(entries, error)) {
        std::ifstream stream(entry.path());
        for (std::string line; std::getline(stream, line);) {
            if (!line.starts_with("options ")) continue;
            line.erase(0, 8);
            const auto arguments = KernelArguments::parse(line);
            for (const auto& token : arguments.tokens()) {
                if (!token.starts_with("ostree=/")) continue;
                const auto link = sysroot.path() / token.substr(8);
                std::error_code missing;
                if (std::filesystem::equivalent(link, folder, missing)) return line;
            }
        }
    }
    return std::nullopt;
}

/// What counts is on disk: reads it again and compares it with the request.
Deployment verify(Sysroot& sysroot, const DeployRequest& request, OstreeDeployment* written) {
    sysroot.reload();
    for (auto& deployment : sysroot.deployments()) {
        if (deployment.stateroot != request.stateroot) continue;
        const auto wrong = [&](const std::string& what) {
            return fail(Reason::DeployFailed,
                        "the new deployment {} is written, but {}; look at `ostree admin status`, and drop it with "
                        "DropPending",
                        label_of(written), what);
        };
        if (deployment.checksum != request.checksum ||
            static_cast<int>(deployment.serial) != ostree_deployment_get_deployserial(written))
            throw wrong(fmt::format("{} stands before it", label(deployment)));
        const auto wanted = request.kernel_arguments.without_ostree();
        if (deployment.kernel_arguments.without_ostree() != wanted)
            throw wrong(fmt::format("its kernel arguments are '{}'", deployment.kernel_arguments.str()));
        const auto folder = sysroot.deployment_folder(deployment);
        if (!deployment.staged) { // a staged one gets its loader entry at shutdown
            const auto options = loader_options(sysroot, folder);
            if (!options) throw wrong("no boot loader entry leads to it");
            if (KernelArguments::parse(*options).without_ostree() != wanted)
                throw wrong(fmt::format("its boot loader entry says '{}'", *options));
        }
        const auto origin = parse_origin(deployment.origin.raw);
        const auto asked = parse_origin(request.origin);
        if (origin.refspec != asked.refspec || origin.requested_local != asked.requested_local ||
            origin.overrides_remove != asked.overrides_remove ||
            origin.overrides_replace_local != asked.overrides_replace_local || origin.custom_url != asked.custom_url)
            throw wrong("its origin file isn't the one asked for");
        return deployment;
    }
    throw fail(Reason::DeployFailed, "the new deployment {} isn't there after it was written", label_of(written));
}

/// Deployments of others, pinned ones, and the way back: what stays beside a new one in a sysroot that isn't booted.
std::vector<GObj<OstreeDeployment>> kept_beside(const Sysroot& sysroot, const std::string& stateroot,
                                                OstreeDeployment* merge) {
    std::vector<GObj<OstreeDeployment>> kept;
    for (auto& deployment : sysroot.impl().all()) {
        const bool ours = stateroot == ostree_deployment_get_osname(deployment.get());
        if (!ours || ostree_deployment_is_pinned(deployment.get()) ||
            (merge && ostree_deployment_equal(deployment.get(), merge)))
            kept.push_back(std::move(deployment));
    }
    return kept;
}

GKeyFilePtr key_file(const std::string& text) {
    GKeyFilePtr file(g_key_file_new());
    ErrorSlot error;
    error.check(
        g_key_file_load_from_data(file.get(), text.data(), text.size(), G_KEY_FILE_KEEP_COMMENTS, error.address()),
        Reason::UnusableOrigin, "the new origin is not a key file");
    // Whether the deployment that the change started from is pinned stands in its origin, too: that is not inherited.
    ostree_deployment_origin_remove_transient_state(file.get());
    return file;
}

GObj<OstreeDeployment> write_new(Sysroot& sysroot, const DeployRequest& request) {
    auto* raw_sysroot = sysroot.impl().sysroot.get();
    const std::string context =
        fmt::format("cannot deploy commit {} to stateroot '{}'", request.checksum, request.stateroot);
    const auto merge = sysroot.impl().merge(request.stateroot);
    const auto origin = key_file(request.origin);
    const auto tokens = request.kernel_arguments.without_ostree().tokens();
    std::vector<char*> arguments;
    for (const auto& token : tokens)
        arguments.push_back(const_cast<char*>(token.c_str())); // libostree only reads them
    arguments.push_back(nullptr);
    OstreeSysrootDeployTreeOpts options{};
    options.override_kernel_argv = arguments.data();
    ErrorSlot error;
    OstreeDeployment* raw = nullptr;
    if (sysroot.booted()) {
        if (request.last_call) request.last_call();
        error.check(ostree_sysroot_stage_tree_with_options(raw_sysroot, request.stateroot.c_str(),
                                                           request.checksum.c_str(), origin.get(), merge.get(),
                                                           &options, &raw, nullptr, error.address()),
                    Reason::DeployFailed, context);
        return GObj<OstreeDeployment>(raw);
    }
    error.check(ostree_sysroot_deploy_tree_with_options(raw_sysroot, request.stateroot.c_str(),
                                                        request.checksum.c_str(), origin.get(), merge.get(), &options,
                                                        &raw, nullptr, error.address()),
                Reason::DeployFailed, context);
    GObj<OstreeDeployment> deployment(raw);
    auto list = kept_beside(sysroot, request.stateroot, merge.get());
    list.insert(list.begin(), share(deployment.get()));
    if (request.last_call) request.last_call();
    write_deployments(sysroot, list, context);
    return deployment;
}

} // namespace

Deployment deploy(Sysroot& sysroot, const DeployRequest& request, Transaction* transaction) {
    if (const auto merge = sysroot.impl().merge(request.stateroot)) {
        const GStr folder(ostree_sysroot_get_deployment_dirpath(sysroot.impl().sysroot.get(), merge.get()));
        check_etc_merge(sysroot, sysroot.path() / folder.get(), request.checksum);
    }
    auto changes = base_ref_changes(sysroot, {request.checksum});
    if (transaction)
        for (const auto& [ref, checksum] : transaction->wanted_refs())
            changes[ref] = checksum;
    const MoveNotes notes(sysroot, request.refs);
    changes.insert(request.refs.begin(), request.refs.end());
    // Before the deployment, so that no moment exists in which somebody else's clean-up takes what it needs.
    RefChange ref_change(sysroot.impl().repo.get(), std::move(changes));
    GObj<OstreeDeployment> written;
    try {
        written = write_new(sysroot, request);
    } catch (...) {
        // First the checkout and kernel copies that no deployment uses, which also makes room to write the old refs. If
        // that fails only space is lost, until the next clean-up.
        sysroot.reload();
        ostree_sysroot_prepare_cleanup(sysroot.impl().sysroot.get(), nullptr, nullptr);
        ref_change.take_back();
        throw;
    }
    return verify(sysroot, request, written.get());
}

std::string Freed::text() const {
    std::string size = fmt::format("{} bytes", bytes);
    double amount = static_cast<double>(bytes);
    for (const auto* unit : {"kB", "MB", "GB", "TB"}) {
        if (amount < 1000) break;
        amount /= 1000;
        size = fmt::format("{:.1f} {}", amount, unit);
    }
    return fmt::format("Freed: {} (pkgcache branches: {})", size, package_refs);
}

namespace {

/// libostree's prune keeps what refs and deployments name, not their parents (depth 0).
bool has_unnamed_commits(const Sysroot& sysroot, const std::string& context) {
    auto* repo = sysroot.impl().repo.get();
    std::set<std::string> named;
    for (const auto& [refspec, checksum] : all_refs(repo))
        named.insert(checksum);
    for (const auto& deployment : sysroot.deployments())
        named.insert(deployment.checksum);
    ErrorSlot error;
    GHashTable* raw = nullptr;
    error.check(ostree_repo_list_commit_objects_starting_with(repo, "", &raw, nullptr, error.address()),
                Reason::DeployFailed, context);
    const GHashTablePtr commits(raw);
    GHashTableIter iterator;
    gpointer key = nullptr;
    g_hash_table_iter_init(&iterator, commits.get());
    while (g_hash_table_iter_next(&iterator, &key, nullptr)) {
        const char* checksum = nullptr;
        OstreeObjectType type{};
        ostree_object_name_deserialize(static_cast<GVariant*>(key), &checksum, &type);
        if (!named.contains(checksum)) return true;
    }
    return false;
}

} // namespace

Freed cleanup(Sysroot& sysroot, Objects objects) {
    Freed freed;
    const std::string context = fmt::format("cannot clean up the sysroot '{}'", sysroot.path().string());
    sysroot.reload();
    auto changes = base_ref_changes(sysroot, {});
    for (const auto& ref : unneeded_package_refs(sysroot)) {
        changes[ref] = "";
        ++freed.package_refs;
    }
    const RefChange written(sysroot.impl().repo.get(), std::move(changes));
    auto* raw = sysroot.impl().sysroot.get();
    ErrorSlot error;
    error.check(ostree_sysroot_prepare_cleanup(raw, nullptr, error.address()), Reason::DeployFailed, context);
    if (objects == Objects::OfCommitsThatWent && !has_unnamed_commits(sysroot, context)) return freed;
    // Without a set of its own the prune would hold nothing for reachable, and delete every object.
    const GHashTablePtr reachable(ostree_repo_traverse_new_reachable());
    OstreeRepoPruneOptions options{};
    options.flags = OSTREE_REPO_PRUNE_FLAGS_REFS_ONLY;
    options.reachable = reachable.get();
    gint total = 0, pruned = 0;
    guint64 bytes = 0;
    error.check(ostree_sysroot_cleanup_prune_repo(raw, &options, &total, &pruned, &bytes, nullptr, error.address()),
                Reason::DeployFailed, context);
    freed.bytes = bytes;
    return freed;
}

std::vector<std::string> remove_leftovers(Sysroot& sysroot) {
    auto* repo = sysroot.impl().repo.get();
    auto removed = remove_work_folders(sysroot);
    for (auto& ref : take_back_moves(sysroot))
        removed.push_back(std::move(ref));
    remove_pulled_refs(sysroot);
    for (const auto& [ref, checksum] : refs(repo, "rtnode/tmp")) {
        set_ref(repo, ref, {});
        removed.push_back(ref);
    }
    remove_empty_ref_folders(sysroot);
    // A job that died after its refs moved, or in the midst of its checkout, leaves those too.
    if (!removed.empty()) cleanup(sysroot, Objects::Unreachable);
    return removed;
}

} // namespace rtnode::ostree
