#pragma once
// The thread that measures one CPU: how it is made, what it says of itself, and its main function.

#include "latency/loop.hpp"
#include "latency/machine/trace_mark.hpp"
#include "latency/options.hpp"

#include <pthread.h>
#include <semaphore.h>
#include <sys/resource.h>

#include <array>
#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <vector>

namespace rtnode::latency {

/// What all threads of a measurement share. In its own memory, since the loops read it at every turn.
struct Control {
    explicit Control(unsigned threads);
    ~Control();
    Control(const Control&) = delete;
    Control& operator=(const Control&) = delete;

    /// Wakes the owner's event loop, from a measuring thread that was the last to end.
    void ended() noexcept;

    struct Flags {
        std::atomic<bool> stop{false};
        std::atomic<bool> abandon{false};      ///< end before the loop
        std::atomic<unsigned> running{0};      ///< threads that haven't left their loop
        std::atomic<int> end_cpu{-1};          ///< the first to end the run for all
        std::atomic<End> end{End::Duration};   ///< why; valid once end_cpu is set
        std::atomic<std::int64_t> ended_at{0}; ///< CLOCK_MONOTONIC, ns
    };

  private:
    Arena arena_;

  public:
    Flags& flags;
    sem_t ready, go;
    int finished_fd;
    std::optional<TraceMark> trace; ///< to be marked by the thread that breaks
};

/// What the kernel says of a thread's scheduling.
struct ReadBack {
    int policy = -1, priority = -1, cpu = -1;
    std::array<unsigned long, 8192 / (8 * sizeof(unsigned long))> affinity{};

    /// Of the calling thread; allocates nothing.
    void read() noexcept;
    CpuList cpus() const;
};

class MeasuringThread {
  public:
    /// Creates the thread with policy, priority and affinity set before its first instruction. It prepares itself,
    /// posts Control::ready, and waits for Control::go. The object must not move from now on.
    /// @throws Error{RealTimeDenied, CpuUnavailable, Internal}
    MeasuringThread(unsigned cpu, const Options& options, Control& control);
    ~MeasuringThread();
    MeasuringThread(const MeasuringThread&) = delete;
    MeasuringThread& operator=(const MeasuringThread&) = delete;

    /// After Control::ready: that the thread got what was asked for. @throws Error{RealTimeDenied, CpuUnavailable}
    void verify() const;
    /// Before Control::go is posted. The interval and the number of deadlines are the options' first CPU's unless
    /// given.
    void set_first_deadline(std::int64_t ns) { first_deadline_ = ns; }
    void set_pace(std::int64_t first_ns, std::int64_t interval_ns, std::uint64_t deadlines) {
        first_deadline_ = first_ns, interval_ = interval_ns, deadlines_ = deadlines;
    }
    /// For the thread that looks on, in mode hardware only: the gaps since the last call that may be the hardware's, to
    /// be looked at; and those of them that count are told to the measuring thread, which records them.
    std::vector<Gap> take_suspects();
    void count_gap(const Gap& judged) noexcept;
    /// Gaps that were not looked at or not recorded, since too many came at once.
    std::uint64_t lost_gaps() const noexcept { return gaps_ ? gaps_->suspects.lost() + gaps_->judged.lost() : 0; }
    /// After join(): records the gaps that it was told of last.
    void settle() noexcept;

    void join() noexcept;
    /// Lets the thread run anywhere, so that it ends even where something of higher priority has its CPU.
    void unpin(const CpuList& cpus) noexcept;

    unsigned cpu() const { return cpu_; }
    int id() const { return id_; }
    /// At any time after Control::ready; touches nothing of the kernel's. The page faults are of the last
    /// count_faults() while it runs.
    CpuStatistics statistics() const;
    /// For the thread that looks on, once a second or so and no oftener: the kernel's record of the thread travels to
    /// the reader's CPU, and the next wake-up waits until it is back (1 kHz of that moved p50 by a fifth).
    void count_faults();
    const Recorder& recorder() const { return recorder_; }
    bool ended() const { return ended_.load(std::memory_order_acquire); }
    /// Whole after the end; before it without the audit.
    CpuResult result() const;

  private:
    static void* main(void* self) noexcept;
    void run() noexcept;
    End measure(MonotonicClock& clock) noexcept;

    const unsigned cpu_;
    const Options& options_;
    Control& control_;
    Recorder recorder_;
    const std::unique_ptr<Gaps> gaps_; ///< null but in mode hardware
    pthread_t handle_{};
    bool joined_ = false;
    int id_ = 0;
    std::int64_t first_deadline_ = 0, interval_;
    std::uint64_t deadlines_;
    ReadBack before_, after_;
    rusage usage_before_{}, usage_after_{};
    long minor_faults_ = 0, major_faults_ = 0; ///< since its start, as of the last count_faults()
    std::uint64_t allocations_ = 0;
    std::atomic<bool> ended_{false};
};

} // namespace rtnode::latency
