// Inside icount's guest: one run of our loop, or what a run of cyclictest has left, as one line of figures.
//
//     icount_loop measure INTERVAL_US DEADLINES PHASE_US PRIORITY
//     icount_loop read HISTOGRAM_FILE
//
// Figures are nanoseconds. The guest has one CPU, so this main thread shares it; it sleeps from the loop's first
// deadline to its last.

#include "loops.hpp"

#include "latency/memory_lock.hpp"

#include <string_view>

namespace {

using namespace rtnode;
using namespace rtnode::bench;

std::int64_t number(const char* text) {
    return std::stoll(text);
}

Figures measured(char** words) {
    const MemoryLock memory;
    if (!memory.held()) fmt::print(stderr, "{}\n", memory.why_not());
    const std::chrono::microseconds interval(number(words[0]));
    OurLoop loop({.cpus = {0},
                  .interval = interval,
                  .duration = interval * number(words[1]),
                  .priority = static_cast<int>(number(words[3])),
                  .histogram_us = 40'000}, // nanoseconds; four times what is usual here, and cyclictest gets as many
                 number(words[2]));
    return loop.figures();
}

} // namespace

int main(int argc, char** argv) {
    try {
        const std::string_view what = argc > 1 ? argv[1] : "";
        if (!(what == "measure" && argc == 6) && !(what == "read" && argc == 3)) {
            fmt::print(stderr, "usage: icount_loop measure INTERVAL_US DEADLINES PHASE_US PRIORITY | read FILE\n");
            return 2;
        }
        const auto f = what == "measure" ? measured(argv + 2) : read_histogram_file(argv[2]);
        fmt::print("cycles={} missed={} faults={} min={} avg={:.1f} p50={} p90={} p99={} max={}\n", f.cycles, f.missed,
                   f.faults, f.min, f.avg, f.p50, f.p90, f.p99, f.max);
    } catch (const std::exception& e) {
        fmt::print(stderr, "{}\n", e.what());
        return 1;
    }
}
