#pragma once
// Scales of the page's drawings.

#include <cstdint>
#include <string>
#include <vector>

namespace rtnode::latency::page {

/// A place on an axis with a line, and perhaps with words.
struct Tick {
    double percent;
    std::string label; ///< "" = a line only
};

/// Maps values above 0 by their logarithm.
class LogAxis {
  public:
    /// @param low above 0
    /// @param high above low
    LogAxis(double low, double high);

    double low() const { return low_; }
    double high() const { return high_; }
    double decades() const { return decades_; }

    /// 0 … 100. What is off the axis lies at its end, and so does 0.
    double percent_of(double value) const;
    double value_at(double percent) const;

  private:
    double low_, high_, decades_;
};

/// Holds everything between two latencies in nanoseconds, rounded outwards to steps of 1, 2 or 5, and at least a
/// decade. It starts at `least_ns` at the lowest, since a latency of 0 (a wake-up before its deadline) would stretch it
/// without end.
LogAxis latency_axis(double low_ns, double high_ns, double least_ns);

/// From below 1, so that a count of 1 has a height, to the next step of 1, 2 or 5 above the largest.
LogAxis count_axis(std::uint64_t largest);

/// @param labels about how many words fit beside each other
std::vector<Tick> latency_ticks(const LogAxis& axis, unsigned labels);
/// "1", "100", "10k", "1M".
std::vector<Tick> count_ticks(const LogAxis& axis, unsigned labels);
/// Of a time from 0 to `length_ms`, in steps that clocks have: "0", "10m", "20m".
std::vector<Tick> time_ticks(std::int64_t length_ms, unsigned labels);

} // namespace rtnode::latency::page
