#pragma once
// Folders that others read and only we write: what a caller or a link put in there must never decide where root writes.

#include "state/error.hpp"
#include "state/unique_fd.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace rtnode::latency {

/// Opens a folder step by step without following a link: what openat2(2) does with RESOLVE_NO_SYMLINKS, which the 4.18
/// kernels of el8 nodes don't have. The last part is made (0755) when missing. The folder must belong to our uid, and
/// nobody else may be able to write in it. @throws Error{UnsafeFolder, NoSpace, Internal}
UniqueFd open_results_folder(const std::string& folder);

/// The names in an open folder. @param path for messages. @throws Error{Internal}
std::vector<std::string> names_in(const UniqueFd& folder, const std::string& path);

/// @param what "write", "remove" …, done to `where`; @param error an errno
Error failed_to(std::string_view what, const std::string& where, int error);

/// A file that isn't there yet: complete and on disk under a temporary name, removed again unless published.
class NewFile {
  public:
    /// Mode 0644. @throws Error{UnsafeFolder, NoSpace, Internal}; then nothing is left over
    NewFile(const std::string& folder, std::string name, std::string_view text);
    ~NewFile();
    NewFile(const NewFile&) = delete;
    NewFile& operator=(const NewFile&) = delete;

    /// Takes its name, and that of an older one. @throws Error{NoSpace, Internal}
    void publish();
    /// Removes what an earlier process left when it was killed; none of us may write there now.
    /// @param name of the files; "" = all @throws Error{UnsafeFolder, Internal}
    static void remove_unfinished(const std::string& folder, std::string_view name = {});
    std::string path() const { return folder_ + "/" + name_; }

  private:
    std::string folder_;
    UniqueFd at_;
    std::string name_, temporary_;
    bool exists_ = false;
};

} // namespace rtnode::latency
