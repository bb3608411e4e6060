#pragma once
// What is done beside a run, about once a second and off the measured CPUs: its time series, the spikes and what was
// going on around them, and whether the threads still are where they were put.

#include "latency/machine/tracer.hpp"
#include "latency/machine/witness.hpp"
#include "latency/thread.hpp"

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace rtnode::latency {

/// At most so many windows are kept of a run; longer runs have longer ones.
inline constexpr std::int64_t max_windows = 600;

class Observer {
  public:
    using Threads = std::vector<std::unique_ptr<MeasuringThread>>;

    /// @param options, threads must outlive this
    /// @param activity what the daemon itself was doing, for people; "" = nothing
    /// @throws Error{InvalidArgument} when the options want a trace and there can be none. Mode hardware tries to
    ///         have one also when they don't, and else can't tell what the kernel did from what the hardware did.
    Observer(const Options& options, const Threads& threads, std::function<std::string()> activity,
             const std::string& trace_root = "/");

    /// The run begins. @param first_ns the first deadline, CLOCK_MONOTONIC
    void begin(std::int64_t first_ns);

    /// Once a second or so. @returns the spikes since the last look that are among the worst so far, with hints
    std::vector<Spike> look(std::int64_t now_ns);
    /// After the threads were joined: gathers the last spikes, closes the windows, and sums up.
    void finish(std::int64_t now_ns);

    /// Whether a CPU was taken away for good, so that measuring on makes no sense.
    bool lost() const { return lost_; }
    /// In mode hardware, where only a look can tell: the CPU whose latency was the first above Options::break_us.
    std::optional<unsigned> broken() const { return broken_; }
    /// Of the CPU at a place in Options::cpus.
    const std::vector<Window>& windows(std::size_t place) const { return seen_[place].windows; }
    const std::vector<Spike>& spikes() const { return spikes_; }
    /// Whether the affinity of that CPU's thread was taken away at least once.
    bool moved(std::size_t place) const { return seen_[place].moved; }
    const Witness& witness() const { return witness_; }
    /// Reasons not to trust the run: what was done to the threads in the middle of it.
    const std::vector<std::string>& taints() const { return taints_; }
    /// After finish(): in mode hardware what of the gaps the kernel made; by what was traced; and what hints could not
    /// be had, and what would make them.
    std::vector<std::string> notes() const;

  private:
    struct Seen {
        std::vector<std::uint64_t> counts; ///< at the end of the last window, by LogLinear buckets
        std::uint64_t missed = 0;
        std::vector<std::uint64_t> counts_before; ///< the same at the end of the window before that
        std::uint64_t missed_before = 0;
        std::uint64_t spikes = 0;  ///< number of the next one that the recorder has
        std::int64_t least_ns = 0; ///< of the spikes that are kept, once there are max_spikes
        std::vector<Window> windows;
        bool moved = false;
        // Of the gaps of mode hardware:
        std::uint64_t of_kernel = 0; ///< left out
        std::uint64_t doubtful = 0;  ///< counted, since nothing tells whose they are
        std::int64_t longest_of_kernel_ns = 0;
        std::string longest_of_kernel; ///< what made that one
    };

    void close_window(std::int64_t now_ns);
    /// At the end of a run: a rest that is too short for a window of its own belongs to the last one.
    void reopen_window();
    void check_affinity(std::int64_t now_ns);
    void check_exclusive(std::int64_t now_ns);
    std::vector<Spike> new_spikes(std::int64_t now_ns);
    /// Adds them to those that are kept and drops what is too many of a CPU, the least first.
    void keep(const std::vector<Spike>& found);
    /// Of one CPU's records, and what the trace says of each.
    std::vector<Spike> recorded_spikes(std::size_t place);
    /// Mode hardware: tells what the kernel did from what it didn't, and returns the latter.
    std::vector<Spike> judged_gaps(std::size_t place);
    void sum_up_gaps();
    std::int64_t tolerance() const { return window_ns_ / 10; } ///< of the length of a window

    const Options& options_;
    const Threads& threads_;
    std::int64_t window_ns_, started_ns_ = 0, window_start_ns_ = 0, window_start_before_ns_ = 0, last_look_ns_ = 0;
    std::function<std::string()> activity_;
    Witness witness_;
    std::optional<Tracer> tracer_;
    std::string untraced_; ///< mode hardware: why there is no tracer
    std::vector<Seen> seen_;
    std::vector<Spike> spikes_;
    std::vector<std::string> taints_, notes_;
    std::string doubt_; ///< why kubelet's CPUs aren't known any more
    std::optional<unsigned> broken_;
    bool lost_ = false;
};

} // namespace rtnode::latency
