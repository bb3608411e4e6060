#pragma once
// libsolv's problem rules as sentences. Inside of plan/ only.

#include "plan/package_pool.hpp"

#include <string>
#include <vector>

namespace rtnode::plan {

/// What stands against any solution, each once: "nothing provides X needed by Y", "A conflicts with B", …
std::vector<std::string> problems(const PackagePool& pool, Solver* solver);

/// Whether a problem is an unmet dependency on a file path, which file lists might meet.
bool lacks_file(const PackagePool& pool, Solver* solver);

/// Why the solver takes `id` in or out: "needed by foo-1-1.x86_64 (it requires bar)"; empty when there is no saying.
std::string why(const PackagePool& pool, Solver* solver, Id id);

} // namespace rtnode::plan
