#include "latency/memory_lock.hpp"

#include "latency/permission.hpp"

#include <fmt/format.h>
#include <malloc.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include <cerrno>
#include <cstring>
#include <mutex>

namespace rtnode::latency {
namespace {

std::mutex mutex; // between threads that start and end measurements; measuring threads never come here
unsigned holders = 0;
std::string failure;

std::string lock() {
    // One arena for malloc: others would each reserve 64 MiB that counts as locked.
    ::mallopt(M_ARENA_MAX, 1);
    if (::mlockall(MCL_CURRENT) != 0)
        return fmt::format("memory is not locked ({}): a page fault may count as latency; give the daemon's unit "
                           "LimitMEMLOCK=infinity or AmbientCapabilities=CAP_IPC_LOCK",
                           std::strerror(errno));
    // With a finite limit, locking the future would make malloc fail once the limit is reached, far from here.
    rlimit limit{};
    const bool unlimited = ::getrlimit(RLIMIT_MEMLOCK, &limit) == 0 && limit.rlim_cur == RLIM_INFINITY;
    if ((unlimited || Permissions::read().ipc_lock) && ::mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT) != 0)
        return fmt::format("memory that is mapped from now on is not locked: {}", std::strerror(errno));
    return {};
}

} // namespace

MemoryLock::MemoryLock() {
    const std::lock_guard guard(mutex);
    if (holders++ == 0) failure = lock();
    why_not_ = failure;
}

MemoryLock::~MemoryLock() {
    const std::lock_guard guard(mutex);
    if (--holders == 0) ::munlockall();
}

} // namespace rtnode::latency
