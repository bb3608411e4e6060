#include "plan/selection.hpp"

#include "plan/kernel_swap.hpp"
#include "state/error.hpp"

#include <algorithm>

namespace rtnode::plan {
namespace {

class Selector {
  public:
    Selector(const PackagePool& pool, const SolveInput& input, const std::map<const Wish*, Id>& files)
        : pool_(pool), input_(input), wishes_(input.wishes), architecture_(input.architecture), files_(files) {}

    Selection run();
    void drop_carried(const std::function<bool(const std::string&)>& which) { dropped_.push_back(which); }

  private:
    std::string label(const Wish& wish) const { return wish.file ? wish.file->nevra.str() : wish.text; }
    std::string name_of(const Wish& wish, const std::vector<std::string>& known) const;
    bool is_dropped(const std::string& name) const {
        return std::any_of(dropped_.begin(), dropped_.end(), [&](const auto& which) { return which(name); });
    }
    std::vector<Id> candidates(const Wish& wish, const std::string& name, const std::string& arch) const;
    [[noreturn]] void no_such_package(const Wish& wish, const std::string& name) const;
    void remove(const std::string& text);
    void replace(const Wish& wish, bool carried);
    void install(const Wish& wish, bool carried);
    void claim(const std::string& name, Id id);

    const PackagePool& pool_;
    const SolveInput& input_;
    const Wishes& wishes_;
    std::string architecture_;
    const std::map<const Wish*, Id>& files_;
    std::vector<std::function<bool(const std::string&)>> dropped_;
    std::map<std::string, std::vector<Id>> claimed_; ///< entering, by name.arch
    Selection selection_;
};

/// The package name that `text` begins with: the longest known one.
std::string Selector::name_of(const Wish& wish, const std::vector<std::string>& known) const {
    if (wish.file) return pool_.name(files_.at(&wish));
    std::string longest;
    for (const auto& name : known) {
        const bool fits = wish.text == name || (wish.text.starts_with(name) && wish.text.size() > name.size() &&
                                                (wish.text[name.size()] == '-' || wish.text[name.size()] == '.'));
        if (!fits || name.size() < longest.size()) continue;
        auto all = pool_.available(name);
        for (const Id id : pool_.hidden(name))
            all.push_back(id);
        for (const Id id : pool_.installed(name))
            all.push_back(id);
        if (std::any_of(all.begin(), all.end(), [&](Id id) { return names_package(wish.text, pool_.nevra(id)); }))
            longest = name;
    }
    if (!longest.empty()) return longest;
    // No such version, perhaps: then the name is what stands before "-DIGIT", if that is known.
    for (const auto& name : known)
        if (wish.text.size() > name.size() + 1 && wish.text.starts_with(name + "-") && name.size() > longest.size() &&
            std::isdigit(static_cast<unsigned char>(wish.text[name.size() + 1])) != 0)
            longest = name;
    return longest.empty() ? wish.text : longest;
}

std::vector<Id> Selector::candidates(const Wish& wish, const std::string& name, const std::string& arch) const {
    if (wish.file) return {files_.at(&wish)};
    std::vector<Id> fitting;
    for (const Id id : pool_.available(name)) {
        const auto nevra = pool_.nevra(id);
        if (!names_package(wish.text, nevra)) continue;
        const bool named_arch = wish.text.ends_with("." + nevra.arch);
        const bool fits = arch.empty() ? pool_.native(id) || named_arch
                                       : nevra.arch == arch || nevra.arch == "noarch" || arch == "noarch";
        if (fits) fitting.push_back(id);
    }
    return fitting;
}

void Selector::no_such_package(const Wish& wish, const std::string& name) const {
    std::vector<std::string> others;
    for (const Id id : pool_.available(name))
        others.push_back(pool_.nevra(id).str());
    if (!others.empty()) {
        std::sort(others.begin(), others.end());
        throw fail(Reason::NoSuchPackage, "no enabled repository has '{}'; there is {}", wish.text,
                   fmt::join(others, ", "));
    }
    for (const Id id : pool_.hidden(name)) {
        const auto nevra = pool_.nevra(id);
        const auto& repository = pool_.repository_of(id)->repository;
        if (nevra.arch != architecture_ && nevra.arch != "noarch")
            throw fail(Reason::WrongArchitecture,
                       "the repositories have '{}' only as {}, and this node is {}; enable a "
                       "repository for {}",
                       name, nevra.str(), architecture_, architecture_);
        throw fail(Reason::NoSuchPackage,
                   "'{}' is left out of repository '{}' by its exclude or include setting (defined at {}); "
                   "change that, or give the package by URL",
                   nevra.str(), repository.id, repository.defined_at);
    }
    throw fail(Reason::NoSuchPackage,
               "no enabled repository has a package '{}'{}; check the name and which "
               "repositories are enabled",
               wish.text, did_you_mean(wish.text, pool_.names(false)));
}

void Selector::claim(const std::string& name, Id id) {
    auto& others = claimed_[name];
    for (const Id other : others) {
        if (other == id) return;
        if (ships_kernel_image(pool_, id))
            throw fail(Reason::SeveralKernels,
                       "two kernels were asked for, {} and {}; a tree holds exactly one, so "
                       "leave one out",
                       pool_.nevra(other).str(), pool_.nevra(id).str());
        throw fail(Reason::InvalidArgument, "'{}' was asked for twice, as {} and as {}; leave one out", name,
                   pool_.nevra(other).str(), pool_.nevra(id).str());
    }
    others.push_back(id);
}

void Selector::remove(const std::string& text) {
    bool found = false;
    for (const Id id : pool_.installed()) {
        if (!names_package(text, pool_.nevra(id))) continue;
        selection_.remove.insert(id);
        found = true;
    }
    if (found) return;
    // What is layered only isn't of the base; to remove it is to forget it.
    const auto layered = [&](const Wish& wish) {
        return wish.file ? names_package(text, wish.file->nevra)
                         : wish.text == text || wish.text.starts_with(text + "-");
    };
    if (std::any_of(wishes_.carried_install.begin(), wishes_.carried_install.end(), layered)) {
        drop_carried([text](const std::string& name) { return name == text; });
        return;
    }
    throw fail(Reason::PackageNotInBase,
               "package '{}' can't be removed: the base doesn't have it{}; see 'rpm -qa' for "
               "what it has",
               text, did_you_mean(text, pool_.names(true)));
}

void Selector::replace(const Wish& wish, bool carried) {
    auto known = pool_.names(true);
    for (const auto& other : pool_.names(false))
        known.push_back(other);
    const auto name = name_of(wish, known);
    if (carried && is_dropped(name)) return;
    const auto olds = pool_.installed(name);
    if (olds.empty()) {
        if (carried) {
            selection_.warnings.push_back(fmt::format("the override of '{}' is inactive: the base no longer has that "
                                                      "package",
                                                      name));
            return;
        }
        if (!wish.file && pool_.available(name).empty() && pool_.hidden(name).empty()) no_such_package(wish, name);
        throw fail(Reason::PackageNotInBase,
                   "package '{}' can't be replaced: the base doesn't have it{}; install it, if "
                   "it is to be added",
                   name, did_you_mean(name, pool_.names(true)));
    }
    bool fitted = false;
    for (const Id old : olds) {
        auto possible = candidates(wish, name, pool_.arch(old));
        // A file fits the package of its own architecture; with a single one it may change to or from noarch.
        if (wish.file && olds.size() > 1 && pool_.arch(possible[0]) != pool_.arch(old)) continue;
        // As dnf: what isn't newer hides nothing, not even in a repository of better priority.
        const auto newer = [&](Id id) { return pool_.compare_evr(id, old) > 0; };
        if (std::ranges::any_of(possible, newer))
            std::erase_if(possible, [&](Id id) { return !newer(id) && !names_version(wish.text, pool_.nevra(id)); });
        const Id chosen = best(pool_, possible);
        if (chosen == 0) continue;
        fitted = true;
        const auto before = pool_.nevra(old), after = pool_.nevra(chosen);
        const bool exact = wish.file.has_value() || names_version(wish.text, after);
        const int order = pool_.compare_evr(chosen, old);
        if (before == after) {
            selection_.warnings.push_back(
                carried ? fmt::format("the override of '{}' is dropped: the base has {} itself now", name, after.str())
                        : fmt::format("{} is what the base has already; nothing to replace", after.str()));
        } else if (carried && wishes_.new_base && order <= 0) {
            selection_.warnings.push_back(
                fmt::format("the override of '{}' is dropped: the new base has {}, which isn't older than {}; to go "
                            "back to that, ask for it again",
                            name, before.str(), after.str()));
        } else if (!exact && order <= 0) {
            selection_.warnings.push_back(
                fmt::format("the repositories have nothing newer than {}, which the base has; "
                            "name a version to go back to it",
                            before.str()));
        } else {
            if (order < 0)
                selection_.warnings.push_back(fmt::format("{} is a downgrade: the base has {}{}", after.str(),
                                                          before.str(),
                                                          carried ? fmt::format("; 'rtnodectl override reset {}' goes "
                                                                                "back to that",
                                                                                name)
                                                                  : ""));
            claim(name + "." + before.arch, chosen);
            selection_.replace[chosen] = old;
        }
    }
    if (!fitted) no_such_package(wish, name);
}

void Selector::install(const Wish& wish, bool carried) {
    const auto name = name_of(wish, pool_.names(false));
    if (carried && is_dropped(name)) return;
    if (wishes_.kernel == "rt" && is_real_time(name) && !wish.file && wish.text == name &&
        !pool_.available(name).empty()) {
        selection_.real_time_parts.insert(name);
        return;
    }
    const Id chosen = best(pool_, candidates(wish, name, ""));
    const auto base = pool_.installed(name);
    for (const Id id : base) {
        if (chosen != 0 && pool_.arch(id) != pool_.arch(chosen)) continue; // multilib: beside it
        const auto before = pool_.nevra(id);
        const bool same = chosen == 0 || pool_.nevra(chosen) == before || wish.text == name || carried;
        if (!same)
            throw fail(Reason::InvalidArgument,
                       "package '{}' can't be installed: the base has {}; replace it, to have "
                       "another version",
                       label(wish), before.str());
        if (chosen == 0 && !names_package(wish.text, before)) no_such_package(wish, name);
        if (selection_.remove.contains(id))
            throw fail(Reason::InvalidArgument,
                       "package '{}' is to be removed and installed at once; replace it, to have "
                       "another version",
                       name);
        selection_.warnings.push_back(fmt::format("{} is in the base already; nothing to install", before.str()));
        return;
    }
    if (chosen == 0) no_such_package(wish, name);
    claim(name + "." + pool_.arch(chosen), chosen);
    selection_.install.insert(chosen);
}

Selection Selector::run() {
    // An explicit wish wins over what is carried of the same name.
    std::set<std::string> named(wishes_.remove.begin(), wishes_.remove.end());
    auto known = pool_.names(true);
    for (const auto& other : pool_.names(false))
        known.push_back(other);
    for (const auto* list : {&wishes_.replace, &wishes_.install})
        for (const auto& wish : *list)
            named.insert(name_of(wish, known));
    drop_carried([named](const std::string& name) { return named.contains(name); });

    for (const auto& text : wishes_.remove)
        remove(text);
    for (const auto& wish : wishes_.replace)
        replace(wish, false);
    for (const auto& wish : wishes_.install)
        install(wish, false);
    for (const auto& [chosen, old] : selection_.replace)
        if (selection_.remove.contains(old))
            throw fail(Reason::InvalidArgument, "package '{}' is to be removed and replaced at once; leave one out",
                       pool_.name(old));
    if (!wishes_.kernel.empty()) {
        // The derived sets replace those of an earlier swap; an override of kernel-tools, say, is another matter.
        std::set<std::string> of_base;
        for (const Id id : base_kernel(pool_, input_))
            of_base.insert(pool_.name(id));
        drop_carried([of_base](const std::string& name) { return of_base.contains(name) || is_real_time(name); });
    }
    for (const auto& wish : wishes_.carried_replace)
        replace(wish, true);
    for (const auto& wish : wishes_.carried_install)
        install(wish, true);
    for (const auto& name : wishes_.carried_remove) {
        if (is_dropped(name)) continue;
        const auto ids = pool_.installed(name);
        if (ids.empty())
            selection_.warnings.push_back(fmt::format("the removal of '{}' is inactive: the base no longer has that "
                                                      "package",
                                                      name));
        selection_.remove.insert(ids.begin(), ids.end());
    }
    return std::move(selection_);
}

} // namespace

std::set<Id> Selection::leaving() const {
    auto all = remove;
    for (const auto& [chosen, old] : replace)
        all.insert(old);
    return all;
}

std::set<Id> Selection::entering() const {
    auto all = install;
    for (const auto& [chosen, old] : replace)
        all.insert(chosen);
    return all;
}

Id best(const PackagePool& pool, std::vector<Id> candidates) {
    int priority = std::numeric_limits<int>::max();
    for (const Id id : candidates)
        if (const auto* input = pool.repository_of(id)) priority = std::min(priority, input->repository.priority);
    std::erase_if(candidates, [&](Id id) {
        const auto* input = pool.repository_of(id);
        return input != nullptr && input->repository.priority > priority;
    });
    const auto better = [&](Id a, Id b) {
        if (const int order = pool.compare_evr(a, b); order != 0) return order > 0;
        const auto *of_a = pool.repository_of(a), *of_b = pool.repository_of(b);
        if (of_a == nullptr || of_b == nullptr) return of_a == nullptr && of_b != nullptr;
        if (of_a->repository.cost != of_b->repository.cost) return of_a->repository.cost < of_b->repository.cost;
        if (of_a->repository.id != of_b->repository.id) return of_a->repository.id < of_b->repository.id;
        return pool.arch(a) < pool.arch(b);
    };
    const auto first = std::min_element(candidates.begin(), candidates.end(), better);
    return first == candidates.end() ? 0 : *first;
}

Selection select(const PackagePool& pool, const SolveInput& input, const std::map<const Wish*, Id>& files) {
    if (const auto& kernel = input.wishes.kernel; !kernel.empty() && kernel != "rt" && kernel != "stock")
        throw fail(Reason::InvalidArgument, "kernel '{}' is unknown; it is rt or stock", kernel);
    auto selection = Selector(pool, input, files).run();
    if (input.wishes.kernel == "rt") select_real_time_kernel(pool, input, selection);
    check_kernels(pool, input, selection);
    return selection;
}

} // namespace rtnode::plan
