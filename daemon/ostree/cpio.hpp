#pragma once
// Writes an RPM's payload: a compressed cpio archive of the "newc" form (cpio(5)). Private to daemon/ostree.

#include "ostree/handles.hpp"

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

struct archive;

namespace rtnode::ostree {

class CpioWriter {
  public:
    /// @param file the archive is appended to it
    /// @param compressor gzip, bzip2, xz, lzma or zstd. @throws Error{ForeignLayering} for another one
    CpioWriter(const std::filesystem::path& file, const std::string& compressor);
    ~CpioWriter();
    CpioWriter(const CpioWriter&) = delete;
    CpioWriter& operator=(const CpioWriter&) = delete;

    /// @param mode with type bits  @param links how many names the inode has
    void add(const std::string& path, std::uint32_t mode, std::uint64_t inode, std::uint32_t links,
             const std::string& content);
    void finish(); ///< @throws Error{NoSpace, CommitFailed}

  private:
    struct Free {
        void operator()(struct archive* archive) const;
    };
    void check(long result) const;
    void write(const std::string& bytes);

    std::filesystem::path file_;
    int descriptor_ = -1;
    std::unique_ptr<struct archive, Free> archive_;
    std::uint64_t written_ = 0;
};

} // namespace rtnode::ostree
