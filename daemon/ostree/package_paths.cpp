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

/// systemd's tmpfiles.d splits at blanks and takes shell-like quotes. What counts as safe is rpm-ostree's choice
/// (rust/src/utils.rs, shellsafe_quote).
std::string shell_safe(const std::string& path) {
    const bool safe = std::all_of(path.begin(), path.end(),
                                  [](char c) { return plain(c) || c == '/' || c == '_' || c == ':' || c == '='; });
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
    if (below(text, "etc") || below(text, "opt")) return (text[0] == 'e' ? "usr/" : "usr/lib/") + text;
    // These folders themselves stay where they are; only what is in them moves.
    static constexpr std::array<std::pair<std::string_view, std::string_view>, 4> moves{{
        {"boot/", "usr/lib/ostree-boot/"},
        {"var/lib/selinux/targeted/", "usr/etc/selinux/targeted/"},
        {"var/lib/alternatives", "usr/lib/alternatives"}, // by prefix, whatever follows
        {"var/lib/vagrant", "usr/lib/vagrant"},
    }};
    for (const auto& [from, to] : moves)
        if (text.starts_with(from)) return std::string(to) + text.substr(from.size());
    return text;
}

bool carried_path(const std::string& translated) {
    if (below(translated, "usr/local")) return false;
    for (const auto* folder : {"usr", "bin", "sbin", "lib", "lib64"})
        if (below(translated, folder)) return true;
    return false;
}

std::string tmpfiles_line(const PackageFile& file) {
    const std::string translated = "/" + translated_path(file.path);
    if (!translated.starts_with("/var/") && !translated.starts_with("/run/")) return {};
    for (const auto* skipped : {"/var/lib/rpm", "/var/lib/selinux"}) // by prefix, /var/lib/rpm-state too
        if (translated.starts_with(skipped)) return {};
    const auto path = shell_safe(translated.starts_with("/var/run/") ? translated.substr(4) : translated);
    if (S_ISDIR(file.mode)) return fmt::format("d {} {:04o} {} {} - -", path, file.mode & 07777, file.user, file.group);
    if (S_ISLNK(file.mode)) return fmt::format("L {} - - - - {}", path, file.link_target);
    return {}; // regular files below /var are never shipped
}

std::string tmpfiles_snippet(const std::vector<PackageFile>& files) {
    std::string lines;
    std::set<std::string> opt, var_lib;
    for (const auto& file : files) {
        if (file.ghost) continue; // not in the payload
        const std::string path = relative(file.path);
        if (path.starts_with("opt/")) opt.insert(path.substr(4, path.find('/', 4) - 4));
        if (path == "var/lib/alternatives" || path == "var/lib/vagrant") var_lib.insert(path.substr(8));
        if (const auto line = tmpfiles_line(file); !line.empty()) lines += line + "\n";
    }
    std::string text;
    for (const auto& name : opt)
        text += fmt::format("L {} - - - - ../../usr/lib/opt/{}\n", shell_safe("/opt/" + name), name);
    for (const auto& name : var_lib)
        text += fmt::format("L {} - - - - ../../usr/lib/{}\n", shell_safe("/var/lib/" + name), name);
    return text + lines;
}

} // namespace rtnode::ostree
