#include "plan/solve.hpp"

#include "plan/kernel_swap.hpp"
#include "plan/package_pool.hpp"
#include "plan/problems.hpp"
#include "plan/selection.hpp"
#include "state/error.hpp"

#include <algorithm>
#include <tuple>

namespace rtnode::plan {
namespace {

/// What a solution changes of the base.
struct Outcome {
    std::set<Id> entering, leaving;
};

struct Attempt {
    SolverHandle solver;
    bool solved = false;
};

/// `locked`: nothing that wasn't asked for may change; else anything may, to see what it would take.
Attempt attempt(const PackagePool& pool, const Selection& selection, bool locked) {
    SolvQueue jobs;
    const auto leaving = selection.leaving();
    for (const Id id : selection.entering())
        jobs.push(SOLVER_INSTALL | SOLVER_SOLVABLE, id);
    // By name: neither may another version of it come in.
    for (const Id id : selection.remove)
        jobs.push(SOLVER_ERASE | SOLVER_SOLVABLE_NAME, pool.pool()->solvables[id].name);
    for (const Id id : pool.installed())
        if (locked && !leaving.contains(id)) jobs.push(SOLVER_LOCK | SOLVER_SOLVABLE, id);
    Attempt result{SolverHandle(solver_create(pool.pool()))};
    auto* solver = result.solver.get();
    for (const int flag : {SOLVER_FLAG_ALLOW_DOWNGRADE, SOLVER_FLAG_ALLOW_VENDORCHANGE, SOLVER_FLAG_ALLOW_ARCHCHANGE,
                           SOLVER_FLAG_IGNORE_RECOMMENDED})
        solver_set_flag(solver, flag, 1);
    solver_set_flag(solver, SOLVER_FLAG_ALLOW_UNINSTALL, locked ? 0 : 1);
    result.solved = solver_solve(solver, jobs.get()) == 0;
    return result;
}

Outcome outcome(const PackagePool& pool, Solver* solver) {
    const TransactionHandle transaction(solver_create_transaction(solver));
    SolvQueue result;
    const int fresh = transaction_installedresult(transaction.get(), result.get());
    Outcome change;
    change.entering = {result.begin(), result.begin() + fresh};
    const std::set<Id> staying{result.begin() + fresh, result.end()};
    for (const Id id : pool.installed())
        if (!staying.contains(id)) change.leaving.insert(id);
    return change;
}

bool was_asked_for(const PackagePool& pool, const Selection& selection, Id id) {
    if (pool.is_installed(id)) return selection.leaving().contains(id);
    if (selection.entering().contains(id)) return true;
    // Of a derived swap: further parts of the same build, when the chosen ones depend on them.
    return !selection.kernel_family.empty() && pool.name(id).starts_with("kernel-rt-") &&
           pool.nevra(id).evr() == selection.kernel_family;
}

/// The first of them and how many more: a message is to be read.
std::string listed(std::vector<std::string> all) {
    constexpr std::size_t shown = 8;
    std::sort(all.begin(), all.end());
    const auto more = all.size() > shown ? all.size() - shown : 0;
    if (more > 0) all.resize(shown);
    return fmt::format("{}{}", fmt::join(all, "; "), more > 0 ? fmt::format("; and {} more", more) : "");
}

/// Refuses what would be dragged in or out.
void check_unasked(const PackagePool& pool, const Selection& selection, Solver* solver) {
    const auto change = outcome(pool, solver);
    std::vector<std::string> out, in;
    const auto described = [&](Id id) {
        const auto reason = why(pool, solver, id);
        return reason.empty() ? pool.nevra(id).str() : fmt::format("{} ({})", pool.nevra(id).str(), reason);
    };
    for (const Id id : change.leaving)
        if (!was_asked_for(pool, selection, id)) out.push_back(described(id));
    for (const Id id : change.entering)
        if (!was_asked_for(pool, selection, id)) in.push_back(described(id));
    if (out.empty() && in.empty()) return;
    if (in.empty() && selection.entering().empty())
        throw fail(Reason::DependencyProblem,
                   "packages can't be removed that others of the base need: {}; remove those "
                   "too, or keep what they need",
                   listed(out));
    std::string text;
    if (!in.empty()) text = fmt::format("would also bring in {}", listed(in));
    if (!out.empty()) text += fmt::format("{}would also take out {}", text.empty() ? "" : ", and ", listed(out));
    throw fail(Reason::UnaskedChange,
               "the request {}; nothing is changed that wasn't asked for, so add that to the "
               "request, or choose other versions",
               text);
}

/// The verdict when the locked attempt has no solution.
[[noreturn]] void refuse(const PackagePool& pool, const Selection& selection, Solver* locked) {
    const auto free = attempt(pool, selection, false);
    if (free.solved) check_unasked(pool, selection, free.solver.get());
    const auto texts = problems(pool, free.solved ? locked : free.solver.get());
    throw fail(Reason::DependencyProblem,
               "the dependencies can't be met: {}; enable a repository that has what is "
               "missing, or choose other versions",
               listed(texts));
}

void add_filelists(SolveInput& input, PackagePool& pool) {
    for (auto& repository : input.repositories) {
        if (repository.files.filelists) continue;
        input.load_filelists(repository);
        if (repository.files.filelists) pool.add_filelists(repository);
    }
    pool.index();
}

PackageChange change_of(const PackagePool& pool, Id entering, Id leaving) {
    PackageChange change;
    change.kind = entering == 0  ? PackageChange::Kind::remove
                  : leaving == 0 ? PackageChange::Kind::install
                                 : PackageChange::Kind::replace;
    if (leaving != 0) change.before = pool.nevra(leaving);
    if (entering == 0) return change;
    const auto package = pool.new_package(entering);
    change.after = package.nevra;
    change.source = package.file ? package.source : package.repository;
    if (package.file) {
        change.checksum = "sha256:" + package.file->sha256;
        change.trust = package.file->trust;
    } else {
        change.checksum = package.download.checksum->type + ":" + package.download.checksum->hex;
    }
    change.download_bytes = package.download.size.value_or(0);
    return change;
}

Solution solution_of(const PackagePool& pool, const Outcome& outcome, const Selection& selection) {
    std::vector<std::tuple<PackageChange, Id>> rows;
    std::set<Id> left = outcome.leaving;
    for (const Id id : outcome.entering) {
        // A replacement is of the same name; prefer the same architecture among several.
        Id old = 0;
        for (const Id candidate : left)
            if (pool.name(candidate) == pool.name(id) && (old == 0 || pool.arch(candidate) == pool.arch(id)))
                old = candidate;
        left.erase(old);
        rows.emplace_back(change_of(pool, id, old), id);
    }
    for (const Id id : left)
        rows.emplace_back(change_of(pool, 0, id), 0);
    const auto key = [](const auto& row) {
        const auto& change = std::get<0>(row);
        const auto& nevra = change.after ? *change.after : *change.before;
        return std::tuple(change.kind, nevra);
    };
    std::sort(rows.begin(), rows.end(), [&](const auto& a, const auto& b) { return key(a) < key(b); });
    Solution solution;
    for (auto& [change, id] : rows) {
        solution.changes.push_back(std::move(change));
        if (id != 0) solution.packages.push_back(pool.new_package(id));
    }
    const auto image = [&](Id id) { return ships_kernel_image(pool, id); };
    solution.swaps_kernel = std::any_of(outcome.entering.begin(), outcome.entering.end(), image) ||
                            std::any_of(outcome.leaving.begin(), outcome.leaving.end(), image);
    solution.base_kernel = selection.base_kernel;
    solution.kernel = selection.kernel;
    solution.warnings = selection.warnings;
    return solution;
}

} // namespace

std::string Wishes::carried_real_time_kernel() const {
    for (const auto& wish : carried_install)
        if (wish.file && wish.file->nevra.name == "kernel-rt-core") return wish.file->nevra.evr();
    return {};
}

Solution solve(SolveInput input) {
    PackagePool pool(input);
    std::map<const Wish*, Id> files;
    for (const auto* list :
         {&input.wishes.replace, &input.wishes.install, &input.wishes.carried_replace, &input.wishes.carried_install})
        for (const auto& wish : *list)
            if (wish.file) files[&wish] = pool.add_file(wish);
    pool.index();
    const auto selection = select(pool, input, files);
    auto locked = attempt(pool, selection, true);
    if (!locked.solved && input.load_filelists && lacks_file(pool, locked.solver.get())) {
        add_filelists(input, pool);
        locked = attempt(pool, selection, true);
    }
    if (!locked.solved) refuse(pool, selection, locked.solver.get());
    check_unasked(pool, selection, locked.solver.get());
    return solution_of(pool, outcome(pool, locked.solver.get()), selection);
}

} // namespace rtnode::plan
