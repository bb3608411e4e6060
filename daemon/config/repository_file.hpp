#pragma once
// .repo files, as dnf reads them (dnf.conf(5)), and the variables in them.

#include "state/repository.hpp"

#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace rtnode::config {

using Variables = std::map<std::string, std::string>;

/// "$basearch" and "${basearch}" replaced. @throws Error{RepositoryConfiguration} for a name that isn't known
std::string expand(const std::string& text, const Variables& variables);

/// The enabled repositories of one file. Keys that mean nothing to us are passed over; a section that can't be used
/// as it is meant is left out and named in `warnings`. An absent gpgcheck means 1.
std::vector<Repository> read_repository_file(const std::filesystem::path& file, const Variables& variables,
                                             std::vector<std::string>& warnings);

} // namespace rtnode::config
