#pragma once
// Who had the CPU while a wake-up was late, from the kernel's own trace of it.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace rtnode::latency {

/// What a CPU did from a moment on, or stopped doing.
struct TraceEvent {
    enum class Kind {
        Switch, ///< `name` runs now instead of `before`
        Enter,  ///< an interrupt or softirq begins, on top of what ran
        Leave,  ///< it ends
        Nmi,    ///< one has just ended, which took `length_ns`
        Lost,   ///< the trace lacks what was between the event before and the one after; without a time
    };
    Kind kind = Kind::Switch;
    std::int64_t at_ns = 0; ///< CLOCK_MONOTONIC, in whole microseconds: the trace is no finer
    std::string name; ///< for people: "interrupt 36 (virtio1-req.0)", "softirq NET_RX", "thread bash:31485 (nice 0)"
    std::string before;
    std::int64_t length_ns = 0;

    bool operator==(const TraceEvent&) const = default;
};

/// One line of a `trace` file of tracefs with `trace_clock` mono (Documentation/trace/ftrace.rst), of the events
/// sched_switch, irq_handler_*, softirq_*, nmi_handler and irq_vectors' *_entry and *_exit, or one that says how many
/// events are lost. Nothing for other lines.
std::optional<TraceEvent> parse_trace_line(std::string_view line);

/// What had the CPU between a deadline and the wake-up, the longest first, each with its share in microseconds; and how
/// late the timer's interrupt was. Where the measuring thread had the CPU at the "deadline" already, so that this is a
/// gap between two readings of the clock, the longest time on end that nothing had it has a share, too: see
/// unseen_ns().
/// @param events of that CPU, in order, from before the deadline if possible
/// @param self thread id of the measuring thread
std::vector<std::string> culprits(const std::vector<TraceEvent>& events, std::int64_t deadline_ns, std::int64_t woke_ns,
                                  int self);

/// For how much of a gap, on end, nothing of the kernel had the CPU, by the words that culprits() has for it. Exact
/// where nothing had it at all, else to about two microseconds, since the trace tells whole ones. Nothing when the
/// words don't say: the trace lacks that time.
std::optional<std::int64_t> unseen_ns(const std::vector<std::string>& words, std::int64_t gap_ns);

} // namespace rtnode::latency
