#pragma once
// How often a thread asked for memory: the measuring loop must not, and a result says that it didn't.

#include <cstdint>

namespace rtnode::latency {

/// Calls of operator new by the calling thread since it began. Programs that use this have operators of their own,
/// which count; under AddressSanitizer, which has those itself, it is always 0.
std::uint64_t allocations_of_this_thread() noexcept;

} // namespace rtnode::latency
