#include "ostree/sysroot.hpp"

#include "ostree/evr.hpp"
#include "ostree/origin.hpp"
#include "ostree/sysroot_impl.hpp"
#include "ostree/tree.hpp"
#include "state/digest.hpp"
#include "state/file_text.hpp"

#include <algorithm>
#include <map>
#include <sched.h>
#include <sstream>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <thread>

namespace rtnode::ostree {
namespace {

bool in_private_mounts = false; // of this process; set once, while single-threaded

/// (sstsss) of rpm-ostree: nevra, name, epoch, version, release, arch.
Nevra nevra_of(GVariant* tuple) {
    Nevra nevra;
    const char *whole = nullptr, *name = nullptr, *version = nullptr, *release = nullptr, *arch = nullptr;
    guint64 epoch = 0;
    if (!g_variant_is_of_type(tuple, G_VARIANT_TYPE("(sstsss)"))) return nevra;
    g_variant_get(tuple, "(&s&st&s&s&s)", &whole, &name, &epoch, &version, &release, &arch);
    return {name, epoch, version, release, arch};
}

std::uint64_t free_bytes(const std::filesystem::path& path) {
    struct statvfs facts {};
    if (statvfs(path.c_str(), &facts) != 0)
        throw fail(Reason::NotOstree, "cannot ask for the free space of '{}': {}", path.string(), strerror(errno));
    return static_cast<std::uint64_t>(facts.f_bfree) * facts.f_frsize; // bfree: root may use the reserve
}

void read_layering(GVariant* metadata, Deployment& deployment) {
    if (GVariantPtr removed(g_variant_lookup_value(metadata, "rpmostree.removed-base-packages", G_VARIANT_TYPE("av")));
        removed)
        for (gsize i = 0; i < g_variant_n_children(removed.get()); ++i) {
            GVariantPtr boxed(g_variant_get_child_value(removed.get(), i));
            GVariantPtr tuple(g_variant_get_variant(boxed.get()));
            deployment.removed.push_back(nevra_of(tuple.get()));
        }
    if (GVariantPtr replaced(
            g_variant_lookup_value(metadata, "rpmostree.replaced-base-packages", G_VARIANT_TYPE("a(vv)")));
        replaced)
        for (gsize i = 0; i < g_variant_n_children(replaced.get()); ++i) {
            GVariant *after = nullptr, *before = nullptr;
            g_variant_get_child(replaced.get(), i, "(vv)", &after, &before);
            GVariantPtr owned_after(after), owned_before(before);
            deployment.replaced.emplace_back(nevra_of(before), nevra_of(after));
        }
}

/// A status must not fail for one damaged origin: preflight refuses such a deployment and says why.
void read_origin(const std::string& text, Deployment& deployment) {
    deployment.origin.raw = text;
    try {
        deployment.origin = parse_origin(text);
        for (const auto& entry : deployment.origin.requested_local)
            deployment.layered_packages.push_back(Nevra::parse(split_local_entry(entry).second));
    } catch (const Error&) {
        deployment.layered_packages.clear();
    }
}

void count_difference(const std::vector<Nevra>& from, const std::vector<Nevra>& to, Deployment& deployment) {
    if (from.empty() || to.empty()) return; // a commit without package list: nothing can be said
    std::map<std::pair<std::string, std::string>, const Nevra*> before;
    for (const auto& package : from)
        before[{package.name, package.arch}] = &package;
    for (const auto& package : to) {
        const auto old = before.find({package.name, package.arch});
        if (old == before.end()) {
            ++deployment.diff.added;
            continue;
        }
        const int order = compare_evr(*old->second, package);
        if (order < 0) ++deployment.diff.upgraded;
        if (order > 0) ++deployment.diff.downgraded;
        before.erase(old);
    }
    deployment.diff.removed = static_cast<unsigned>(before.size());
}

/// By the configuration that Red Hat's and Debian's kernels bring; without that by the names of packages.
bool has_real_time_kernel(OstreeRepo* repo, const Deployment& deployment, const std::vector<Nevra>& packages) {
    constexpr std::uint64_t limit = 1 << 20; // RHEL's has 250,000 bytes
    try {
        const Tree tree(repo, deployment.checksum);
        const auto entry = tree.find("usr/lib/modules/" + deployment.kernel + "/config");
        if (entry && !entry->is_folder && S_ISREG(tree.facts(*entry).mode)) {
            const auto text = tree.content(*entry, limit);
            // PREEMPT_RT_FULL: of patched kernels before 5.3, RHEL 8's.
            return text.find("\nCONFIG_PREEMPT_RT=y\n") != std::string::npos ||
                   text.find("\nCONFIG_PREEMPT_RT_FULL=y\n") != std::string::npos;
        }
    } catch (const Error&) {
        // A status must not fail for one damaged tree; preflight refuses it and says why.
    }
    return std::any_of(packages.begin(), packages.end(),
                       [](const Nevra& package) { return package.name == "kernel-rt-core"; });
}

} // namespace

std::string label(const Deployment& deployment) {
    return fmt::format("{} {}.{}", deployment.stateroot, deployment.checksum, deployment.serial);
}

void enter_private_mounts() {
    if (unshare(CLONE_NEWNS) != 0)
        throw fail(Reason::SandboxUnavailable, "cannot make a mount namespace: {}; rtnode's worker needs CAP_SYS_ADMIN",
                   strerror(errno));
    if (mount(nullptr, "/", nullptr, MS_REC | MS_SLAVE, nullptr) != 0)
        throw fail(Reason::SandboxUnavailable, "cannot keep our mounts private: {}", strerror(errno));
    in_private_mounts = true;
}

struct SysrootLock::State {
    GObj<OstreeSysroot> sysroot;
};

SysrootLock::SysrootLock(std::unique_ptr<State> state) : state_(std::move(state)) {}
SysrootLock::SysrootLock(SysrootLock&&) noexcept = default;
SysrootLock& SysrootLock::operator=(SysrootLock&& other) noexcept {
    std::swap(state_, other.state_); // the other one unlocks ours
    return *this;
}
SysrootLock::~SysrootLock() {
    if (state_) ostree_sysroot_unlock(state_->sysroot.get());
}

Sysroot::Sysroot(std::filesystem::path path, bool private_node) : impl_(std::make_unique<Impl>()) {
    impl_->path = std::move(path);
    impl_->private_node = private_node;
    GObj<GFile> file(g_file_new_for_path(impl_->path.c_str()));
    impl_->sysroot.reset(ostree_sysroot_new(file.get()));
    if (in_private_mounts) ostree_sysroot_set_mount_namespace_in_use(impl_->sysroot.get());
    const std::string context = fmt::format("'{}' is not an OSTree sysroot", impl_->path.string());
    ErrorSlot error;
    error.check(ostree_sysroot_load(impl_->sysroot.get(), nullptr, error.address()), Reason::NotOstree, context);
    OstreeRepo* repo = nullptr;
    error.check(ostree_sysroot_get_repo(impl_->sysroot.get(), &repo, nullptr, error.address()), Reason::NotOstree,
                context);
    impl_->repo.reset(repo);
}

Sysroot::~Sysroot() = default;
Sysroot::Sysroot(Sysroot&&) noexcept = default;
Sysroot& Sysroot::operator=(Sysroot&&) noexcept = default;

const std::filesystem::path& Sysroot::path() const {
    return impl_->path;
}
bool Sysroot::private_node() const {
    return impl_->private_node;
}
bool Sysroot::booted() const {
    return ostree_sysroot_get_booted_deployment(impl_->sysroot.get()) != nullptr;
}

std::vector<GObj<OstreeDeployment>> Sysroot::Impl::all() const {
    std::vector<GObj<OstreeDeployment>> deployments;
    GPtrArrayPtr list(ostree_sysroot_get_deployments(sysroot.get()));
    for (guint i = 0; i < list->len; ++i)
        deployments.push_back(share(static_cast<OstreeDeployment*>(list->pdata[i])));
    return deployments;
}

GObj<OstreeDeployment> Sysroot::Impl::find(const Deployment& wanted) const {
    for (auto& candidate : all())
        if (wanted.stateroot == ostree_deployment_get_osname(candidate.get()) &&
            wanted.checksum == ostree_deployment_get_csum(candidate.get()) &&
            static_cast<int>(wanted.serial) == ostree_deployment_get_deployserial(candidate.get()))
            return std::move(candidate);
    throw fail(Reason::DeploymentsChanged,
               "deployment {} is gone: somebody else changed the deployments; look at "
               "`ostree admin status` and ask again",
               label(wanted));
}

GObj<OstreeDeployment> Sysroot::Impl::merge(const std::string& stateroot) const {
    if (auto* booted = ostree_sysroot_get_booted_deployment(sysroot.get()))
        if (stateroot == ostree_deployment_get_osname(booted)) return share(booted);
    // Nothing of this stateroot is booted: its last deployment stands in for the booted one.
    auto deployments = all();
    for (auto candidate = deployments.rbegin(); candidate != deployments.rend(); ++candidate)
        if (stateroot == ostree_deployment_get_osname(candidate->get())) return std::move(*candidate);
    return nullptr;
}

std::vector<Deployment> Sysroot::deployments() const {
    auto* sysroot = impl_->sysroot.get();
    auto* repo = impl_->repo.get();
    auto* booted = ostree_sysroot_get_booted_deployment(sysroot);
    std::vector<Deployment> result;
    std::map<std::string, std::vector<Nevra>> packages; // by commit
    for (const auto& owned : impl_->all()) {
        auto* raw = owned.get();
        Deployment deployment;
        deployment.index = static_cast<unsigned>(result.size());
        deployment.stateroot = ostree_deployment_get_osname(raw);
        deployment.checksum = ostree_deployment_get_csum(raw);
        deployment.serial = static_cast<unsigned>(ostree_deployment_get_deployserial(raw));
        deployment.booted = booted && ostree_deployment_equal(raw, booted);
        deployment.staged = ostree_deployment_is_staged(raw);
        deployment.pinned = ostree_deployment_is_pinned(raw);
        deployment.unlocked = ostree_deployment_get_unlocked(raw) != OSTREE_DEPLOYMENT_UNLOCKED_NONE;

        GStr origin_path(ostree_deployment_get_origin_relpath(raw));
        std::string origin = file_text(impl_->path / origin_path.get());
        if (auto* keys = ostree_deployment_get_origin(raw); origin.empty() && keys) {
            gsize length = 0;
            GStr data(g_key_file_to_data(keys, &length, nullptr));
            origin.assign(data.get(), length);
        }
        read_origin(origin, deployment);

        // Of a staged deployment libostree makes these from /run/ostree/staged-deployment, still without `ostree=`.
        if (auto* config = ostree_deployment_get_bootconfig(raw))
            if (const char* options = ostree_bootconfig_parser_get(config, "options"))
                deployment.kernel_arguments = KernelArguments::parse(options);

        const auto commit = load_commit(repo, deployment.checksum);
        const auto metadata = commit_metadata(commit.get());
        deployment.timestamp = ostree_commit_get_timestamp(commit.get());
        deployment.version = lookup_string(metadata.get(), "version");
        deployment.kernel = lookup_string(metadata.get(), "ostree.linux");
        if (deployment.kernel.empty())
            if (const auto kernels = Tree(repo, deployment.checksum).kernels(); !kernels.empty())
                deployment.kernel = kernels.front();
        gboolean layered = FALSE;
        g_variant_lookup(metadata.get(), "rpmostree.clientlayer", "b", &layered);
        deployment.layered = layered;
        deployment.base_checksum = deployment.checksum;
        deployment.base_version = deployment.version;
        deployment.base_timestamp = deployment.timestamp;
        GStr parent(ostree_commit_get_parent(commit.get()));
        if (layered && parent) {
            deployment.base_checksum = parent.get();
            gboolean present = FALSE;
            ErrorSlot error;
            error.check(ostree_repo_has_object(repo, OSTREE_OBJECT_TYPE_COMMIT, parent.get(), &present, nullptr,
                                               error.address()),
                        Reason::PartialCommit, "cannot look for the base commit");
            if (present) { // else the status goes on without; preflight refuses
                const auto base = load_commit(repo, parent.get());
                deployment.base_timestamp = ostree_commit_get_timestamp(base.get());
                deployment.base_version = lookup_string(commit_metadata(base.get()).get(), "version");
            }
        }
        read_layering(metadata.get(), deployment);
        packages[deployment.checksum] = package_list(metadata.get());
        deployment.real_time = has_real_time_kernel(repo, deployment, packages[deployment.checksum]);
        result.push_back(std::move(deployment));
    }

    for (std::size_t i = 0; i < result.size(); ++i) {
        const auto merge = impl_->merge(result[i].stateroot);
        const auto is_merge = [&](const Deployment& deployment) {
            return deployment.stateroot == ostree_deployment_get_osname(merge.get()) &&
                   deployment.checksum == ostree_deployment_get_csum(merge.get()) &&
                   static_cast<int>(deployment.serial) == ostree_deployment_get_deployserial(merge.get());
        };
        if (is_merge(result[i])) {
            const auto next =
                std::find_if(result.begin() + static_cast<long>(i) + 1, result.end(),
                             [&](const Deployment& other) { return other.stateroot == result[i].stateroot; });
            if (next != result.end()) next->rollback = true;
            continue;
        }
        result[i].pending = std::any_of(result.begin() + static_cast<long>(i) + 1, result.end(), is_merge);
        count_difference(packages[ostree_deployment_get_csum(merge.get())], packages[result[i].checksum], result[i]);
    }
    return result;
}

bool Sysroot::reload_if_changed() {
    ErrorSlot error;
    gboolean changed = FALSE;
    error.check(ostree_sysroot_load_if_changed(impl_->sysroot.get(), &changed, nullptr, error.address()),
                Reason::NotOstree, fmt::format("cannot read the deployments of '{}'", impl_->path.string()));
    return changed;
}

void Sysroot::reload() {
    ostree_sysroot_unload(impl_->sysroot.get());
    ErrorSlot error;
    error.check(ostree_sysroot_load(impl_->sysroot.get(), nullptr, error.address()), Reason::NotOstree,
                fmt::format("cannot read the deployments of '{}'", impl_->path.string()));
}

SysrootLock Sysroot::lock(std::chrono::milliseconds wait, const std::function<bool()>& canceled) {
    const auto end = std::chrono::steady_clock::now() + wait;
    while (true) {
        ErrorSlot error;
        gboolean acquired = FALSE;
        error.check(ostree_sysroot_try_lock(impl_->sysroot.get(), &acquired, error.address()), Reason::SysrootLocked,
                    fmt::format("cannot lock the sysroot '{}'", impl_->path.string()));
        if (acquired) break;
        if (canceled && canceled())
            throw fail(Reason::Canceled, "canceled while waiting for the lock of sysroot '{}'", impl_->path.string());
        const auto left = end - std::chrono::steady_clock::now();
        if (left <= std::chrono::milliseconds(0))
            throw fail(Reason::SysrootLocked,
                       "another process (rpm-ostree or `ostree admin`) changes the sysroot '{}' and holds {}; see "
                       "`rpm-ostree status` or `fuser` on that file, wait until it is done, then ask again",
                       impl_->path.string(), (impl_->path / "ostree/lock").string());
        std::this_thread::sleep_for(
            std::min<std::chrono::steady_clock::duration>(left, std::chrono::milliseconds(100)));
    }
    auto state = std::make_unique<SysrootLock::State>();
    state->sysroot = share(impl_->sysroot.get());
    SysrootLock lock(std::move(state));
    reload();
    return lock;
}

std::string Sysroot::fingerprint() const {
    const Sysroot fresh(impl_->path, impl_->private_node);
    Digest digest;
    for (const auto& deployment : fresh.deployments())
        digest.update(fmt::format("{}\n{}\n{}\n{}\n{}\n{}\n", label(deployment), deployment.staged, deployment.pinned,
                                  deployment.unlocked, deployment.kernel_arguments.str(), deployment.origin.raw));
    for (const auto& [ref, commit] : refs(fresh.impl_->repo.get(), "rpmostree"))
        digest.update(fmt::format("{} {}\n", ref, commit));
    return digest.hex();
}

std::string Sysroot::stateroot(const std::string& os) const {
    std::vector<std::string> names;
    for (const auto& deployment : impl_->all())
        if (const std::string name = ostree_deployment_get_osname(deployment.get());
            std::find(names.begin(), names.end(), name) == names.end())
            names.push_back(name);
    if (names.empty())
        throw fail(Reason::NotOstree,
                   "the sysroot '{}' has no deployment; deploy a base image first (ostree admin deploy)",
                   impl_->path.string());
    if (!os.empty()) {
        if (std::find(names.begin(), names.end(), os) == names.end())
            throw fail(Reason::NotOstree, "there is no deployment of stateroot '{}' in '{}'; there are: {}", os,
                       impl_->path.string(), fmt::join(names, ", "));
        return os;
    }
    if (auto* booted = ostree_sysroot_get_booted_deployment(impl_->sysroot.get()))
        return ostree_deployment_get_osname(booted);
    if (names.size() > 1)
        throw fail(Reason::AmbiguousStateroot,
                   "the sysroot '{}' has several stateroots ({}) and none is booted; name one with the option 'os'",
                   impl_->path.string(), fmt::join(names, ", "));
    return names.front();
}

Deployment Sysroot::starting_point(const std::string& stateroot) const {
    for (auto& deployment : deployments())
        if (deployment.stateroot == stateroot && (deployment.pending || deployment.booted)) return deployment;
    return merge_deployment(stateroot);
}

Deployment Sysroot::merge_deployment(const std::string& stateroot) const {
    const auto merge = impl_->merge(stateroot);
    if (merge)
        for (auto& deployment : deployments())
            if (deployment.stateroot == stateroot && deployment.checksum == ostree_deployment_get_csum(merge.get()) &&
                static_cast<int>(deployment.serial) == ostree_deployment_get_deployserial(merge.get()))
                return deployment;
    throw fail(Reason::NotOstree, "there is no deployment of stateroot '{}' in '{}'", stateroot, impl_->path.string());
}

std::filesystem::path Sysroot::deployment_folder(const Deployment& deployment) const {
    return impl_->path / "ostree/deploy" / deployment.stateroot / "deploy" /
           fmt::format("{}.{}", deployment.checksum, deployment.serial);
}

std::filesystem::path Sysroot::repo_folder() const {
    return impl_->path / "ostree/repo";
}
std::filesystem::path Sysroot::boot_folder() const {
    return impl_->path / "boot";
}
std::uint64_t Sysroot::free_boot_bytes() const {
    return free_bytes(boot_folder());
}
std::uint64_t Sysroot::free_repo_bytes() const {
    return free_bytes(repo_folder());
}

} // namespace rtnode::ostree
