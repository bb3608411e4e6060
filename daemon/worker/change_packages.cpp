#include "fetch/cache.hpp"
#include "ostree/base.hpp"
#include "ostree/origin.hpp"
#include "rpm/database.hpp"
#include "state/desired_packages.hpp"
#include "worker/building.hpp"
#include "worker/finish.hpp"
#include "worker/jobs.hpp"
#include "worker/package_diff.hpp"
#include "worker/planning.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <functional>
#include <set>

#include <sys/resource.h>

namespace rtnode::worker {
namespace {

DesiredPackages desired_after(const Plan& plan, const std::vector<PackageFileOnDisk>& packages,
                              const std::map<std::string, PinnedPackage>& layered) {
    DesiredPackages desired;
    const auto pin = [&](const Nevra& nevra) {
        const auto package =
            std::find_if(packages.begin(), packages.end(), [&](const auto& file) { return file.nevra == nevra; });
        return PinnedPackage{package->header_sha256, nevra};
    };
    for (const auto& change : plan.packages)
        switch (change.kind) {
        case PackageChange::Kind::remove:
            desired.remove.insert(change.before->name);
            break;
        case PackageChange::Kind::replace:
            desired.replace.emplace(change.after->name, pin(*change.after));
            break;
        case PackageChange::Kind::install:
            if (const auto kept = layered.find(change.after->name + "." + change.after->arch);
                kept != layered.end() && kept->second.nevra == *change.after)
                desired.layered.insert(*kept);
            else
                desired.install.emplace(change.after->name, pin(*change.after));
            break;
        }
    return desired;
}

std::string origin_text(const Node& node, const DesiredPackages& desired) {
    auto lists = ostree::lists_of(node.ground.start.origin);
    lists.overrides_remove = {desired.remove.begin(), desired.remove.end()};
    lists.overrides_replace_local.clear();
    lists.requested_local.clear();
    for (const auto& [name, pin] : desired.replace)
        lists.overrides_replace_local.push_back(pin.str());
    for (const auto& [name, pin] : desired.install)
        lists.requested_local.push_back(pin.str());
    return ostree::changed_origin(node.ground.start.origin.raw, lists);
}

/// Base commits of old composes list no packages.
std::vector<Nevra> packages_or(std::vector<Nevra> packages, const Base& base) {
    return packages.empty() ? base.packages : packages;
}

/// The plan shows which packages were taken without proof.
void mark_trust(Plan& plan, const std::vector<PackageFileOnDisk>& packages) {
    for (auto& change : plan.packages)
        for (const auto& package : packages)
            if (change.after == package.nevra) change.trust = package.trust;
}

bool newer(const Nevra& left, const Nevra& right) {
    return rpm::compare_evr(left, right) < 0;
}

/// The packages of this job stay for a while: the same request often comes again, with other options.
void bound_cache(const WorkOrder& order, const Planned& planned, Reporter& reporter) {
    std::set<std::filesystem::path> needed;
    for (const auto& package : planned.solution.packages)
        if (package.file) needed.insert(package.file->path);
    const fetch::CacheBounds bounds{.bytes = order.cache_megabytes * 1'000'000,
                                    .unused = std::chrono::hours(24 * order.cache_days)};
    if (const auto freed = fetch::prune_cache(order.cache_dir, bounds, needed); freed > 0)
        reporter.log(fmt::format("Freed {:.1f} MB of the package cache", static_cast<double>(freed) / 1e6));
}

std::uint64_t peak_memory_bytes() {
    struct rusage usage {};
    getrusage(RUSAGE_SELF, &usage);
    return static_cast<std::uint64_t>(usage.ru_maxrss) * 1024;
}

} // namespace

nlohmann::json change_packages(const WorkOrder& order, Reporter& reporter) {
    const PackageStore store(order.state_dir / "packages");
    auto node = open_node(order, reporter, store, true);
    const auto new_base = move_to_new_base(order, node, reporter);
    const WorkFolder work(node.sysroot, order.job);
    const auto base = read_base(node, work);
    const auto keyring = rpm::Keyring::load(base.rpmdb, order.gpg_keys);
    DownloadProgress progress(reporter);
    fetch::Downloader downloader(order.cache_dir, std::ref(progress), canceled);
    RepositoryKeys repository_keys(order, base.rpmdb, downloader, reporter);

    Payloads payloads(node.sysroot, store, keyring, work.path() / "cached");
    std::optional<ProfileChange> profile;
    if (order.request.profile) profile.emplace(order, reporter);
    auto planned = make_plan(order, node, new_base, base, payloads, keyring, repository_keys, downloader,
                             profile ? &*profile : nullptr, reporter);
    auto& plan = planned.plan;
    check_expected(order, plan);
    if (const auto why = obstacle(plan, base); !why.empty()) {
        if (!order.request.dry_run) throw fail(Reason::UnsupportedRoot, "{}", why);
        reporter.warn(why);
    }
    if (plan.new_commit || new_base.moved(node)) check_space(node, new_base, plan, planned.solution);
    auto result = result_of(plan, order);
    if (profile) profile->check(plan, result);
    if (order.request.dry_run || plan.nothing_to_do()) return result;

    ostree::DeployRequest deployment{.stateroot = plan.stateroot,
                                     .checksum = plan.from_checksum,
                                     .origin = node.ground.start.origin.raw,
                                     .kernel_arguments = plan.kernel_arguments_after,
                                     .refs = new_base.refs};
    std::optional<ostree::Transaction> transaction;
    auto packages_after = packages_or(ostree::packages_of(node.sysroot, plan.from_checksum), base);
    if (plan.new_commit) {
        const auto packages = bring_packages(planned, repository_keys, downloader, progress, reporter);
        plan.regenerates_initramfs |=
            std::any_of(packages.begin(), packages.end(), [](const auto& package) { return package.has_microcode(); });
        mark_trust(plan, packages);
        const auto desired = desired_after(plan, packages, planned.layered);
        transaction.emplace(node.sysroot, std::to_string(order.job));
        const auto built = build_tree(order, node, planned, packages, desired, work, *transaction, reporter);
        for (const auto& package : packages)
            if (!payloads.rebuilt(package)) store.keep(package);
        deployment.checksum = built.checksum;
        deployment.origin = origin_text(node, desired);
        packages_after = built.packages;
        result.update(result_of(plan, order));
    } else if (!plan.same_packages_as_start) {
        // Nothing is left of the overrides: the base commit itself.
        packages_after = base.packages;
        deployment.checksum = plan.base_checksum;
        deployment.origin = origin_text(node, {});
    }

    const auto packages_before = packages_or(ostree::packages_of(node.sysroot, node.ground.merge.checksum), base);
    to_json(result, diff_packages(packages_before, packages_after, newer));
    if (profile) profile->intend(plan, deployment.checksum);
    deploy(order, node, deployment, transaction ? &*transaction : nullptr, reporter, result);
    result["freed"] = clean_up(node, store, reporter);
    bound_cache(order, planned, reporter);
    result["peak-memory-bytes"] = peak_memory_bytes();
    return result;
}

} // namespace rtnode::worker
