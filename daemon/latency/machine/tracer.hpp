#pragma once
// A trace of our own beside a measurement: an instance of tracefs, so that nobody else's tracing is touched, of who has
// the measured CPUs. It costs those CPUs some microseconds a wake-up, so it runs only when asked for.
//
// By what, is decided by what it costs (bench/latency/icount --tracers: ns until the measuring thread reads the clock,
// on the RT kernel 6.1.192, an instruction being 2 ns):
//
//                                  p50     avg     p99     max   p50 by that of no trace
//     no trace                    7046    7462    8869    9087
//     osnoise, sched_switch      11610   12038   13434   13881   1.65
//     timerlat, sched_switch     11508   11938   13377   13822   1.63
//     single events              11734   12162   13969   14005   1.67
//
// osnoise costs a little less than single events and times interrupts to the nanosecond, so it is used where it can be
// had. timerlat would cost as little, but now and then its thread of SCHED_FIFO 95 wakes just when ours is to: in a run
// of ten minutes some wake-ups are late by that, and the maximum is its. So it is used only when it is asked for.

#include "latency/machine/culprit.hpp"
#include "latency/options.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace rtnode::latency {

class Tracer {
  public:
    /// Makes the instance and starts it. @throws Error{InvalidArgument} when the kernel has no tracefs, or lacks the
    /// events or the tracer that was asked for, or somebody else runs that, or a security module forbids it (lockdown
    /// does)
    Tracer(const CpuList& cpus, TraceBy by, const std::string& root = "/");

    /// By what it traces, and if that isn't the kernel's tracer why, for people.
    const std::string& how() const { return how_; }

    /// What had the CPU in each of these times, as culprits(). Reading takes the events out of the kernel's buffer; the
    /// last second of them is kept for the next call. What is older than the buffer holds (some seconds at a thousand
    /// wake-ups a second) is lost, and said to be.
    struct Time {
        std::int64_t deadline_ns = 0, woke_ns = 0;
    };
    std::vector<std::vector<std::string>> who(unsigned cpu, int self, const std::vector<Time>& times);

    /// Removes instances that a killed daemon left, with their buffers, and sets what was set for them back. Harmless
    /// when there are none.
    static void clean(const std::string& root = "/") noexcept;

  private:
    /// The events that this CPU has had since the last call, behind those that were kept.
    const std::vector<TraceEvent>& read(unsigned cpu);

    /// A folder below tracefs' instances. When it goes, what NoiseTracer set for it is set back.
    class Instance {
      public:
        Instance(std::string tracing, std::string name);
        ~Instance();
        Instance(const Instance&) = delete;
        Instance& operator=(const Instance&) = delete;
        const std::string& path() const { return path_; }

      private:
        const std::string tracing_, name_, path_;
    };

    /// Makes an instance in which one of the kernel's tracers runs. @returns why that can't be; "" = it runs
    std::string run(const std::string& tracer, const CpuList& cpus, const std::string& name);
    /// Makes an instance for these CPUs, which records nothing yet. @throws Error{InvalidArgument}, as what follows
    void set_up(const CpuList& cpus, const std::string& name);
    void set(const std::string& file, std::string_view text);
    /// @returns whether the kernel has that event
    bool enable(std::string_view event);
    void require(std::string_view event);

    std::string tracing_, how_;
    std::optional<Instance> instance_;
    std::map<unsigned, std::vector<TraceEvent>> recent_;
};

} // namespace rtnode::latency
