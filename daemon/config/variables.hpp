#pragma once
// The variables of dnf's files.

#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace rtnode::config {

using Variables = std::map<std::string, std::string>;

/// Adds what the folders have, one file a variable with its value in the first line (as /etc/dnf/vars; a later folder
/// wins), then `fixed`, then releasever_major and releasever_minor: releasever before and after its first dot.
void add_variables(Variables& variables, const std::vector<std::filesystem::path>& folders, const Variables& fixed);

/// "$basearch" and "${basearch}" replaced; "${name:-word}" is `word` when the variable is unknown or empty,
/// "${name:+word}" when it is neither, else nothing (dnf 5).
/// @throws Error{RepositoryConfiguration} for a name that isn't known
std::string expand(const std::string& text, const Variables& variables);

} // namespace rtnode::config
