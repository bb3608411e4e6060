// The pure part of pkgcache.hpp: names and paths.
#include "ostree/pkgcache.hpp"

#include <algorithm>
#include <array>
#include <set>
#include <sys/stat.h>
#include <utility>

namespace rtnode::ostree {
namespace {

constexpr std::string_view package_prefix = "rpmostree/pkg/";

bool plain(char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '-';
}

std::string ref_quoted(std::string_view text) {
    std::string result;
    for (const char c : text) {
        if (plain(c))
            result += c;
        else if (c == '_')
            result += "__";
        else
            result += fmt::format("_{:02X}", static_cast<unsigned char>(c));
    }
    return result;
}

std::optional<std::string> ref_unquoted(std::string_view text) {
    const auto digit = [](char c) { return c >= '0' && c <= '9' ? c - '0' : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1; };
    std::string result;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (plain(text[i])) {
            result += text[i];
        } else if (text.substr(i).starts_with("__")) {
            result += '_';
            ++i;
        } else if (text[i] == '_' && i + 2 < text.size() && digit(text[i + 1]) >= 0 && digit(text[i + 2]) >= 0) {
            result += static_cast<char>(digit(text[i + 1]) * 16 + digit(text[i + 2]));
            i += 2;
        } else {
            return std::nullopt;
        }
    }
    return result;
}

std::string relative(const std::string& path) {
    std::string_view text = path;
    while (text.starts_with('/'))
        text.remove_prefix(1);
    while (text.ends_with('/'))
        text.remove_suffix(1);
    return std::string(text);
}

bool below(std::string_view path, std::string_view folder) {
    return path.starts_with(folder) && (path.size() == folder.size() || path[folder.size()] == '/');
}

/// systemd's tmpfiles.d splits at blanks and takes shell-like quotes.
std::string shell_safe(const std::string& path) {
    const bool safe = std::all_of(path.begin(), path.end(), [](char c) {
        return plain(c) || c == '/' || c == '_' || c == '+' || c == '@' || c == '%' || c == ':' || c == ',' || c == '=';
    });
    if (safe) return path;
    std::string result = "'";
    for (const char c : path)
        result += c == '\'' ? std::string("'\\''") : std::string(1, c);
    return result + "'";
}

} // namespace

std::string package_ref(const Nevra& nevra) {
    return fmt::format("{}{}/{}.{}", package_prefix, ref_quoted(nevra.name), ref_quoted(nevra.evr()),
                       ref_quoted(nevra.arch));
}

std::optional<Nevra> package_of_ref(const std::string& ref) {
    std::string_view rest = ref;
    if (!rest.starts_with(package_prefix)) return std::nullopt;
    rest.remove_prefix(package_prefix.size());
    const auto slash = rest.find('/');
    const auto dot = rest.rfind('.');
    if (slash == std::string_view::npos || dot == std::string_view::npos || dot < slash) return std::nullopt;
    const auto name = ref_unquoted(rest.substr(0, slash)), evr = ref_unquoted(rest.substr(slash + 1, dot - slash - 1)),
               arch = ref_unquoted(rest.substr(dot + 1));
    if (!name || !evr || !arch) return std::nullopt;
    try {
        return Nevra::parse(fmt::format("{}-{}.{}", *name, *evr, *arch));
    } catch (const Error&) {
        return std::nullopt; // a ref of that form which no package can have
    }
}

std::string translated_path(const std::string& path) {
    const std::string text = relative(path);
    static constexpr std::array<std::pair<std::string_view, std::string_view>, 6> moves{{
        {"etc", "usr/etc"},
        {"boot", "usr/lib/ostree-boot"},
        {"opt", "usr/lib/opt"},
        {"var/lib/selinux/targeted", "usr/etc/selinux/targeted"},
        {"var/lib/alternatives", "usr/lib/alternatives"},
        {"var/lib/vagrant", "usr/lib/vagrant"},
    }};
    for (const auto& [from, to] : moves)
        if (below(text, from)) return std::string(to) + text.substr(from.size());
    return text;
}

bool carried_path(const std::string& translated) {
    if (below(translated, "usr/local")) return false;
    for (const auto* folder : {"usr", "bin", "sbin", "lib", "lib64"})
        if (below(translated, folder)) return true;
    return false;
}

std::string tmpfiles_line(const PackageFile& file) {
    std::string path = "/" + relative(file.path);
    if (!below(translated_path(path), "var") && !below(translated_path(path), "run")) return {};
    for (const auto* skipped : {"/var/lib/rpm", "/var/lib/selinux"})
        if (below(path, skipped)) return {};
    if (path == "/var" || path == "/run") return {};
    if (path.starts_with("/var/run/")) path.erase(0, 4);
    const auto quoted_path = shell_safe(path);
    if (S_ISDIR(file.mode))
        return fmt::format("d {} {:04o} {} {} - -", quoted_path, file.mode & 07777, file.user, file.group);
    if (S_ISLNK(file.mode)) return fmt::format("L {} - - - - {}", quoted_path, file.link_target);
    return {}; // regular files below /var are never shipped
}

std::string tmpfiles_snippet(const std::vector<PackageFile>& files) {
    std::string text;
    std::set<std::string> links;
    for (const auto& file : files) {
        const std::string path = relative(file.path);
        if (path.starts_with("opt/")) {
            const auto name = path.substr(4, path.find('/', 4) - 4);
            links.insert(fmt::format("L {} - - - - ../../usr/lib/opt/{}", shell_safe("/opt/" + name), name));
        } else if (path == "var/lib/alternatives" || path == "var/lib/vagrant") {
            const auto name = path.substr(8);
            links.insert(fmt::format("L /var/lib/{0} - - - - ../../usr/lib/{0}", name));
        } else if (const auto line = tmpfiles_line(file); !line.empty()) {
            text += line + "\n";
        }
    }
    for (const auto& link : links)
        text += link + "\n";
    return text;
}

} // namespace rtnode::ostree
