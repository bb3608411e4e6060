#pragma once
// The index of an rpm-md repository, as createrepo_c writes it: which files it has, and their checksums.

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace rtnode::media {

/// A file that metadata vouches for.
struct ProvenFile {
    std::string path;                    ///< below the repository's folder; never leads out of it
    std::string checksum_type, checksum; ///< sha224 to sha512; lower-case hex
    std::optional<std::uint64_t> size;   ///< bytes
};

struct RepositoryIndex {
    std::vector<ProvenFile> files; ///< all that repomd.xml names
    ProvenFile primary;            ///< one of them
};

/// @throws Error{RepositoryMetadata} for what is no such XML, has no primary, weak checksums, or paths that lead out
RepositoryIndex read_repomd(const std::filesystem::path& file);

/// The packages that primary metadata names. @param file compressed by gzip, xz, bzip2 or zstd, or not at all
/// @throws Error{RepositoryMetadata}
std::vector<ProvenFile> read_primary(const std::filesystem::path& file);

} // namespace rtnode::media
