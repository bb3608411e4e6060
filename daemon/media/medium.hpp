#pragma once
// What packages are delivered on: an ISO 9660 image, read without mounting it, or a folder.

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <span>
#include <string>

namespace rtnode::media {

/// The content of one file, from its beginning on.
class Content {
  public:
    virtual ~Content() = default;
    /// @return bytes read; 0 at the end. @throws Error{UnreadableMedium, Canceled}
    virtual std::size_t read(std::span<char> buffer) = 0;
};

class Medium {
  public:
    virtual ~Medium() = default;

    /// Regular files by path relative to the root, without a leading slash, and their sizes in bytes. Symbolic links
    /// and special files are left out.
    const std::map<std::string, std::uint64_t>& files() const { return files_; }

    /// Calls `use` once for each of the wanted files that is there, in the order that suits the medium.
    virtual void read(std::set<std::string> wanted,
                      const std::function<void(const std::string& path, Content& content)>& use) = 0;

  protected:
    std::map<std::string, std::uint64_t> files_;
};

/// @param source absolute path of a regular file or a folder, not of a symbolic link
/// @throws Error{UnsafePath}, Error{UnreadableMedium} for a file that is no ISO 9660 image
std::unique_ptr<Medium> open_medium(const std::filesystem::path& source, const std::function<bool()>& canceled);

} // namespace rtnode::media
