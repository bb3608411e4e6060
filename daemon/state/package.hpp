#pragma once
// What the parts tell each other about RPM packages.

#include "state/nevra.hpp"

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace rtnode {

/// One file of a package as its header states it.
struct PackageFile {
    std::string path;       ///< absolute, as in the header ("/usr/lib/…", "/etc/…")
    std::uint32_t mode = 0; ///< with file type bits, as stat(2)
    std::string user, group;
    std::uint64_t size = 0;
    std::string digest; ///< lower-case hex of the header's file digest algorithm; empty for other than regular files
    unsigned digest_algorithm = 0; ///< PGPHASHALGO_* (8 = SHA-256, 2 = SHA-1, 1 = MD5)
    std::string link_target;       ///< of a symlink
    std::string capabilities;      ///< text of cap_from_text(3), empty when none
    bool ghost = false;            ///< %ghost: owned, not shipped
    bool config = false;
};

/// How a package file proved where it comes from.
enum class Trust {
    signature, ///< valid signature by a key of the base rpmdb or the configuration
    digest,    ///< the caller's #sha256=, or verified signed repository metadata
    none,      ///< accepted by allow-unsigned only; marked in plan and result
};

/// An RPM file on disk whose integrity was checked.
struct PackageFileOnDisk {
    std::filesystem::path path; ///< in our cache or package store
    Nevra nevra;
    std::string sha256;                ///< of the whole file, lower-case hex
    std::string header_sha256;         ///< of lead + signature header + main header: rpm-ostree's package identity
    std::uint64_t size = 0;            ///< of the file, bytes
    std::uint64_t payload_offset = 0;  ///< where lead + headers end, bytes
    std::uint64_t installed_size = 0;  ///< RPMTAG_LONGSIZE/SIZE, bytes
    std::uint64_t build_time = 0;      ///< RPMTAG_BUILDTIME, s since the epoch
    std::vector<std::string> provides; ///< names only
    std::vector<PackageFile> files;
    Trust trust = Trust::none;
    std::string signer; ///< key id or fingerprint of the accepted signature, lower-case hex; empty without one

    /// Ships usr/lib/modules/KVER/vmlinuz, or provides kernel, kernel-core, kernel-rt or kernel-rt-core.
    bool is_kernel() const;
    /// Ships files below usr/lib/firmware/{intel,amd}-ucode (or /lib/firmware/…).
    bool has_microcode() const;
};

/// A package in an rpmdb.
struct InstalledPackage {
    Nevra nevra;
    std::vector<std::string> provides; ///< names only
};

} // namespace rtnode
