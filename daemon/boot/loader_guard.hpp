#pragma once
// Keeps the old boot loader entries until the new ones are where the boot loader finds them.
//
// libostree switches a node by renaming a new symbolic link over /boot/loader, and then deletes what the old entries
// lead to: loader.N, /ostree/boot.N. Before 2025.2 it only fsyncs in between. The rename then stands in the journal of
// /boot, which the boot loader doesn't replay: after a power cut it boots the old entry, the kernel replays, the old
// entry's `ostree=` leads nowhere, and the node is lost until somebody stands before it. Until /boot is unmounted, that
// is.

#include "boot/loader_link.hpp"
#include "state/unique_fd.hpp"

#include <filesystem>
#include <optional>
#include <string>

namespace rtnode::boot {

/// From construction to destruction nobody opens the folder of the entries that were current (which deleting it begins
/// with) after the link has moved, until the file system is settled; and the link has a SecondName.
///
/// Whoever opens the folder in between waits, at most for as long as settling takes; when this process dies, nobody
/// does (fanotify(7)).
class LoaderGuard {
  public:
    /// @param boot folder of the boot loader; made writable by the caller
    /// @throws std::system_error; Error{NotOstree} when its `loader` isn't a link to loader.0 or loader.1
    explicit LoaderGuard(std::filesystem::path boot);
    LoaderGuard(const LoaderGuard&) = delete;
    LoaderGuard& operator=(const LoaderGuard&) = delete;

    /// The folder of the entries that are current and guarded, "loader.0".
    const std::string& entries() const { return entries_; }

    /// Serves until `stop` (a descriptor) can be read.
    void run(int stop);

  private:
    void arm();
    void settle_if_switched();
    void answer();

    std::filesystem::path boot_;
    std::string entries_;
    UniqueFd folder_;
    std::optional<SecondName> second_name_;
    UniqueFd opens_; ///< fanotify: permission to open the folder of the current entries
    UniqueFd moves_; ///< inotify: something was renamed in the boot folder
};

} // namespace rtnode::boot
