#pragma once
// A trace of our own beside a measurement: an instance of tracefs, so that nobody else's tracing is touched, of who has
// the measured CPUs. It costs those CPUs about a microsecond a wake-up, so it runs only when asked for.

#include "latency/machine/culprit.hpp"
#include "latency/options.hpp"

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace rtnode::latency {

class Tracer {
  public:
    /// Makes the instance and starts it. @throws Error{InvalidArgument} when the kernel has no tracefs, or lacks the
    /// events, or a security module forbids it (lockdown does)
    explicit Tracer(const CpuList& cpus, const std::string& root = "/");
    /// Removes it.
    ~Tracer();
    Tracer(const Tracer&) = delete;
    Tracer& operator=(const Tracer&) = delete;

    /// What had the CPU in each of these times, as culprits(). Reading takes the events out of the kernel's buffer; the
    /// last second of them is kept for the next call. What is older than the buffer holds (some seconds at a thousand
    /// wake-ups a second) is lost, and said to be.
    struct Time {
        std::int64_t deadline_ns = 0, woke_ns = 0;
    };
    std::vector<std::vector<std::string>> who(unsigned cpu, int self, const std::vector<Time>& times);

    /// Removes instances that a killed daemon left, with their buffers. Harmless when there are none.
    static void clean(const std::string& root = "/") noexcept;

  private:
    /// The events that this CPU has had since the last call, behind those that were kept.
    const std::vector<TraceEvent>& read(unsigned cpu);

    std::string instance_;
    std::map<unsigned, std::vector<TraceEvent>> recent_;
};

} // namespace rtnode::latency
