#pragma once
// A disk for one test: a file system of its own in a loop-mounted image, so that a test can fill it, freeze it
// (libostree does so with /boot) or choose its kind without the host noticing. Mounted in a mount namespace of the test
// program.

#include <cstdint>
#include <filesystem>
#include <string>

namespace rtnode::tests {

class Disk {
  public:
    /// @param kind of mkfs: "ext4", "vfat"
    explicit Disk(std::uint64_t bytes, const std::string& kind = "ext4");
    ~Disk();
    Disk(const Disk&) = delete;
    Disk& operator=(const Disk&) = delete;

    std::filesystem::path folder; ///< where it is mounted
    std::uint64_t free_bytes() const;

    /// Leaves about this much free space, root's reserve included; 0 fills it to the last block.
    void fill(std::uint64_t leave_bytes);
    void empty(); ///< takes back fill()

  private:
    std::filesystem::path home_;
};

} // namespace rtnode::tests
