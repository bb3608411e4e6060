#include "latency/machine/trace_mark.hpp"

#include "state/error.hpp"

#include <fcntl.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

namespace rtnode::latency {

TraceMark::TraceMark(const std::string& root) {
    for (const auto* folder : {"/sys/kernel/tracing", "/sys/kernel/debug/tracing"}) {
        marker_ = UniqueFd(::open((root + folder + "/trace_marker").c_str(), O_WRONLY | O_CLOEXEC));
        on_ = UniqueFd(::open((root + folder + "/tracing_on").c_str(), O_RDWR | O_CLOEXEC));
        if (marker_ && on_) break;
    }
    if (!marker_ || !on_)
        throw fail(Reason::InvalidArgument,
                   "the trace can't be marked: there is no tracefs below /sys/kernel/tracing ({}); mount it, or leave "
                   "out 'tracemark'",
                   std::strerror(errno));
    if (char state = '0'; ::pread(on_.get(), &state, 1, 0) != 1 || state != '1')
        throw fail(Reason::InvalidArgument,
                   "the trace can't be marked: nothing is traced, since /sys/kernel/tracing/tracing_on is 0; start the "
                   "tracer that you want to look at first (echo 1 > tracing_on)");
}

void TraceMark::stop_trace(std::int64_t late_us, std::uint32_t limit_us) const noexcept {
    char text[80];
    const int length = std::snprintf(text, sizeof text, "hit latency threshold (%lld > %u)",
                                     static_cast<long long>(late_us), limit_us);
    // A mark that can't be written leaves the numbers as they are; there is nobody to tell in here.
    [[maybe_unused]] const auto marked = ::write(marker_.get(), text, static_cast<std::size_t>(length));
    [[maybe_unused]] const auto stopped = ::write(on_.get(), "0", 1);
}

} // namespace rtnode::latency
