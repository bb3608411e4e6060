#pragma once
// The thread that measures one CPU: how it is made, what it says of itself, and its main function.

#include "latency/loop.hpp"
#include "latency/options.hpp"

#include <pthread.h>
#include <semaphore.h>
#include <sys/resource.h>

#include <array>
#include <atomic>
#include <chrono>
#include <memory>

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
        std::atomic<std::int64_t> ended_at{0}; ///< CLOCK_REALTIME, ns
    };

  private:
    Arena arena_;

  public:
    Flags& flags;
    sem_t ready, go;
    int finished_fd;
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
    /// Before Control::go is posted.
    void set_first_deadline(std::int64_t ns) { first_deadline_ = ns; }
    void join() noexcept;
    /// Lets the thread run anywhere, so that it ends even where something of higher priority has its CPU.
    void unpin(const CpuList& cpus) noexcept;

    unsigned cpu() const { return cpu_; }
    int id() const { return id_; }
    /// At any time after Control::ready. Reads the live number of page faults from /proc.
    CpuStatistics statistics() const;
    /// After the end.
    CpuResult result() const;

  private:
    static void* main(void* self) noexcept;
    void run() noexcept;

    const unsigned cpu_;
    const Options& options_;
    Control& control_;
    Recorder recorder_;
    pthread_t handle_{};
    bool joined_ = false;
    int id_ = 0;
    std::int64_t first_deadline_ = 0;
    ReadBack before_, after_;
    rusage usage_before_{}, usage_after_{};
    std::atomic<bool> ended_{false};
};

} // namespace rtnode::latency
