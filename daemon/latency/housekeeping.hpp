#pragma once
// Which CPUs this process measures now, and where its other threads go meanwhile.

#include "latency/options.hpp"

#include <sys/types.h>

#include <optional>

namespace rtnode::latency {

/// Where a thread that isn't measured may run.
struct Housekeeping {
    CpuList cpus;
    bool shared = false; ///< every allowed CPU is measured, so it disturbs one of them: the lowest
};

/// `allowed` without `measured`; when nothing is left, the lowest allowed.
Housekeeping housekeeping_cpus(const CpuList& allowed, const CpuList& measured);

/// The CPUs that a thread may run on. @throws Error{Internal} when there is no such thread
CpuList affinity_of(pid_t thread);

/// @throws Error{CpuUnavailable} when none of `cpus` can be used (offline, outside the cpuset)
void set_affinity(pid_t thread, const CpuList& cpus);

/// CPUs taken for one measurement, until destroyed. While any claim of the process exists, the thread that the first
/// one named stays off all claimed CPUs; after the last its affinity is as before. Not for measuring threads.
class Claim {
  public:
    /// @throws Error{CpuBusy} when another claim of this process holds one of the CPUs
    Claim(const CpuList& cpus, std::optional<pid_t> housekeeping_thread);
    ~Claim();
    Claim(const Claim&) = delete;
    Claim& operator=(const Claim&) = delete;

    /// Whether the housekeeping thread has to share a measured CPU.
    bool shared() const { return shared_; }

  private:
    CpuList cpus_;
    bool shared_ = false;
};

} // namespace rtnode::latency
