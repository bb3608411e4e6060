#include "assemble/outside_usr.hpp"

#include <fmt/format.h>

#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <string_view>

namespace rtnode::assemble {
namespace {

bool lies_in(std::string_view path, std::string_view folder) {
    return path.starts_with(folder) && path.size() > folder.size() && path[folder.size()] == '/';
}

/// In the form of tmpfiles.d, in which blanks separate.
std::string escaped(std::string_view path) {
    std::string text;
    for (const char byte : path)
        if (byte == ' ' || byte == '\t' || byte == '"' || byte == '\'' || byte == '\\')
            text += fmt::format("\\x{:02x}", static_cast<unsigned char>(byte));
        else if (byte == '%') // a specifier there
            text += "%%";
        else
            text += byte;
    return text;
}

/// Where the base's own machinery is in charge.
bool is_others(std::string_view path) {
    return path == "/var/lib/rpm" || path == "/var/lib/selinux" || lies_in(path, "/var/lib/rpm") ||
           lies_in(path, "/var/lib/selinux");
}

} // namespace

std::string tmpfiles_of(const PackageFileOnDisk& package) {
    std::string lines;
    for (const auto& file : package.files) {
        std::string path = file.path;
        if (lies_in(path, "/var/run")) path.erase(0, 4);
        if (file.ghost || is_others(path) || (!lies_in(path, "/var") && !lies_in(path, "/run"))) continue;
        if (S_ISDIR(file.mode))
            lines += fmt::format("d {} {:04o} {} {} - -\n", escaped(path), file.mode & 07777, file.user, file.group);
        else if (S_ISLNK(file.mode))
            lines += fmt::format("L {} - - - - {}\n", escaped(path), escaped(file.link_target));
    }
    return lines;
}

std::vector<std::string> left_out_of(const PackageFileOnDisk& package) {
    // The last ones are links into /var on an OSTree node.
    constexpr std::array<std::string_view, 12> folders{"/var",  "/run", "/boot", "/tmp", "/sysroot", "/usr/local",
                                                       "/home", "/opt", "/root", "/srv", "/mnt",     "/media"};
    std::vector<std::string> paths;
    for (const auto& file : package.files)
        if (S_ISREG(file.mode) && !file.ghost &&
            std::any_of(folders.begin(), folders.end(), [&](auto folder) { return lies_in(file.path, folder); }))
            paths.push_back(file.path);
    return paths;
}

} // namespace rtnode::assemble
