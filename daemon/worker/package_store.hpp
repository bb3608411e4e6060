#pragma once
// The RPM files of every live deployment's overrides, by rpm-ostree's package identity. A later request is recomputed
// from the base commit, so they must outlast the cache and the repository that they came from.

#include "state/package.hpp"

#include <filesystem>
#include <optional>
#include <set>
#include <string>

namespace rtnode::worker {

class PackageStore {
  public:
    /// `folder` is made when absent (mode 0755).
    explicit PackageStore(std::filesystem::path folder);

    /// The stored file of this header SHA-256, when there.
    std::optional<std::filesystem::path> find(const std::string& header_sha256) const;

    /// Stores a copy (a hard link where possible); complete or absent, never half, also after a power cut.
    /// @throws Error{NoSpace, Internal}
    void keep(const PackageFileOnDisk& package) const;

    /// Removes every file but these and returns the bytes freed.
    std::uint64_t retain_only(const std::set<std::string>& header_sha256s) const;

  private:
    std::filesystem::path file_of(const std::string& header_sha256) const;

    std::filesystem::path folder_;
};

} // namespace rtnode::worker
