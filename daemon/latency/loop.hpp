#pragma once
// The measuring loop itself, apart from the thread that runs it, so that its arithmetic can be tested with any clock.

#include "latency/histogram.hpp"
#include "latency/result.hpp"

#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdint>

namespace rtnode::latency {

/// CLOCK_MONOTONIC in nanoseconds. Sleeps by the raw system call: libc's wrapper is a cancellation point and costs
/// some instructions more on the path that is measured.
struct MonotonicClock {
    std::int64_t now() noexcept {
        timespec t;
        ::clock_gettime(CLOCK_MONOTONIC, &t);
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

/// Says when a loop has missed more than half of its deadlines for 3 s: in each of three seconds in a row. One long
/// stall (a suspended virtual machine) is one such second, however long; a loop that eats its CPU fails every second.
class OverloadWatch {
  public:
    static constexpr std::int64_t second = 1'000'000'000;
    static constexpr int seconds = 3;

    explicit OverloadWatch(std::int64_t now) noexcept : end_(now + second) {}

    /// After each wake-up, with the deadlines missed since the one before. @returns whether it is enough
    bool observe(std::int64_t now, std::uint64_t missed) noexcept {
        met_ += 1;
        missed_ += missed;
        if (now < end_) [[likely]]
            return false;
        bad_ = missed_ > met_ ? bad_ + 1 : 0;
        met_ = missed_ = 0;
        end_ = now + second;
        return bad_ >= seconds;
    }

  private:
    std::int64_t end_;
    std::uint64_t met_ = 0, missed_ = 0;
    int bad_ = 0;
};

/// Measures until the deadlines are used up, `stop` is set, a latency is above break_us whole microseconds (0 = never)
/// or the loop is overloaded. One system call per iteration, the sleep; nothing that could block, allocate or fault.
template <typename Clock>
End run_loop(Clock& clock, Pace pace, Recorder& recorder, std::uint32_t break_us,
             const std::atomic<bool>& stop) noexcept {
    const auto started = clock.now();
    OverloadWatch watch(started);
    if (const auto passed = pace.skip_passed(started); passed > 0) recorder.miss(passed);
    while (!pace.ended()) {
        if (stop.load(std::memory_order_relaxed)) return End::Stopped;
        clock.sleep_until(pace.deadline());
        const auto now = clock.now();
        const auto late = now - pace.deadline();
        recorder.record(late);
        pace.next();
        const auto missed = pace.skip_passed(now);
        if (missed > 0) [[unlikely]]
            recorder.miss(missed);
        if (break_us > 0 && late / 1000 > std::int64_t{break_us}) [[unlikely]]
            return End::Break;
        if (watch.observe(now, missed)) [[unlikely]]
            return End::Overloaded;
    }
    return End::Duration;
}

} // namespace rtnode::latency
