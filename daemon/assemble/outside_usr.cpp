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

/// With specifiers and escapes taken literally.
std::string escaped(std::string_view text, std::string_view with_backslash) {
    std::string result;
    for (const char byte : text) {
        if (with_backslash.find(byte) != std::string_view::npos) result += '\\';
        if (byte == '%') result += '%';
        result += byte;
    }
    return result;
}

/// As the path field of tmpfiles.d. Quoted when it must be: systemd before 253 takes no escape for a blank there.
std::string path_field(std::string_view path) {
    return path.find_first_of(" \t\"'\\") == std::string_view::npos ? escaped(path, "")
                                                                    : "\"" + escaped(path, "\"\\") + "\"";
}

/// As the argument, which goes to the end of the line.
std::string argument(std::string_view text) {
    return escaped(text, "\\");
}

/// Where the base's own machinery is in charge.
bool is_others(std::string_view path) {
    return path == "/var/lib/rpm" || path == "/var/lib/selinux" || lies_in(path, "/var/lib/rpm") ||
           lies_in(path, "/var/lib/selinux");
}

/// NAME of /opt/NAME/…, "" for other paths.
std::string opt_folder(std::string_view path) {
    constexpr std::string_view opt = "/opt/";
    if (!path.starts_with(opt)) return {};
    const auto end = path.find('/', opt.size());
    return end == std::string_view::npos ? "" : std::string(path.substr(opt.size(), end - opt.size()));
}

bool is_shipped_file(const PackageFile& file) {
    return S_ISREG(file.mode) && !file.ghost;
}

} // namespace

std::set<std::string> opt_folders_of(const PackageFileOnDisk& package) {
    std::set<std::string> folders;
    for (const auto& file : package.files) {
        if (file.ghost) continue;
        auto name = opt_folder(S_ISDIR(file.mode) ? file.path + "/" : file.path);
        if (!name.empty()) folders.insert(std::move(name));
    }
    return folders;
}

std::vector<std::string> boot_files_of(const PackageFileOnDisk& package) {
    std::vector<std::string> paths;
    for (const auto& file : package.files)
        if (is_shipped_file(file) && lies_in(file.path, "/boot")) paths.push_back(file.path);
    return paths;
}

std::string tmpfiles_of(const PackageFileOnDisk& package) {
    std::string lines;
    for (const auto& name : opt_folders_of(package))
        lines += fmt::format("L {} - - - - ../../usr/lib/opt/{}\n", path_field("/opt/" + name), argument(name));
    for (const auto& file : package.files) {
        std::string path = file.path;
        if (lies_in(path, "/var/run")) path.erase(0, 4);
        if (file.ghost || is_others(path) || (!lies_in(path, "/var") && !lies_in(path, "/run"))) continue;
        if (S_ISDIR(file.mode))
            lines += fmt::format("d {} {:04o} {} {} - -\n", path_field(path), file.mode & 07777, file.user, file.group);
        else if (S_ISLNK(file.mode))
            lines += fmt::format("L {} - - - - {}\n", path_field(path), argument(file.link_target));
    }
    return lines;
}

std::vector<std::string> left_out_of(const PackageFileOnDisk& package) {
    // The last ones are links into /var on an OSTree node.
    constexpr std::array<std::string_view, 11> folders{"/var", "/run",  "/tmp", "/sysroot", "/usr/local", "/home",
                                                       "/opt", "/root", "/srv", "/mnt",     "/media"};
    std::vector<std::string> paths;
    for (const auto& file : package.files)
        if (is_shipped_file(file) && opt_folder(file.path).empty() &&
            std::any_of(folders.begin(), folders.end(), [&](auto folder) { return lies_in(file.path, folder); }))
            paths.push_back(file.path);
    return paths;
}

} // namespace rtnode::assemble
