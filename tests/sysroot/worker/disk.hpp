#pragma once
// A disk for one test: a file system of its own in a loop-mounted image, so that a test can fill it, freeze it
// (libostree does so with /boot) without the host noticing. ext4, as on nodes. Mounted in a mount namespace of the test
// program.

#include <cstdint>
#include <filesystem>

namespace rtnode::tests {

class Disk {
  public:
    explicit Disk(std::uint64_t bytes = std::uint64_t{2} << 30);
    ~Disk();
    Disk(const Disk&) = delete;
    Disk& operator=(const Disk&) = delete;

    std::filesystem::path folder; ///< where it is mounted
    std::filesystem::path image;  ///< what would be left of it without power, its own journal not replayed
    std::uint64_t free_bytes() const;

    /// Leaves about this much free space, root's reserve included; 0 fills it to the last block.
    void fill(std::uint64_t leave_bytes);
    void empty(); ///< takes back fill()

  private:
    std::filesystem::path home_;
};

} // namespace rtnode::tests
