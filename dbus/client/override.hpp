#pragma once
// What the user names on the command line of `rtnodectl override`, sorted into what the daemon takes.

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace rtnode::client {

enum class PackageSource { url, path, name };

/// "https://…" is a URL; what holds a '/' or ends with ".rpm" is a path; all else is a package name.
PackageSource source_of(std::string_view argument);

/// A relative path made absolute against @p folder; anything else as it is.
std::string absolute(const std::string& argument, const std::filesystem::path& folder);

/// Whether the files are opened here and passed as descriptors: the daemon opens paths for root only.
/// @throws ClientError (usage) when paths stand beside URLs or names, which can't go in one request then
bool passes_files(bool is_root, const std::vector<std::string>& replace, const std::vector<std::string>& install);

} // namespace rtnode::client
