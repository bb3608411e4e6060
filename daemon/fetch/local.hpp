#pragma once
// Files that a caller names are opened as root on the caller's behalf, so: never follow a link that the caller could
// swap, never block on a FIFO or a device, copy first and look at the copy only.

#include "fetch/downloader.hpp"
#include "state/unique_fd.hpp"

#include <filesystem>
#include <string>

namespace rtnode::fetch {

/// Opens an absolute path for reading: O_NOFOLLOW for the last component, O_NONBLOCK, and regular files only.
/// Folders on the way may be symlinks (RESOLVE_NO_SYMLINKS would refuse /tmp and /home of many systems, where they
/// are links): whoever can swap those could have put another file there as well, and only root's own view counts.
/// @throws Error{UnsafePath} for a symlink, FIFO, folder, socket or device, a relative path, or a missing file;
///         messages name the path, never its content.
UniqueFd open_regular(const std::filesystem::path& path);

/// Copies a caller's file into `cache_dir/packages/<sha256>.rpm`. Its digest is computed on the
/// very bytes that are written, so it is that of the copy whatever happens to the original. `sha256` (may be empty)
/// must match, else Error{DigestMismatch}.
/// @throws Error{UnsafePath, DigestMismatch, NoSpace, Canceled}
CachedFile import_file(const std::filesystem::path& path, const std::string& sha256,
                       const std::filesystem::path& cache_dir, const Cancelled& cancelled = {});

/// The same from a descriptor that a caller passed (`name` is for messages, "fd:0"). It must be a regular file that is
/// open for reading; it is read by pread(2) from 0, so its offset doesn't matter and stays.
CachedFile import_descriptor(int fd, const std::string& name, const std::string& sha256,
                             const std::filesystem::path& cache_dir, const Cancelled& cancelled = {});

} // namespace rtnode::fetch
