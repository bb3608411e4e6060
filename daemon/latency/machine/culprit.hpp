#pragma once
// Who had the CPU while a wake-up was late, from the kernel's own trace of it.

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace rtnode::latency {

/// x86's interrupts that no device has, as tracefs' folder events/irq_vectors names them and as osnoise does
/// (arch/x86/kernel/trace.c). Not every kernel has all.
inline constexpr std::array<std::string_view, 11> interrupt_vectors{
    "local_timer",    "reschedule",          "call_function", "call_function_single", "irq_work",        "thermal_apic",
    "threshold_apic", "deferred_error_apic", "error_apic",    "spurious_apic",        "x86_platform_ipi"};

/// What a CPU did from a moment on, or stopped doing.
struct TraceEvent {
    enum class Kind {
        Switch, ///< `name` runs now instead of `before`
        Enter,  ///< an interrupt or softirq begins, on top of what ran
        Leave,  ///< it ends
        Took, ///< what has just ended took `length_ns`, without what came on top of it: an NMI, or osnoise's interrupt
        Lost, ///< the trace lacks what was between the event before and the one after; without a time
    };
    Kind kind = Kind::Switch;
    std::int64_t at_ns = 0; ///< CLOCK_MONOTONIC, in whole microseconds: the trace is no finer
    std::string name; ///< for people: "interrupt 36 (virtio1-req.0)", "softirq NET_RX", "thread bash:31485 (nice 0)"
    std::string before;
    std::int64_t length_ns = 0;

    bool operator==(const TraceEvent&) const = default;
};

/// One line of a `trace` file of tracefs with `trace_clock` mono (Documentation/trace/ftrace.rst), of the events
/// sched_switch, irq_handler_*, softirq_*, nmi_handler, irq_vectors' *_entry and *_exit, and osnoise's irq_noise and
/// nmi_noise (Documentation/trace/osnoise-tracer.rst), or one that says how many events are lost. Nothing for other
/// lines.
std::optional<TraceEvent> parse_trace_line(std::string_view line);

/// What had the CPU between a deadline and the wake-up, the longest first, each with its share in microseconds (with a
/// decimal where the kernel measured it to the nanosecond and it is short); and how late the timer's interrupt was.
/// Where the measuring thread had the CPU at the "deadline" already, so that this is a gap between two readings of the
/// clock, the longest time on end that nothing had it has a share, too: see unseen_ns().
/// @param events of that CPU, in order, from before the deadline if possible
/// @param self thread id of the measuring thread
std::vector<std::string> culprits(const std::vector<TraceEvent>& events, std::int64_t deadline_ns, std::int64_t woke_ns,
                                  int self);

/// For how much of a gap, on end, nothing of the kernel had the CPU, by the words that culprits() has for it. Exact
/// where nothing had it at all, else to about two microseconds, since the trace tells whole ones. Nothing when the
/// words don't say: the trace lacks that time.
std::optional<std::int64_t> unseen_ns(const std::vector<std::string>& words, std::int64_t gap_ns);

} // namespace rtnode::latency
