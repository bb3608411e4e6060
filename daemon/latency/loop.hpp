#pragma once
// The measuring loop itself, apart from the thread that runs it, so that its arithmetic can be tested with any clock.

#include "latency/arena.hpp"
#include "latency/histogram.hpp"
#include "latency/result.hpp"

#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdint>
#include <optional>

namespace rtnode::latency {

/// CLOCK_MONOTONIC in nanoseconds. Sleeps by the raw system call: libc's wrapper is a cancellation point and costs
/// some instructions more on the path that is measured.
struct MonotonicClock {
    std::int64_t now() noexcept {
        timespec t;
        ::clock_gettime(CLOCK_MONOTONIC, &t);
        return std::int64_t{t.tv_sec} * 1'000'000'000 + t.tv_nsec;
    }
    /// CPU time that the calling thread has used, ns. A system call.
    std::int64_t cpu_time() noexcept {
        timespec t;
        ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
        return std::int64_t{t.tv_sec} * 1'000'000'000 + t.tv_nsec;
    }
    void sleep_until(std::int64_t deadline_ns) noexcept {
        const timespec t{.tv_sec = deadline_ns / 1'000'000'000, .tv_nsec = deadline_ns % 1'000'000'000};
        while (::syscall(SYS_clock_nanosleep, CLOCK_MONOTONIC, TIMER_ABSTIME, &t, nullptr) == -1 && errno == EINTR) {
        }
    }
};

/// The deadlines of one thread: first, first + interval, … `deadlines` of them. All are either waited for or missed.
class Pace {
  public:
    Pace(std::int64_t first_ns, std::int64_t interval_ns, std::uint64_t deadlines) noexcept
        : deadline_(first_ns), interval_(interval_ns), left_(deadlines) {}

    std::int64_t deadline() const noexcept { return deadline_; }
    std::int64_t interval() const noexcept { return interval_; }
    bool ended() const noexcept { return left_ == 0; }

    /// The current deadline was waited for.
    void next() noexcept {
        deadline_ += interval_;
        --left_;
    }

    /// Passes over deadlines that are not after `now`: sleeping on one would cost a timer interrupt and measure that
    /// instead of a wake-up. @returns how many
    std::uint64_t skip_passed(std::int64_t now) noexcept {
        if (now < deadline_) [[likely]]
            return 0;
        const auto passed = std::min(static_cast<std::uint64_t>((now - deadline_) / interval_) + 1, left_);
        deadline_ += static_cast<std::int64_t>(passed) * interval_;
        left_ -= passed;
        return passed;
    }

  private:
    std::int64_t deadline_, interval_;
    std::uint64_t left_;
};

/// Says when a loop is too much for its CPU: when in each of three seconds in a row it missed more than half of its
/// deadlines, or used more than nine tenths of the CPU, so that nothing else there gets on. One long stall (a suspended
/// virtual machine) is one such second, however long; a loop that eats its CPU fails every second. Counted in the loop
/// itself, since where it eats the CPU of the daemon too nobody else is there to do it.
class OverloadWatch {
  public:
    static constexpr std::int64_t second = 1'000'000'000;
    static constexpr int seconds = 3;

    OverloadWatch(std::int64_t now, std::int64_t cpu_time) noexcept : began_(now), cpu_time_(cpu_time) {}

    /// After each wake-up, with the deadlines missed since the one before. @returns whether it is enough
    template <typename Clock>
    bool observe(Clock& clock, std::int64_t now, std::uint64_t missed) noexcept {
        met_ += 1;
        missed_ += missed;
        if (now - began_ < second) [[likely]]
            return false;
        const auto cpu_time = clock.cpu_time();
        const bool bad = missed_ > met_ || (cpu_time - cpu_time_) * 10 > (now - began_) * 9;
        bad_ = bad ? bad_ + 1 : 0;
        met_ = missed_ = 0;
        began_ = now;
        cpu_time_ = cpu_time;
        return bad_ >= seconds;
    }

  private:
    std::int64_t began_, cpu_time_;
    std::uint64_t met_ = 0, missed_ = 0;
    int bad_ = 0;
};

/// Measures until the deadlines are used up, `stop` is set, a latency is above break_us whole microseconds (0 = never)
/// or the loop is overloaded. One system call per iteration, the sleep, and one more each second, for the CPU time;
/// nothing that could block, allocate or fault.
template <typename Clock>
End run_loop(Clock& clock, Pace pace, Recorder& recorder, std::uint32_t break_us,
             const std::atomic<bool>& stop) noexcept {
    // Notes the deadlines that are not after `now`, and how late each of them is by then.
    const auto skip_passed = [&](std::int64_t now) noexcept {
        const auto oldest = pace.deadline();
        const auto passed = pace.skip_passed(now);
        if (passed > 0) [[unlikely]]
            recorder.miss(passed, now - oldest, pace.interval());
        return passed;
    };
    const auto started = clock.now();
    OverloadWatch watch(started, clock.cpu_time());
    skip_passed(started);
    while (!pace.ended()) {
        if (stop.load(std::memory_order_relaxed)) return End::Stopped;
        clock.sleep_until(pace.deadline());
        const auto now = clock.now();
        const auto late = now - pace.deadline();
        recorder.record(late, now);
        pace.next();
        const auto missed = skip_passed(now);
        if (break_us > 0 && late / 1000 > std::int64_t{break_us}) [[unlikely]]
            return End::Break;
        if (watch.observe(clock, now, missed)) [[unlikely]]
            return End::Overloaded;
    }
    return End::Duration;
}

/// Never sleeps: reads the clock all the time and records each gap between two readings, so everything that takes the
/// CPU away is seen, not only what delays a wake-up (as oslat does). Takes its CPU whole. Ends at `end_ns`, when `stop`
/// is set, or at a gap above break_us whole microseconds (0 = never).
template <typename Clock>
End run_busy_loop(Clock& clock, std::int64_t end_ns, Recorder& recorder, std::uint32_t break_us,
                  const std::atomic<bool>& stop) noexcept {
    auto last = clock.now();
    while (last < end_ns) {
        if (stop.load(std::memory_order_relaxed)) return End::Stopped;
        const auto now = clock.now();
        const auto gap = now - last;
        recorder.record(gap, now);
        last = now;
        if (break_us > 0 && gap / 1000 > std::int64_t{break_us}) [[unlikely]]
            return End::Break;
    }
    return End::Duration;
}

/// When the loop of mode hardware reads the clock, and when it leaves its CPU to others: half of the time, as hwlat by
/// default (Documentation/trace/hwlat_detector.rst), but not half of each second. Firmware's own timers go by whole
/// seconds (the periodic SMI of Intel's chipsets by 8, 16, 32 or 64), and such an interrupt would fall into the same
/// half of a second each time: seen always, or never. In the golden section it falls everywhere alike.
///
/// The kernel's own hwlat isn't used for this. It keeps interrupts off while it looks, by default half a second on end,
/// and as long does all else on that CPU wait; ours can be preempted, and a trace tells what that was. hwlat has one
/// thread that goes from CPU to CPU (one for each since Linux 5.14), one user at a time, settings and a threshold that
/// are the whole kernel's (tracing_thresh), and it counts nothing below that: no percentiles.
inline constexpr std::int64_t hardware_window_ns = 618'000'000, hardware_width_ns = hardware_window_ns / 2;

/// A stretch of time between two readings of the clock that is longer than readings take.
struct Gap {
    std::int64_t ended_ns = 0;  ///< CLOCK_MONOTONIC: the later reading
    std::int64_t length_ns = 0; ///< or what of it counts
    std::uint64_t cycle = 0;    ///< how many readings had been recorded by then
};

/// Gaps on their way from one thread to one other. Neither waits for the other.
class GapQueue {
  public:
    static constexpr std::uint64_t capacity = 4096; ///< a second of gaps every 150 µs

    GapQueue()
        : arena_(Arena::need<Head>(1) + Arena::need<Slot>(capacity)), head_(arena_.make<Head>()),
          slots_(arena_.make<Slot>(capacity)) {}

    /// By the thread that measures, before it starts.
    void prefault() noexcept { arena_.prefault(); }

    /// The sender's. What finds no room is counted, and lost.
    void put(const Gap& gap) noexcept {
        const auto at = head_->put.get();
        if (at - head_->taken.get(std::memory_order_acquire) == capacity) [[unlikely]] {
            head_->lost.add(1);
            return;
        }
        auto& slot = slots_[at % capacity];
        slot.ended.set(gap.ended_ns);
        slot.length.set(gap.length_ns);
        slot.cycle.set(gap.cycle);
        head_->put.set(at + 1, std::memory_order_release);
    }

    /// The receiver's. @returns the oldest; nothing when there is none
    std::optional<Gap> take() noexcept {
        const auto at = head_->taken.get();
        if (at == head_->put.get(std::memory_order_acquire)) return std::nullopt;
        const auto& slot = slots_[at % capacity];
        const Gap gap{slot.ended.get(), slot.length.get(), slot.cycle.get()};
        head_->taken.set(at + 1, std::memory_order_release);
        return gap;
    }

    std::uint64_t lost() const noexcept { return head_->lost.get(); }

  private:
    struct alignas(64) Head {
        Count put, lost;
        alignas(64) Count taken; // of the receiver, in a cache line of its own
    };
    struct Slot {
        Published<std::int64_t> ended, length;
        Count cycle;
    };

    Arena arena_;
    Head* head_;
    Slot* slots_;
};

/// What the loop of mode hardware and the thread that looks on tell each other.
struct Gaps {
    GapQueue suspects; ///< of the loop: what may be the hardware's, or the kernel's
    GapQueue judged;   ///< back to it, for its records: those that count, each as long as what of it counts

    /// By the thread that records.
    void record(Recorder& recorder) noexcept {
        while (const auto gap = judged.take())
            recorder.record(gap->length_ns, gap->ended_ns);
    }
};

/// As run_busy_loop(), in windows from `first_ns` on. Gaps above `threshold_ns` are not recorded but become suspects,
/// which somebody else looks at meanwhile (what the kernel did must not be done on this CPU); what comes back is
/// recorded when the next window begins. Ends with the last reading before `end_ns`, or when `stop` is set, after a
/// pause.
template <typename Clock>
End run_hardware_loop(Clock& clock, std::int64_t first_ns, std::int64_t end_ns, std::int64_t threshold_ns,
                      Recorder& recorder, Gaps& gaps, const std::atomic<bool>& stop) noexcept {
    for (auto start = first_ns; start < end_ns; start += hardware_window_ns) {
        if (clock.now() < start) clock.sleep_until(start);
        gaps.record(recorder);
        const auto until = std::min(start + hardware_width_ns, end_ns);
        for (auto last = clock.now(); last < until;) {
            if (stop.load(std::memory_order_relaxed)) return End::Stopped;
            const auto now = clock.now();
            if (const auto gap = now - last; gap > threshold_ns) [[unlikely]]
                gaps.suspects.put({.ended_ns = now, .length_ns = gap, .cycle = recorder.cycles()});
            else
                recorder.record(gap, now);
            last = now;
        }
        if (stop.load(std::memory_order_relaxed)) return End::Stopped;
    }
    return End::Duration;
}

} // namespace rtnode::latency
