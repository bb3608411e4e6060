#pragma once

#include "state/repository.hpp"

#include <filesystem>

namespace rtnode::plan {

/// Checks an OpenPGP detached signature (armoured or not) of `file` by one of repository.gpg_keys (libsolvext's
/// solvsig_verify: RSA, DSA and EdDSA). To be passed to fetch::fetch_metadata().
/// @throws Error{BadSignature} when it isn't valid, has expired, is by another key, or no key can be read.
void verify_repomd_signature(const std::filesystem::path& file, const std::filesystem::path& signature,
                             const Repository& repository);

} // namespace rtnode::plan
