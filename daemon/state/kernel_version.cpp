#include "state/kernel_version.hpp"

#include "state/error.hpp"

#include <cctype>

namespace rtnode {
namespace {

/// "147.rt24.93.el8" without ".rt24.93".
std::string without_patch_counter(std::string evr) {
    const auto is_digit = [&](std::size_t at) {
        return at < evr.size() && std::isdigit(static_cast<unsigned char>(evr[at])) != 0;
    };
    for (auto at = evr.find(".rt"); at != std::string::npos; at = evr.find(".rt", at + 1)) {
        auto end = at + 3;
        if (!is_digit(end)) continue;
        while (is_digit(end) || (end < evr.size() && evr[end] == '.' && is_digit(end + 1)))
            ++end;
        return evr.erase(at, end - at);
    }
    return evr;
}

} // namespace

KernelVersion KernelVersion::parse(const std::string& text) {
    if (text.empty() || text == "match-base") return {};
    if (text == "newest") return {.policy = Policy::newest, .version = {}};
    if (text == "pinned") return {.policy = Policy::pinned, .version = {}};
    constexpr std::string_view allowed = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._+~^:-";
    if (std::isdigit(static_cast<unsigned char>(text.front())) == 0 ||
        text.find_first_not_of(allowed) != std::string::npos)
        throw fail(Reason::InvalidArgument,
                   "'{}' says no version of the real-time kernel; it can be match-base, newest, pinned, or a version "
                   "such as 5.14.0-427.13.1.el9_4",
                   text);
    return {.policy = Policy::pinned, .version = text};
}

bool KernelVersion::names(std::string_view evr) const {
    if (policy != Policy::pinned || version.empty()) return false;
    if (version.find(':') == std::string::npos)
        if (const auto colon = evr.find(':'); colon != std::string_view::npos) evr.remove_prefix(colon + 1);
    return evr == version || (evr.starts_with(version) && evr[version.size()] == '-');
}

bool same_sources(const std::string& real_time_evr, const std::string& stock_evr) {
    return without_patch_counter(real_time_evr) == stock_evr;
}

} // namespace rtnode
