#pragma once
// Which CPUs this process measures now, and where its other threads go meanwhile.

#include "latency/options.hpp"

#include <sys/types.h>

#include <atomic>
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
    /// @param leave_one_of for a loop that never sleeps: with all others of that kind it must leave one of these; empty
    ///        for a loop that sleeps
    /// @throws Error{CpuBusy} when another claim of this process holds one of the CPUs, Error{CpuUnavailable} when none
    ///         would be left
    Claim(const CpuList& cpus, std::optional<pid_t> housekeeping_thread, const CpuList& leave_one_of = {});
    ~Claim();
    Claim(const Claim&) = delete;
    Claim& operator=(const Claim&) = delete;

    const CpuList& cpus() const { return cpus_; }
    bool sleepless() const { return sleepless_; }
    /// Whether the housekeeping thread had to share a CPU of this claim at any time.
    bool shared() const { return shared_; }

  private:
    CpuList cpus_;
    bool sleepless_;
    std::atomic<bool> shared_{false};
};

} // namespace rtnode::latency
