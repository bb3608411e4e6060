#pragma once
// What rpm-ostree layered, out of its package cache: which packages, and an RPM file of each, so that they stay in a
// tree that is built anew.

#include "ostree/sysroot.hpp"
#include "state/desired_packages.hpp"
#include "state/package.hpp"

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace rtnode::ostree {

/// Packages that a deployment has from repositories: those of its commit that are neither its base's nor local ones. The
/// origin holds only the patterns that they were asked for by ([packages] requested).
/// @return by name and architecture ("bash.x86_64")
/// @throws Error{ForeignLayering} naming a package that the package cache doesn't have, or a pattern of which the
///         commit doesn't say what came of it
std::map<std::string, PinnedPackage> layered_from_repositories(const Sysroot& sysroot, const Deployment& deployment);

/// rpmostree.packages of a deployment's commit: the patterns that are in effect.
std::vector<std::string> layered_patterns(const Sysroot& sysroot, const Deployment& deployment);

/// Writes lead, signature header and main header of a cached package, byte for byte, to a new file.
/// @return false when the package cache doesn't have exactly this one
bool write_cached_header(const Sysroot& sysroot, const PinnedPackage& package, const std::filesystem::path& file);

/// Appends the payload: a cpio archive of the files in the package's commit, each compared with its digest in the header.
/// The whole isn't the one that was signed, as it is compressed anew.
/// @param package as read from the file, whose payload is missing still
/// @param compressor gzip, bzip2, xz, lzma or zstd, as the header announces it
/// @param inodes see rpm::PayloadLayout
/// @throws Error{ForeignLayering} naming a file whose content rpm-ostree didn't keep (it drops those in /var),
///         Error{CorruptObject}, Error{NoSpace}
void append_cached_payload(const Sysroot& sysroot, const PackageFileOnDisk& package, const std::string& compressor,
                           const std::vector<std::uint64_t>& inodes);

} // namespace rtnode::ostree
