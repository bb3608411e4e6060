#include "plan/kernel_swap.hpp"

#include "state/error.hpp"

#include <algorithm>

namespace rtnode::plan {
namespace {

std::string described(const PackagePool& pool, const std::set<Id>& ids) {
    std::set<std::string> names;
    for (const Id id : ids)
        names.insert(pool.nevra(id).str());
    return fmt::format("{}", fmt::join(names, ", "));
}

/// Installed packages of the family that need one of `ids` and nothing else can give them that: the meta package.
void add_dependents(const PackagePool& pool, std::set<Id>& ids) {
    for (bool grown = true; grown;) {
        grown = false;
        for (const Id id : pool.installed()) {
            if (ids.contains(id) || !is_kernel_family(pool.name(id))) continue;
            for (const Id requirement : pool.requirements(id)) {
                bool inside = false, outside = false;
                for (const Id provider : pool.providers(requirement))
                    if (pool.is_installed(provider)) (ids.contains(provider) ? inside : outside) = true;
                if (!inside || outside) continue;
                grown = ids.insert(id).second || grown;
                break;
            }
        }
    }
}

std::string evr_of(const PackagePool& pool, Id id) {
    return pool.nevra(id).evr();
}

/// The package of this name and build; 0 when there is none. One of `entering` comes first.
Id of_build(const PackagePool& pool, const std::set<Id>& entering, const std::string& name, const std::string& evr) {
    std::vector<Id> fitting;
    for (const Id id : pool.available(name)) {
        if (evr_of(pool, id) != evr || !pool.native(id)) continue;
        if (entering.contains(id)) return id;
        fitting.push_back(id);
    }
    return best(pool, fitting);
}

/// Builds of kernel-rt-core, newest first; those of better repository priority hide others.
std::vector<std::string> builds(const PackagePool& pool) {
    std::vector<Id> left;
    for (const Id id : pool.available("kernel-rt-core"))
        if (pool.native(id)) left.push_back(id);
    std::vector<std::string> evrs;
    int priority = 0;
    while (const Id id = best(pool, left)) {
        const auto* input = pool.repository_of(id);
        if (!evrs.empty() && input != nullptr && priority != 0 && input->repository.priority != priority) break;
        if (input != nullptr) priority = input->repository.priority;
        evrs.push_back(evr_of(pool, id));
        std::erase_if(left, [&](Id other) { return evr_of(pool, other) == evrs.back(); });
    }
    return evrs;
}

/// EVR of the first of them with a kernel image.
std::string kernel_evr(const PackagePool& pool, const std::set<Id>& ids) {
    for (const Id id : ids)
        if (ships_kernel_image(pool, id)) return evr_of(pool, id);
    return {};
}

/// The builds to choose from, newest first. @param base EVR of the base's kernel
std::vector<std::string> allowed_builds(const PackagePool& pool, const SolveInput& input, const std::set<Id>& entering,
                                        const std::string& base) {
    for (const Id id : entering)
        if (is_real_time(pool.name(id))) return {evr_of(pool, id)};
    const auto all = builds(pool);
    if (all.empty())
        throw fail(Reason::NoSuchPackage,
                   "kernel=rt needs kernel-rt-core, and none of the enabled repositories has it; "
                   "enable the one for real time, or give the packages by URL");
    auto evrs = all;
    const auto& wanted = input.wishes.kernel_version;
    switch (wanted.policy) {
    case KernelVersion::Policy::newest:
        break;
    case KernelVersion::Policy::match_base:
        std::erase_if(evrs, [&](const auto& evr) { return !same_sources(evr, base); });
        if (evrs.empty())
            throw fail(Reason::KernelMismatch,
                       "the base's kernel is {}, and there is kernel-rt only of {}; enable the repository that has it "
                       "for the base's kernel, or allow another with kernel-version: 'newest', a version, or 'pinned' "
                       "for the one that the node has",
                       base, fmt::join(all, ", "));
        break;
    case KernelVersion::Policy::pinned: {
        const auto carried = input.wishes.carried_real_time_kernel(); // what `pinned` without a version means
        if (wanted.version.empty() && carried.empty())
            throw fail(Reason::InvalidArgument,
                       "kernel-version is 'pinned', and the node has no real-time kernel yet that could stay; give the "
                       "version itself, there is {}",
                       fmt::join(all, ", "));
        std::erase_if(evrs,
                      [&](const auto& evr) { return wanted.version.empty() ? evr != carried : !wanted.names(evr); });
        if (evrs.empty())
            throw fail(Reason::NoSuchPackage,
                       "kernel-version asks for {}, and there is kernel-rt-core only of {}; enable another repository, "
                       "or choose one of these",
                       wanted.version, fmt::join(all, ", "));
        break;
    }
    }
    return evrs;
}

} // namespace

bool is_kernel_family(const std::string& name) {
    return name == "kernel" || name.starts_with("kernel-");
}

std::set<Id> base_kernel(const PackagePool& pool, const SolveInput& input) {
    std::set<Id> ids;
    for (const auto& owner : input.base_kernel_owners)
        if (is_kernel_family(owner))
            for (const Id id : pool.installed(owner))
                ids.insert(id);
    add_dependents(pool, ids);
    return ids;
}

bool is_real_time(const std::string& name) {
    return name == "kernel-rt" || name.starts_with("kernel-rt-");
}

bool ships_kernel_image(const PackagePool& pool, Id id) {
    const auto name = pool.name(id);
    if (name.starts_with("kernel-") && name.ends_with("-core") && !name.ends_with("-modules-core")) return true;
    if (pool.provides(id, "kernel-core") || pool.provides(id, "kernel-rt-core")) return true;
    const auto* wish = pool.wish_of(id);
    if (wish == nullptr) return false;
    const auto& files = wish->file->files;
    return std::any_of(files.begin(), files.end(), [](const PackageFile& file) {
        // Headers say /lib/modules or /usr/lib/modules, as they were packaged.
        return (file.path.starts_with("/usr/lib/modules/") || file.path.starts_with("/lib/modules/")) &&
               file.path.ends_with("/vmlinuz");
    });
}

void select_real_time_kernel(const PackagePool& pool, const SolveInput& input, Selection& selection) {
    const auto old = base_kernel(pool, input);
    if (old.empty())
        throw fail(Reason::NoKernel,
                   "the base has no kernel package that owns its modules' folder, so there is nothing "
                   "to swap for kernel=rt; install the packages by name");
    if (std::any_of(old.begin(), old.end(), [&](Id id) { return is_real_time(pool.name(id)); })) {
        selection.warnings.push_back(
            fmt::format("the base's own kernel is a real-time kernel already ({})", described(pool, old)));
        return;
    }
    const auto entering = selection.entering();
    const bool meta =
        std::any_of(entering.begin(), entering.end(), [&](Id id) { return pool.name(id) == "kernel-rt"; });
    if (meta || selection.real_time_parts.contains("kernel-rt"))
        throw fail(Reason::InvalidArgument, "the meta package kernel-rt can't be installed with kernel=rt: it requires "
                                            "rt-setup and more; leave it out");
    const auto evrs = allowed_builds(pool, input, entering, kernel_evr(pool, old));

    // Counterparts of what leaves; the meta package has none that we want.
    std::set<std::string> wanted{"kernel-rt-modules-extra"};
    for (const Id id : old)
        if (const auto name = pool.name(id); name != "kernel") wanted.insert("kernel-rt-" + name.substr(7));
    auto needed = selection.real_time_parts;
    needed.insert({"kernel-rt-core", "kernel-rt-modules"});
    for (const auto& name : needed)
        wanted.erase(name);

    std::string chosen;
    for (const auto& evr : evrs) {
        const auto missing = std::find_if(needed.begin(), needed.end(),
                                          [&](const auto& name) { return of_build(pool, entering, name, evr) == 0; });
        if (missing == needed.end()) {
            chosen = evr;
            break;
        }
        if (evrs.size() == 1)
            throw fail(Reason::NoSuchPackage,
                       "kernel=rt needs {} of the build {}, and none of the enabled repositories "
                       "has it; give it by URL, or name another build",
                       *missing, evr);
        selection.warnings.push_back(
            fmt::format("the newer real-time kernel {} is left out: no repository has its {}", evr, *missing));
    }
    if (chosen.empty())
        throw fail(Reason::NoSuchPackage,
                   "kernel=rt needs {} of one build, and the enabled repositories have none that is whole ({}); enable "
                   "another repository",
                   fmt::join(needed, ", "), fmt::join(evrs, ", "));
    for (const auto& name : needed)
        selection.install.insert(of_build(pool, entering, name, chosen));
    for (const auto& name : wanted) {
        if (const Id id = of_build(pool, entering, name, chosen); id != 0)
            selection.install.insert(id);
        else if (!pool.installed("kernel-" + name.substr(10)).empty())
            selection.warnings.push_back(
                fmt::format("the real-time kernel {} comes without {}, whose counterpart leaves", chosen, name));
    }
    selection.remove.insert(old.begin(), old.end());
    selection.kernel_family = chosen;
}

void check_kernels(const PackagePool& pool, const SolveInput& input, Selection& selection) {
    const auto leaving = selection.leaving(), entering = selection.entering();
    std::set<Id> base_images, new_images, staying_images;
    for (const Id id : pool.installed())
        if (ships_kernel_image(pool, id)) base_images.insert(id);
    for (const Id id : entering)
        if (ships_kernel_image(pool, id)) new_images.insert(id);
    std::set_difference(base_images.begin(), base_images.end(), leaving.begin(), leaving.end(),
                        std::inserter(staying_images, staying_images.end()));
    if (staying_images.size() == base_images.size() && new_images.empty()) return; // no swap

    if (new_images.size() > 1)
        throw fail(Reason::SeveralKernels,
                   "the result would hold several kernels: {}; a tree holds exactly one, so leave "
                   "the others out",
                   described(pool, new_images));
    if (!new_images.empty() && !staying_images.empty())
        throw fail(Reason::SeveralKernels,
                   "the result would hold two kernels: {} of the base and {}; remove all packages "
                   "of the base's kernel in the same request, or ask for kernel=rt",
                   described(pool, staying_images), described(pool, new_images));
    if (new_images.empty() && staying_images.empty())
        throw fail(Reason::NoKernel,
                   "the result would hold no kernel: {} would leave and none would come; install one in "
                   "the same request, or ask for kernel=rt",
                   described(pool, base_images));

    selection.base_kernel = kernel_evr(pool, base_images);
    selection.kernel = kernel_evr(pool, new_images);
    const bool real_time =
        std::any_of(new_images.begin(), new_images.end(), [&](Id id) { return is_real_time(pool.name(id)); });
    if (real_time && !same_sources(selection.kernel, selection.base_kernel))
        selection.warnings.push_back(
            fmt::format("the real-time kernel {} is not of the version of the base's kernel {}", selection.kernel,
                        selection.base_kernel));

    std::set<Id> forgotten;
    for (const Id id : base_kernel(pool, input))
        if (!leaving.contains(id)) forgotten.insert(id);
    if (forgotten.empty()) return;
    std::set<std::string> names;
    for (const Id id : forgotten)
        names.insert(pool.name(id));
    throw fail(Reason::IncompleteKernelSwap,
               "the kernel {} would leave, but these packages of it would stay: {}; add {} to "
               "what is removed or replaced, or ask for kernel=rt, which knows them",
               described(pool, base_images), described(pool, forgotten), fmt::join(names, ", "));
}

} // namespace rtnode::plan
