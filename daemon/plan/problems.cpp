#include "plan/problems.hpp"

#include <fmt/format.h>

#include <algorithm>

extern "C" {
#include <solv/problems.h>
#include <solv/rules.h>
}

namespace rtnode::plan {
namespace {

struct Rule {
    SolverRuleinfo type = SOLVER_RULE_UNKNOWN;
    Id source = 0, target = 0, dependency = 0;
};

std::vector<Rule> problem_rules(Solver* solver) {
    std::vector<Rule> all;
    const auto count = static_cast<Id>(solver_problem_count(solver));
    for (Id problem = 1; problem <= count; ++problem) {
        SolvQueue rules;
        solver_findallproblemrules(solver, problem, rules.get());
        for (const Id rule : rules) {
            SolvQueue infos; // of four each: type, source, target, dependency
            solver_allruleinfos(solver, rule, infos.get());
            for (int i = 0; i + 3 < infos.size(); i += 4)
                all.push_back({static_cast<SolverRuleinfo>(infos[i]), infos[i + 1], infos[i + 2], infos[i + 3]});
        }
    }
    return all;
}

std::string sentence(const PackagePool& pool, Solver* solver, const Rule& rule) {
    const auto id = [&](Id package) { return pool.nevra(package).str(); };
    const auto dependency = [&] { return std::string(pool_dep2str(pool.pool(), rule.dependency)); };
    switch (rule.type) {
    case SOLVER_RULE_PKG_NOTHING_PROVIDES_DEP:
        return fmt::format("nothing provides '{}' needed by {}", dependency(), id(rule.source));
    case SOLVER_RULE_PKG_REQUIRES:
        return fmt::format("{} needs '{}', which only packages provide that can't be there", id(rule.source),
                           dependency());
    case SOLVER_RULE_PKG_CONFLICTS:
        return fmt::format("{} conflicts with {} ('{}')", id(rule.source), id(rule.target), dependency());
    case SOLVER_RULE_PKG_OBSOLETES:
    case SOLVER_RULE_PKG_INSTALLED_OBSOLETES:
    case SOLVER_RULE_PKG_IMPLICIT_OBSOLETES:
        return fmt::format("{} obsoletes {} ('{}')", id(rule.source), id(rule.target), dependency());
    case SOLVER_RULE_PKG_SAME_NAME:
        return fmt::format("{} and {} can't stand beside each other", id(rule.source), id(rule.target));
    case SOLVER_RULE_PKG_NOT_INSTALLABLE:
        return fmt::format("{} can't be installed (architecture or exclude setting)", id(rule.source));
    default:
        // Rules of jobs ("conflicting requests") say nothing that the others don't.
        if (rule.type >= SOLVER_RULE_UPDATE) return {};
        return solver_problemruleinfo2str(solver, rule.type, rule.source, rule.target, rule.dependency);
    }
}

} // namespace

std::vector<std::string> problems(const PackagePool& pool, Solver* solver) {
    std::vector<std::string> sentences;
    const auto rules = problem_rules(solver);
    // What nothing provides is the root of the matter; the rest only leads there.
    const bool missing = std::any_of(
        rules.begin(), rules.end(), [](const Rule& rule) { return rule.type == SOLVER_RULE_PKG_NOTHING_PROVIDES_DEP; });
    for (const auto& rule : rules) {
        if (missing && rule.type != SOLVER_RULE_PKG_NOTHING_PROVIDES_DEP) continue;
        auto text = sentence(pool, solver, rule);
        if (!text.empty() && std::find(sentences.begin(), sentences.end(), text) == sentences.end())
            sentences.push_back(std::move(text));
    }
    const auto count = static_cast<Id>(solver_problem_count(solver));
    for (Id problem = 1; sentences.empty() && problem <= count; ++problem)
        sentences.emplace_back(solver_problem2str(solver, problem));
    std::sort(sentences.begin(), sentences.end());
    return sentences;
}

bool lacks_file(const PackagePool& pool, Solver* solver) {
    const auto rules = problem_rules(solver);
    return std::any_of(rules.begin(), rules.end(), [&](const Rule& rule) {
        return rule.type == SOLVER_RULE_PKG_NOTHING_PROVIDES_DEP &&
               std::string_view(pool_dep2str(pool.pool(), rule.dependency)).find('/') != std::string_view::npos;
    });
}

std::string why(const PackagePool& pool, Solver* solver, Id id) {
    Id info = 0;
    solver_describe_decision(solver, id, &info);
    if (info == 0) return {};
    Rule rule;
    rule.type = solver_ruleinfo(solver, info, &rule.source, &rule.target, &rule.dependency);
    if (rule.type == SOLVER_RULE_PKG_REQUIRES) {
        const auto text = std::string(pool_dep2str(pool.pool(), rule.dependency));
        if (rule.source == id) return fmt::format("it needs '{}'", text);
        return fmt::format("{} needs '{}'", pool.nevra(rule.source).str(), text);
    }
    return sentence(pool, solver, rule);
}

} // namespace rtnode::plan
