#pragma once
// From a medium to a folder that a web server and this node's own jobs can take packages from.

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

namespace rtnode::media {

struct ImportOrder {
    std::filesystem::path source; ///< absolute: an ISO 9660 image or a folder
    std::string name;             ///< of the folder below web_root; is_repository_name()
    std::filesystem::path web_root;
    std::filesystem::path staging; ///< on web_root's file system, not below it; made here
    bool check_only = false;       ///< the index is read and checked, no package copied
    std::function<bool()> canceled;
    std::function<void(const std::string& step)> step; ///< "Copying packages"
    std::function<void(double fraction)> progress;     ///< of copying, 0 to 1
    std::function<void()> last_call;                   ///< right before the folder takes its place; may throw
};

struct ImportedRepository {
    std::string id;     ///< for [repository.ID]: NAME, or NAME-FOLDER with '-' for '/'
    std::string folder; ///< on the medium and in the result; "" is the root
    std::string title;  ///< for people: "Red Hat Enterprise Linux 8.1.0 - BaseOS"
    std::uint64_t packages = 0, bytes = 0;
};

struct Imported {
    std::vector<ImportedRepository> repositories; ///< by folder
    std::filesystem::path folder;                 ///< web_root/name
    bool replaced = false;                        ///< there was one of that name
    bool labelled = false;                        ///< with the SELinux type of web content
};

/// Finds the repositories (folders with repodata/repomd.xml), checks every file against their metadata, copies them to
/// `staging`, and then puts that in web_root's place at once: a kill or an error at any moment leaves there what was
/// there. `.local.repo` in the folder defines them for this node, by file:// URLs.
/// @throws Error{NoRepository, UnreadableMedium, UnsafePath, RepositoryMetadata,
///         DigestMismatch, NoSpace, Canceled}; `staging` is gone then
Imported import_medium(const ImportOrder& order);

} // namespace rtnode::media
