#pragma once
// The process's memory, kept resident while anything is measured.

#include <string>

namespace rtnode::latency {

/// Locks at the first of several that live at once, unlocks with the last. What exists is made resident and locked;
/// what is mapped later is locked page by page as it is used (MCL_ONFAULT), so that a thread's 8 MiB of stack or
/// malloc's 64 MiB reserve don't become resident.
class MemoryLock {
  public:
    MemoryLock();
    ~MemoryLock();
    MemoryLock(const MemoryLock&) = delete;
    MemoryLock& operator=(const MemoryLock&) = delete;

    bool held() const { return why_not_.empty(); }
    /// Why the memory is not locked and what to change; "" when it is.
    const std::string& why_not() const { return why_not_; }

  private:
    std::string why_not_;
};

} // namespace rtnode::latency
