#pragma once
// A file that grows in the cache without a name and gets its name only when it is whole and checked, so that a killed
// worker leaves nothing behind that looks like a package.

#include "fetch/digest.hpp"
#include "state/unique_fd.hpp"

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>

namespace rtnode::fetch {

class CacheFile {
  public:
    /// In `folder`, which is created (0700) when missing. Besides SHA-256 a digest of `extra_type` is computed
    /// (empty = none). @throws Error{NoSpace, DownloadFailed}
    explicit CacheFile(const std::filesystem::path& folder, const std::string& extra_type = {});
    ~CacheFile();
    CacheFile(const CacheFile&) = delete;
    CacheFile& operator=(const CacheFile&) = delete;

    /// @throws Error{NoSpace} on ENOSPC or EDQUOT, Error{DownloadFailed} on other errors
    void write(std::span<const char> bytes);
    void restart(); ///< drops what was written, for another attempt

    std::uint64_t size() const { return size_; }

    /// Ends the digests. May be called once after the last write().
    void finish();
    const std::string& sha256() const { return sha256_; }     ///< after finish()
    const std::string& digest(const std::string& type) const; ///< "sha256" or the extra type, after finish()

    /// Gives the file its name, replacing an older one atomically; on disk before the name is.
    void publish(const std::filesystem::path& target);

  private:
    std::filesystem::path folder_, temporary_; ///< temporary_ is empty with O_TMPFILE
    std::string extra_type_;
    UniqueFd file_;
    std::optional<Digest> sha256_state_, extra_state_;
    std::string sha256_, extra_;
    std::uint64_t size_ = 0;
};

} // namespace rtnode::fetch
