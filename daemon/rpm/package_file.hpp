#pragma once
// Reading an RPM file: is it whole, is it for this machine, who vouches for it, what is in it.

#include "rpm/keyring.hpp"
#include "state/package.hpp"

#include <filesystem>
#include <string>

namespace rtnode::rpm {

struct TrustPolicy {
    bool digest_proven = false;  ///< the file's digest was already compared with a trusted one
    bool allow_unsigned = false; ///< accept without any proof; never accepts a signature that is wrong

    /// The payload was compressed anew, or isn't there yet: what the headers say of it as a whole isn't looked at. Who
    /// made it has compared each file with the main header's digests.
    bool payload_rebuilt = false;
};

/// Reads and checks a whole package file.
///
/// Checked in this order: the form, the size and the payload's digest, the signatures, the header's digests, the
/// architecture (x86_64 or noarch), the policy. A package whose header has no payload digest (rpm before 4.14) is
/// trusted by a signature only if that covers the payload too.
///
/// @param path a regular file in our cache; symlinks are not followed
/// @param shown_as how messages name the package: what the caller passed, not our cache's file name
/// @throws Error{UnsafePath}, Error{NotAPackage}, Error{DamagedPackage}, Error{WrongArchitecture},
///         Error{BadSignature}, Error{UnsignedPackage}
PackageFileOnDisk read_package(const std::filesystem::path& path, const std::string& shown_as, const Keyring& keyring,
                               const TrustPolicy& policy);

} // namespace rtnode::rpm
