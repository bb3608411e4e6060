#pragma once
// How a package's payload is laid out, for who makes one anew from files that are elsewhere.

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace rtnode::rpm {

struct PayloadLayout {
    std::string compressor; ///< RPMTAG_PAYLOADCOMPRESSOR: gzip, bzip2, xz, lzma, zstd
    /// For each file, in the order of PackageFileOnDisk::files: equal for the names of one hard link, else unique.
    std::vector<std::uint64_t> inodes;
};

/// Of a file that has at least a package's lead and headers. @throws Error{DamagedPackage} when the payload is no cpio
/// archive of the usual form (a file of 4 GiB or more)
PayloadLayout payload_layout(const std::filesystem::path& path);

} // namespace rtnode::rpm
