#include "latency/allocations.hpp"

#include <cstdlib>
#include <new>

namespace {

// Of its own, so that counting needs neither lock nor barrier. Constant-initialized: there is no first use to guard.
constinit thread_local std::uint64_t allocations = 0;

} // namespace

namespace rtnode::latency {

std::uint64_t allocations_of_this_thread() noexcept {
    return allocations;
}

} // namespace rtnode::latency

#ifndef __SANITIZE_ADDRESS__

// The others (arrays, nothrow) end in these by the standard library's own definitions ([new.delete]).
void* operator new(std::size_t size) {
    ++allocations;
    if (void* memory = std::malloc(size == 0 ? 1 : size)) return memory;
    throw std::bad_alloc();
}

void operator delete(void* memory) noexcept {
    std::free(memory);
}

void operator delete(void* memory, std::size_t) noexcept {
    std::free(memory);
}

void* operator new(std::size_t size, std::align_val_t alignment) {
    ++allocations;
    const auto align = static_cast<std::size_t>(alignment);
    if (void* memory = std::aligned_alloc(align, (size + align - 1) / align * align)) return memory;
    throw std::bad_alloc();
}

void operator delete(void* memory, std::align_val_t) noexcept {
    std::free(memory);
}

void operator delete(void* memory, std::size_t, std::align_val_t) noexcept {
    std::free(memory);
}

#endif
