#include "media/names.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cstring>
#include <sstream>
#include <string_view>

namespace rtnode::media {
namespace {

/// `name = value` or `name=value` of a section of .treeinfo or media.repo.
std::string ini_value(const std::string& text, std::string_view section, std::string_view key) {
    std::istringstream lines(text);
    bool inside = false;
    for (std::string line; std::getline(lines, line);) {
        if (line.starts_with('[')) inside = line.substr(1, line.find(']') - 1) == section;
        const auto equals = line.find('=');
        if (!inside || equals == std::string::npos) continue;
        auto name = line.substr(0, equals), value = line.substr(equals + 1);
        name.erase(name.find_last_not_of(" \t") + 1);
        value.erase(0, std::min(value.find_first_not_of(" \t"), value.size()));
        value.erase(value.find_last_not_of(" \t\r") + 1);
        if (name == key) return value;
    }
    return {};
}

bool is_plain(unsigned char c) {
    return std::isalnum(c) != 0 || std::strchr("-_.", c) != nullptr;
}

} // namespace

std::string repository_id(const std::string& name, const std::string& folder) {
    auto id = folder.empty() ? name : name + "-" + folder;
    std::ranges::replace(id, '/', '-');
    std::ranges::replace_if(
        id, [](unsigned char c) { return !is_plain(c); }, '_');
    return id;
}

std::string title_of(const std::string& treeinfo, const std::string& media_repo) {
    const auto release = ini_value(treeinfo, "release", "name"), version = ini_value(treeinfo, "release", "version");
    if (!release.empty()) return title_text(version.empty() ? release : release + " " + version);
    const auto general = ini_value(treeinfo, "general", "name");
    return title_text(general.empty() ? ini_value(media_repo, "InstallMedia", "name") : general);
}

std::string title_text(std::string text) {
    std::ranges::replace_if(
        text, [](unsigned char c) { return c < 0x20 || c == 0x7f || c == '$'; }, '_');
    return text;
}

std::string url_of(const std::filesystem::path& folder) {
    std::string url = "file://";
    for (const unsigned char c : folder.lexically_normal().string())
        url += c == '/' || is_plain(c) ? std::string(1, static_cast<char>(c)) : fmt::format("%{:02X}", c);
    return url;
}

} // namespace rtnode::media
