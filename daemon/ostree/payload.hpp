#pragma once
// File contents out of an RPM's payload, with libarchive. Private to daemon/ostree.

#include "ostree/handles.hpp"
#include "state/package.hpp"

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace rtnode::ostree {

/// GLib's name of a header's file digest algorithm (PGPHASHALGO_*, RFC 4880 section 9.4); nothing when it has none.
std::optional<GChecksumType> digest_type(unsigned algorithm);

/// Reads the payload once and hands over the content of each wanted regular file, checked against the header's digest.
/// @throws Error{DamagedPackage} when one is missing or different
void unpack(const PackageFileOnDisk& package, const std::vector<const PackageFile*>& wanted,
            const std::function<void(const PackageFile&, const std::string&)>& use);

/// The value of security.capability for cap_from_text(3) text (linux/capability.h, struct vfs_cap_data).
/// @throws Error{DamagedPackage} for text that isn't one
std::string capability_bytes(const std::string& text);

} // namespace rtnode::ostree
