#pragma once
// rpm-md repository metadata: repomd.xml names primary and filelists with size and checksum; they are fetched when
// they changed, and checked each time.

#include "fetch/downloader.hpp"
#include "state/repository.hpp"

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace rtnode::fetch {

/// One <data> element of repomd.xml (createrepo_c's "repomd" schema).
struct MetadataFile {
    std::string location; ///< relative to the repository, or a URL with xml:base
    Checksum checksum;
    std::optional<std::uint64_t> size; ///< bytes as transferred
    std::uint64_t timestamp = 0;       ///< s since the epoch
};

struct Repomd {
    std::string revision;
    std::uint64_t timestamp = 0; ///< newest of its data, s since the epoch: rpm-ostree's "timestamp" of a repository
    std::optional<MetadataFile> primary, filelists;
};

/// Reads repomd.xml. @throws Error{RepositoryMetadata} with the line for what is no such XML, or without primary.
Repomd parse_repomd(const std::filesystem::path& file);

/// The checked metadata of one repository, in the cache.
struct RepositoryFiles {
    std::string id;
    std::vector<std::string> base_urls;             ///< the repository's or its mirrors', in the order to try
    std::filesystem::path repomd;                   ///< repomd.xml
    std::filesystem::path primary;                  ///< compressed as the repository has it: gz, xz, bz2, zst or plain
    std::optional<std::filesystem::path> filelists; ///< only after fetch_filelists()
    Repomd index;
    std::string repomd_sha256;
    bool signature_verified = false; ///< repomd.xml.asc was valid: packages named in it are proven by their digest
};

/// Checks a detached signature by the repository's keys. A function, since the OpenPGP code is libsolvext's and only
/// plan/ sees that (plan::verify_repomd_signature); fetch/ stands before plan/ in the data's way.
/// @throws Error{BadSignature}
using VerifySignature = std::function<void(const std::filesystem::path& file, const std::filesystem::path& signature,
                                           const Repository& repository)>;

/// Fetches the list of mirrors, if any, what changed of repomd.xml (a conditional request; with a metalink, whatever
/// its checksum says), its signature when `repo_gpgcheck`, and primary, into `cache_dir/repositories/<id>-<hash of its
/// URLs>/`. Within metadata_expire of the last look nothing is asked for that is there. The files that repomd.xml no
/// longer names are removed.
/// Nothing, and one more of `warnings`, when the repository can't be reached or is defect and has skip_if_unavailable.
/// @throws Error{RepositoryConfiguration, RepositoryMetadata, DownloadFailed, BadSignature, NoSpace, Canceled}; each
///         names the repository, the file and where the repository is defined.
std::optional<RepositoryFiles> fetch_metadata(Downloader& downloader, const Repository& repository,
                                              const VerifySignature& verify, std::vector<std::string>& warnings);

/// Fetches the file lists too (tens of MB for a distribution's repository, hence only when a dependency on a file
/// can't be met without them) and sets `files.filelists`. No-op for a repository without.
void fetch_filelists(Downloader& downloader, const Repository& repository, RepositoryFiles& files);

} // namespace rtnode::fetch
