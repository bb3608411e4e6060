#include "latency/housekeeping.hpp"

#include "latency/measurement.hpp"
#include "state/error.hpp"

#include <sched.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <iterator>
#include <memory>
#include <mutex>
#include <set>

namespace rtnode::latency {
namespace {

constexpr unsigned most_cpus = 8192;

struct FreeCpuSet {
    void operator()(cpu_set_t* set) const { CPU_FREE(set); }
};
using CpuSet = std::unique_ptr<cpu_set_t, FreeCpuSet>;
const std::size_t set_size = CPU_ALLOC_SIZE(most_cpus);

struct Registry {
    std::mutex mutex; // between threads that start and end measurements; measuring threads never come here
    std::set<Claim*> claims;
    std::optional<pid_t> thread;
    CpuList allowed; // the thread's own affinity, to be restored
};

CpuList cpus_of(const std::set<Claim*>& claims, bool only_sleepless = false) {
    CpuList cpus;
    for (const auto* claim : claims)
        if (claim->sleepless() || !only_sleepless) cpus = cpus_in_either(cpus, claim->cpus());
    return cpus;
}

Registry& registry() {
    static Registry instance;
    return instance;
}

} // namespace

Housekeeping housekeeping_cpus(const CpuList& allowed, const CpuList& measured) {
    Housekeeping housekeeping{.cpus = cpus_without(allowed, measured)};
    if (housekeeping.cpus.empty() && !allowed.empty()) {
        housekeeping.cpus = {allowed.front()};
        housekeeping.shared = true;
    }
    return housekeeping;
}

CpuList affinity_of(pid_t thread) {
    const CpuSet set{CPU_ALLOC(most_cpus)};
    CPU_ZERO_S(set_size, set.get());
    if (::sched_getaffinity(thread, set_size, set.get()) != 0)
        throw fail(Reason::Internal, "cannot read the affinity of thread {}: {}", thread, std::strerror(errno));
    CpuList cpus;
    for (unsigned cpu = 0; cpu < most_cpus; ++cpu)
        if (CPU_ISSET_S(cpu, set_size, set.get())) cpus.push_back(cpu);
    return cpus;
}

void set_affinity(pid_t thread, const CpuList& cpus) {
    const CpuSet set{CPU_ALLOC(most_cpus)};
    CPU_ZERO_S(set_size, set.get());
    for (const auto cpu : cpus)
        CPU_SET_S(cpu, set_size, set.get());
    if (::sched_setaffinity(thread, set_size, set.get()) != 0)
        throw fail(Reason::CpuUnavailable,
                   "cannot move thread {} to CPU {}: {}; they are offline or outside the cpuset of this process",
                   thread, format_cpu_list(cpus), std::strerror(errno));
}

Claim::Claim(const CpuList& cpus, std::optional<pid_t> housekeeping_thread, const CpuList& leave_one_of)
    : cpus_(cpus), sleepless_(!leave_one_of.empty()) {
    auto& r = registry();
    const std::lock_guard lock(r.mutex);
    const auto claimed = cpus_of(r.claims);
    if (const auto busy = cpus_in_both(cpus, claimed); !busy.empty())
        throw fail(Reason::CpuBusy,
                   "CPU {} is being measured already; wait for that measurement, stop it, or choose "
                   "other CPUs",
                   format_cpu_list(busy));
    if (sleepless_ && cpus_without(cpus_without(leave_one_of, cpus_of(r.claims, true)), cpus).empty())
        throw fail(Reason::CpuUnavailable,
                   "with the other busy loops that run now, one on CPU {} would leave no CPU to the node; wait for "
                   "those, stop them, or leave out a CPU",
                   format_cpu_list(cpus));

    const bool first = !r.thread && housekeeping_thread;
    if (first) r.allowed = affinity_of(*housekeeping_thread);
    const auto thread = first ? housekeeping_thread : r.thread;
    Housekeeping housekeeping;
    if (thread) {
        housekeeping = housekeeping_cpus(r.allowed, cpus_in_either(claimed, cpus));
        set_affinity(*thread, housekeeping.cpus);
    }
    r.thread = thread;
    r.claims.insert(this);
    for (auto* claim : r.claims)
        if (housekeeping.shared && !cpus_in_both(claim->cpus_, housekeeping.cpus).empty()) claim->shared_ = true;
}

Claim::~Claim() {
    auto& r = registry();
    const std::lock_guard lock(r.mutex);
    r.claims.erase(this);
    if (!r.thread) return;
    const auto cpus = r.claims.empty() ? r.allowed : housekeeping_cpus(r.allowed, cpus_of(r.claims)).cpus;
    try {
        set_affinity(*r.thread, cpus);
    } catch (const Error&) {
        // Its CPUs went away meanwhile (unplugged, cpuset rewritten); the kernel has then chosen others by itself.
    }
    if (r.claims.empty()) r.thread.reset();
}

CpuList measured_cpus() {
    auto& r = registry();
    const std::lock_guard lock(r.mutex);
    return cpus_of(r.claims);
}

} // namespace rtnode::latency
