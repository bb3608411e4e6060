#include "export/yaml.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace rtnode::exports {

YAML::Emitter& operator<<(YAML::Emitter& out, const Text& text) {
    return out << YAML::DoubleQuoted << text.value;
}

std::string comment(std::string_view text) {
    constexpr std::size_t width = 120;
    const std::string indent = "#  ";
    std::string lines, line = "#";
    for (std::size_t at = 0; at <= text.size();) {
        const auto end = std::min(text.find(' ', at), text.size());
        if (line.size() + 1 + end - at > width && line != "#" && line != indent) {
            lines += line + '\n';
            line = indent;
        }
        line += ' ';
        for (const char c : text.substr(at, end - at))
            line += c > 0x20 && c <= 0x7e ? c : '?';
        at = end + 1;
    }
    return lines + line + '\n';
}

std::string data_url(std::string_view content) {
    constexpr std::string_view as_it_is = "-._~"; // unreserved (RFC 3986), with letters and digits
    std::string url = "data:,";
    for (const unsigned char c : content)
        if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
            as_it_is.find(static_cast<char>(c)) != std::string_view::npos)
            url += static_cast<char>(c);
        else
            url += fmt::format("%{:02X}", c);
    return url;
}

} // namespace rtnode::exports
