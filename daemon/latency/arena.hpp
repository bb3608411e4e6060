#pragma once
// Memory for a measuring thread: its own mapping, touched before it is needed, never shared with a forked child.

#include "state/error.hpp"

#include <sys/mman.h>

#include <cerrno>
#include <cstddef>
#include <cstring>
#include <new>
#include <type_traits>
#include <utility>

namespace rtnode::latency {

/// Zeroed, cache-line aligned memory that is handed out from front to back and freed at once.
/// MADV_DONTFORK: after a fork() the parent's pages would be copy-on-write, and the next write in a measuring loop a
/// page fault. Only trivially destructible objects may live here.
class Arena {
  public:
    explicit Arena(std::size_t size) : size_(rounded(size, 4096)) {
        void* start = ::mmap(nullptr, size_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (start == MAP_FAILED)
            throw fail(Reason::Internal, "no memory for a histogram of {} bytes: {}; ask for fewer columns or CPUs",
                       size_, std::strerror(errno));
        start_ = static_cast<std::byte*>(start);
        ::madvise(start_, size_, MADV_DONTFORK);
        // A huge page that khugepaged puts in place of small ones is a fault in mid-run.
        ::madvise(start_, size_, MADV_NOHUGEPAGE);
    }
    ~Arena() {
        if (start_ != nullptr) ::munmap(start_, size_);
    }
    Arena(Arena&& other) noexcept
        : start_(std::exchange(other.start_, nullptr)), size_(other.size_), used_(other.used_) {}
    Arena(const Arena&) = delete;
    Arena& operator=(const Arena&) = delete;
    Arena& operator=(Arena&&) = delete;

    /// Bytes that `count` objects take here.
    template <typename T>
    static constexpr std::size_t need(std::size_t count) {
        return rounded(count * sizeof(T), line);
    }

    template <typename T>
    T* make(std::size_t count = 1) {
        static_assert(std::is_trivially_destructible_v<T> && alignof(T) <= line);
        if (used_ + need<T>(count) > size_)
            throw fail(Reason::Internal, "the histogram's memory was measured too small");
        auto* at = start_ + std::exchange(used_, used_ + need<T>(count));
        // mmap() begins the lifetime of trivial objects; writing to them here would decide their NUMA node.
        if constexpr (std::is_trivially_default_constructible_v<T>) return reinterpret_cast<T*>(at);
        return new (at) T[count]{};
    }

    /// Makes every page resident, on the NUMA node of the CPU that calls, by writing what is there already.
    void prefault() noexcept {
        for (std::size_t at = 0; at < size_; at += 4096) {
            volatile std::byte* byte = start_ + at;
            *byte = *byte;
        }
    }

  private:
    static constexpr std::size_t line = 64;
    static constexpr std::size_t rounded(std::size_t size, std::size_t to) { return (size + to - 1) / to * to; }

    std::byte* start_ = nullptr;
    std::size_t size_ = 0, used_ = 0;
};

} // namespace rtnode::latency
