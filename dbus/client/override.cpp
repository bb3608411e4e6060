#include "client/override.hpp"

#include "client/client_error.hpp"

#include <algorithm>

namespace rtnode::client {

PackageSource source_of(std::string_view argument) {
    if (argument.find("://") != std::string_view::npos) return PackageSource::url;
    if (argument.find('/') != std::string_view::npos || argument.ends_with(".rpm")) return PackageSource::path;
    return PackageSource::name;
}

std::string absolute(const std::string& argument, const std::filesystem::path& folder) {
    if (source_of(argument) != PackageSource::path) return argument;
    return (folder / argument).lexically_normal().string();
}

bool passes_files(bool is_root, const std::vector<std::string>& replace, const std::vector<std::string>& install) {
    if (is_root) return false;
    const auto is_path = [](const std::string& argument) { return source_of(argument) == PackageSource::path; };
    std::vector<std::string> all = replace;
    all.insert(all.end(), install.begin(), install.end());
    if (std::none_of(all.begin(), all.end(), is_path)) return false;
    const auto other = std::find_if_not(all.begin(), all.end(), is_path);
    if (other != all.end())
        throw ClientError(Exit::usage, "",
                          "'" + *other +
                              "' can't stand beside files: for callers other than root the files are passed open, and "
                              "then all packages must be files; download it first, or run this as root");
    return true;
}

} // namespace rtnode::client
