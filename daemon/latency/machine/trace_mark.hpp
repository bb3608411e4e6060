#pragma once
// Stops the kernel's trace at the moment of a latency that is too high, so that what led to it is still in the buffer.

#include "state/unique_fd.hpp"

#include <cstdint>
#include <string>

namespace rtnode::latency {

class TraceMark {
  public:
    /// Opens trace_marker and tracing_on of tracefs below `root`, so that a measuring thread needs only to write.
    /// @throws Error{InvalidArgument} when there is no tracefs or tracing is off
    explicit TraceMark(const std::string& root = "/");

    /// Writes what `cyclictest -b --tracemark` writes, "hit latency threshold (US > LIMIT)", then turns tracing off.
    /// Allocates nothing.
    void stop_trace(std::int64_t late_us, std::uint32_t limit_us) const noexcept;

  private:
    UniqueFd marker_, on_;
};

} // namespace rtnode::latency
