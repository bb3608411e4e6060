#pragma once
// A file that grows in the cache without a name and gets its name only when it is whole and checked, so that a killed
// worker leaves nothing behind that looks like a package.

#include "state/digest.hpp"
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
    /// (empty = none). With `part` (a name without '/') the file has the name `.partial-PART` until it is published,
    /// and what was written stays there when this object goes, for another one to go on with: from some size on, and
    /// unless another process has it open. @throws Error{NoSpace, DownloadFailed}
    explicit CacheFile(const std::filesystem::path& folder, const std::string& extra_type = {},
                       const std::string& part = {});
    ~CacheFile();
    CacheFile(const CacheFile&) = delete;
    CacheFile& operator=(const CacheFile&) = delete;

    /// @throws Error{NoSpace} on ENOSPC or EDQUOT, Error{DownloadFailed} on other errors
    void write(std::span<const char> bytes);
    void restart(); ///< drops what was written, for another attempt

    std::uint64_t size() const { return size_; } ///< at first that of the part that was there already

    /// A few words about what the part is of. With an empty one the part doesn't stay.
    void set_note(const std::string& note);
    const std::string& note() const { return note_; } ///< at first the one of the part that was there already

    /// Ends the digests. May be called once after the last write().
    void finish();
    const std::string& sha256() const { return sha256_; }     ///< after finish()
    const std::string& digest(const std::string& type) const; ///< "sha256" or the extra type, after finish()

    /// Gives the file its name, replacing an older one atomically; on disk before the name is.
    void publish(const std::filesystem::path& target);

  private:
    bool open_part(const std::string& part);
    void take_up();
    std::filesystem::path note_file() const { return temporary_.string() + ".from"; }

    std::filesystem::path folder_, temporary_; ///< temporary_ is empty with O_TMPFILE
    bool is_part_ = false;
    std::string note_;
    std::string extra_type_;
    UniqueFd file_;
    std::optional<Digest> sha256_state_, extra_state_;
    std::string sha256_, extra_;
    std::uint64_t size_ = 0;
};

} // namespace rtnode::fetch
