#pragma once
// Durable for a boot loader, which knows no journal.

namespace rtnode::boot {

/// Puts all changes of a file system where a reader finds them that doesn't replay its journal. fsync() and syncfs()
/// may leave them in the journal alone (ext4, XFS); freezing writes them to their places (FIFREEZE of
/// ioctl_fsfreeze(2), as libostree does it before it moves the link, and since 2025.2 also after).
/// @param folder descriptor of any folder of the file system
/// @return false when the file system can't be frozen (vfat) or somebody else holds it frozen: then it was synced only
/// @throws std::system_error when not even that works
bool settle(int folder);

} // namespace rtnode::boot
