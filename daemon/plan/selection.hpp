#pragma once
// From wishes to exact packages: what enters, what leaves, what stays locked. Inside of plan/ only.

#include "plan/package_pool.hpp"

#include <map>
#include <set>
#include <string>
#include <vector>

namespace rtnode::plan {

/// What was asked for, as packages of the pool.
struct Selection {
    std::map<Id, Id> replace;  ///< new → old, of the base
    std::set<Id> install;      ///< new
    std::set<Id> remove;       ///< of the base
    std::string kernel_family; ///< with kernel=rt: the EVR of the chosen build; its dependencies of that EVR may enter
    std::set<std::string> real_time_parts; ///< with kernel=rt: names asked for beside it, to be of the same build
    std::string base_kernel, kernel;       ///< EVRs of a swap: what leaves, what comes
    std::vector<std::string> warnings;

    std::set<Id> leaving() const; ///< removed or replaced
    std::set<Id> entering() const;
};

/// The best of the candidates that are allowed: of the best repository priority, the newest, then a file that is
/// here already, then the lowest cost, then the repository's name. 0 when there is none.
Id best(const PackagePool& pool, std::vector<Id> candidates);

/// Decides about each wish. @throws as solve() says
Selection select(const PackagePool& pool, const SolveInput& input, const std::map<const Wish*, Id>& files);

} // namespace rtnode::plan
