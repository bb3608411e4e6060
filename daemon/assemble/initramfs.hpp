#pragma once
// What is in an initramfs: any number of uncompressed cpio archives (early microcode) and a compressed one
// (Documentation/driver-api/early-userspace/buffer-format.rst of the kernel).

#include <filesystem>
#include <map>
#include <set>
#include <string>

namespace rtnode::assemble {

struct Initramfs {
    std::map<std::string, std::string> early; ///< regular files of the uncompressed archives in front: path → content
    std::set<std::string> main;               ///< paths in the main archive, without a leading "./" or "/"
};

/// @throws Error{InitramfsFailed} when it can't be read to its end
Initramfs read_initramfs(const std::filesystem::path& file);

/// Does it boot an OSTree deployment of this kernel? @throws Error{InitramfsFailed}
void check_initramfs(const Initramfs& initramfs, const std::string& kver);

/// The early microcode of each vendor whose files the tree has must be the concatenation, in whatever order, of all
/// of them; files that dracut's search path has beside them may be in it too.
/// @param one_host the tree's dracut arguments ask for a host-only image: a part of the files will do
/// @throws Error{MicrocodeMissing} naming the file that is missing or the content that is none of the tree's
void check_microcode(const Initramfs& initramfs, const std::filesystem::path& root, const std::string& kver,
                     bool one_host);

/// Appends /dev/random and /dev/urandom, which dracut can't make without CAP_MKNOD and a FIPS boot needs before
/// devtmpfs (rpm-ostree #1950), in an archive of its own, padded to 4 bytes with at least 4 zeros (rpm-ostree #4683).
/// @throws Error{NoSpace}, Error{InitramfsFailed}
void append_random_devices(const std::filesystem::path& file);

} // namespace rtnode::assemble
