#include "worker/planning.hpp"

#include "fetch/metadata.hpp"
#include "host/kernel_demands.hpp"
#include "ostree/base.hpp"
#include "ostree/foreign.hpp"
#include "rpm/database.hpp"
#include "state/desired_packages.hpp"
#include "worker/failpoint.hpp"
#include "worker/finish.hpp"
#include "worker/inputs.hpp"

#include <algorithm>

namespace fs = std::filesystem;

namespace rtnode::worker {
namespace {

/// What dracut's result may grow by against the base's initramfs (another kernel's modules), a ratio.
constexpr double initramfs_growth = 1.3;

/// The starting point's packages less what the request takes back.
DesiredPackages starting_packages(DesiredPackages desired, const Node& node, const Request& request,
                                  Reporter& reporter) {
    put_back(desired, node, request, reporter);
    if (request.kind == JobKind::reset_overrides) {
        const auto unknown = desired.reset(request.reset);
        if (!unknown.empty())
            throw fail(
                Reason::NoSuchPackage,
                "nothing is overridden for {}: the deployment to start from has no such package removed, replaced "
                "or added; 'rtnodectl status' shows what it has",
                fmt::join(unknown, ", "));
    }
    return desired;
}

/// `kernel=stock`: the base's kernel comes back, and whatever was added in its place goes.
void take_back_kernel(DesiredPackages& desired, const Base& base, Payloads& payloads) {
    for (const auto& name : base.kernel_owners)
        desired.remove.erase(name);
    for (const auto& wish : carried(desired.install, payloads)) {
        const auto& files = wish.file->files;
        const bool of_a_kernel = std::any_of(files.begin(), files.end(), [](const PackageFile& file) {
            return file.path.starts_with("/usr/lib/modules/") || file.path.starts_with("/lib/modules/");
        });
        if (of_a_kernel || wish.file->is_kernel()) desired.install.erase(wish.file->nevra.name);
    }
}

/// Whether the real-time kernel that the node has is the one to have, whatever repositories offer.
bool keeps_kernel(const plan::Wishes& wishes, const Base& base) {
    const auto evr = wishes.carried_real_time_kernel();
    if (evr.empty()) return false;
    switch (wishes.kernel_version.policy) {
    case KernelVersion::Policy::newest:
        return false;
    case KernelVersion::Policy::pinned:
        return wishes.kernel_version.version.empty() || wishes.kernel_version.names(evr);
    case KernelVersion::Policy::match_base:
        return std::any_of(base.packages.begin(), base.packages.end(), [&](const Nevra& package) {
            return package.name == "kernel-core" && same_sources(evr, package.evr());
        });
    }
    return false;
}

/// Of an update too: unless the kernel may stay.
bool needs_repositories(const plan::Wishes& wishes, bool update, const Base& base) {
    const auto named = [](const plan::Wish& wish) { return !wish.file.has_value(); };
    return (wishes.kernel == "rt" && !(update && keeps_kernel(wishes, base))) ||
           std::any_of(wishes.replace.begin(), wishes.replace.end(), named) ||
           std::any_of(wishes.install.begin(), wishes.install.end(), named);
}

std::vector<plan::RepositoryInput> read_repositories(const WorkOrder& order, RepositoryKeys& keys,
                                                     fetch::Downloader& downloader, Reporter& reporter) {
    std::vector<std::string> names;
    for (const auto& repository : order.repositories)
        if (repository.enabled) names.push_back(repository.id);
    reporter.log(fmt::format("Enabled rpm-md repositories: {}", fmt::join(names, " ")));
    reporter.step("Importing rpm-md");
    std::vector<plan::RepositoryInput> inputs;
    std::vector<std::string> warnings;
    for (const auto& repository : order.repositories) {
        if (!repository.enabled) continue;
        const auto verify = [&](const fs::path& file, const fs::path& signature, const Repository& whose) {
            keys.verify(file, signature, whose);
        };
        if (auto files = fetch::fetch_metadata(downloader, repository, verify, warnings))
            inputs.push_back({repository, std::move(*files)});
    }
    for (const auto& warning : warnings)
        reporter.warn(warning);
    failpoint("after-metadata");
    reporter.end_step();
    return inputs;
}

/// What rpm-ostree layered from repositories is rpm-ostree's: neither dropped nor exchanged.
void check_layered_stays(const Plan& plan, const std::map<std::string, PinnedPackage>& layered, const Base& base) {
    for (const auto& [name, pin] : layered) {
        const bool stays = std::any_of(plan.packages.begin(), plan.packages.end(),
                                       [&](const auto& change) { return change.after == pin.nevra; });
        const bool in_base = std::any_of(base.packages.begin(), base.packages.end(),
                                         [&](const auto& nevra) { return nevra.name == pin.nevra.name; });
        if (!stays && !in_base)
            throw fail(
                Reason::ForeignLayering,
                "the request would drop or exchange {}, which rpm-ostree layered from a repository; uninstall it "
                "first with `rpm-ostree uninstall`, or leave it out of the request",
                pin.nevra.str());
    }
}

/// Whether the starting point has exactly the packages of the plan. (On another base it has others anyway.)
bool same_packages(const Node& node, const Plan& plan, const std::map<std::string, PinnedPackage>& layered) {
    const auto& start = node.ground.start;
    std::vector<std::string> had, wanted;
    for (const auto& nevra : start.removed)
        had.push_back("-" + nevra.str());
    for (const auto& [before, after] : start.replaced)
        had.push_back("=" + after.str());
    for (const auto& nevra : start.layered_packages)
        had.push_back("+" + nevra.str());
    for (const auto& [name, pin] : layered)
        had.push_back("+" + pin.nevra.str());
    for (const auto& change : plan.packages)
        switch (change.kind) {
        case PackageChange::Kind::remove:
            wanted.push_back("-" + change.before->str());
            break;
        case PackageChange::Kind::replace:
            wanted.push_back("=" + change.after->str());
            break;
        case PackageChange::Kind::install:
            wanted.push_back("+" + change.after->str());
            break;
        }
    std::sort(had.begin(), had.end());
    std::sort(wanted.begin(), wanted.end());
    return had == wanted;
}

/// Early microcode is part of the initramfs. Known before anything is downloaded: by the files where there are any, by
/// the name where repository metadata is all that there is.
bool has_microcode(const plan::NewPackage& package) {
    return package.file ? package.file->has_microcode() : package.nevra.name == "microcode_ctl";
}

} // namespace

Base read_base(const Node& node, const WorkFolder& work) {
    Base base{.rpmdb = work.path() / "rpmdb"};
    const auto& checksum = node.ground.start.base_checksum;
    ostree::copy_out(node.sysroot, checksum, "/usr/share/rpm", base.rpmdb);
    for (const auto& package : rpm::installed_packages(base.rpmdb))
        base.packages.push_back(package.nevra);
    for (const auto& kver : ostree::kernels(node.sysroot, checksum))
        for (auto& name : rpm::owners_of_kernel(base.rpmdb, kver))
            base.kernel_owners.push_back(std::move(name));
    return base;
}

Planned make_plan(const WorkOrder& order, const Node& node, const NewBase& new_base, const Base& base,
                  Payloads& payloads, const rpm::Keyring& keyring, RepositoryKeys& repository_keys,
                  fetch::Downloader& downloader, ProfileChange* profile, Reporter& reporter) {
    const auto& request = order.request;
    const auto& start = node.ground.start;
    const bool update = request.kind == JobKind::update;
    const auto had = desired_of(node, new_base);
    auto desired = starting_packages(had, node, request, reporter);
    Planned planned{.plan = plan_for(node)};
    auto& plan = planned.plan;
    plan.kernel_arguments_after =
        plan.kernel_arguments_before.changed(request.append_kernel_arguments, request.remove_kernel_arguments);
    if (update && !new_base.moved(node) && desired == had) {
        plan.same_packages_as_start = true; // nothing new, so nothing to solve either
        plan.reboots = plan.nothing_to_do() ? 0 : 1;
        return planned;
    }
    if (request.kernel == "stock") take_back_kernel(desired, base, payloads);

    plan::SolveInput input{
        .rpmdb_folder = base.rpmdb, .architecture = "x86_64", .base_kernel_owners = base.kernel_owners};
    input.wishes.replace = read_inputs(request.replace, request, downloader, keyring, reporter);
    input.wishes.install = read_inputs(request.install, request, downloader, keyring, reporter);
    input.wishes.remove = request.remove;
    input.wishes.kernel = request.kernel == "stock" ? "" : request.kernel;
    if (update && desired.install.contains("kernel-rt-core")) input.wishes.kernel = "rt";
    input.wishes.kernel_version =
        KernelVersion::parse(request.kernel_version.empty() ? order.kernel_version : request.kernel_version);
    input.wishes.carried_replace = carried(desired.replace, payloads);
    input.wishes.carried_install = carried(desired.install, payloads);
    for (auto& wish : carried(desired.layered, payloads))
        input.wishes.carried_install.push_back(std::move(wish));
    input.wishes.carried_remove = {desired.remove.begin(), desired.remove.end()};
    input.wishes.new_base =
        new_base.moved(node) || (!request.restore.empty() && node.ground.merge.base_checksum != start.base_checksum);
    if (needs_repositories(input.wishes, update, base))
        input.repositories = read_repositories(order, repository_keys, downloader, reporter);
    input.load_filelists = [&](plan::RepositoryInput& repository) {
        fetch::fetch_filelists(downloader, repository.repository, repository.files);
    };

    reporter.step("Resolving dependencies");
    planned.repositories = input.repositories;
    planned.solution = plan::solve(std::move(input));
    failpoint("after-solve");
    reporter.end_step();
    for (const auto& warning : planned.solution.warnings)
        reporter.warn(warning);

    plan.packages = planned.solution.changes;
    plan.changes_kernel = planned.solution.swaps_kernel;
    // A node in a folder will be booted elsewhere.
    if (plan.changes_kernel && !order.private_node) plan.kernel_demands = host::kernel_demands();
    if (const auto& modules = plan.kernel_demands.out_of_tree_modules; request.dry_run && !modules.empty())
        reporter.warn(
            fmt::format("loaded here now, and not of the running kernel's own: {}; whether the new kernel has "
                        "them is seen when its tree is assembled",
                        fmt::join(modules, ", ")));
    plan.base_kernel = planned.solution.base_kernel;
    plan.kernel = planned.solution.kernel;
    if (profile != nullptr) profile->fill(plan, plan.kernel.empty() ? start.kernel : plan.kernel);
    for (const auto& package : planned.solution.packages)
        if (!package.file) plan.download_bytes += package.download.size.value_or(0);
    check_layered_stays(plan, desired.layered, base);
    plan.same_packages_as_start = !new_base.moved(node) && same_packages(node, plan, desired.layered);
    plan.new_commit = !plan.same_packages_as_start && !plan.packages.empty();
    plan.reboots = plan.nothing_to_do() ? 0 : 1;
    planned.layered_patterns = ostree::layered_patterns(node.sysroot, node.ground.start);
    planned.layered = std::move(desired.layered);
    return planned;
}

std::string obstacle(const Plan& plan, const Base& base) {
    if (!plan.new_commit || rpm::back_end(base.rpmdb) == rpm::BackEnd::sqlite) return {};
    return fmt::format(
        "this node can't execute the plan: base commit {} keeps its RPM database (usr/share/rpm) in Berkeley DB, which "
        "can be read here and not written, so no package of it can be replaced, removed or added; update the node's "
        "base to one with rpmdb.sqlite (RHEL 9, RHCOS 9) first. Kernel arguments alone can be changed on this one too",
        plan.base_checksum);
}

void check_space(const Node& node, const NewBase& new_base, Plan& plan, const plan::Solution& solution) {
    std::uint64_t installed = 0, microcode = 0;
    for (const auto& package : solution.packages) {
        installed += package.installed_size;
        if (has_microcode(package)) microcode += package.installed_size;
    }
    plan.regenerates_initramfs = plan.changes_kernel || microcode > 0;
    if (plan.regenerates_initramfs) {
        const auto old = static_cast<double>(ostree::boot_bytes(node.sysroot, plan.base_checksum));
        plan.boot_need_bytes = static_cast<std::uint64_t>(initramfs_growth * old) + microcode;
    } else if (new_base.moved(node) && !ostree::same_boot_files(node.sysroot, new_base.before, plan.base_checksum)) {
        plan.boot_need_bytes = ostree::boot_bytes(node.sysroot, plan.base_checksum);
    }
    const auto refuse = [](const fs::path& folder, std::uint64_t need, std::uint64_t free, const char* remedy) {
        throw fail(Reason::NoSpace, "{} has {:.1f} MB free, and about {:.1f} MB are needed; {}", folder.string(),
                   static_cast<double>(free) / 1e6, static_cast<double>(need) / 1e6, remedy);
    };
    if (const auto free = node.sysroot.free_boot_bytes(); free < plan.boot_need_bytes)
        refuse(node.sysroot.boot_folder(), plan.boot_need_bytes, free,
               "drop a deployment that isn't needed ('ostree admin undeploy INDEX'); staged, pinned and rollback ones "
               "count");
    const auto repo_need = installed + plan.boot_need_bytes;
    if (const auto free = node.sysroot.free_repo_bytes(); free < repo_need)
        refuse(node.sysroot.repo_folder(), repo_need, free, "free space on that file system and repeat the request");
}

} // namespace rtnode::worker
