// Inside icount's guest: one run of our loop, or what a run of cyclictest has left, as one line of figures.
//
//     icount_loop measure INTERVAL_US DEADLINES PHASE_US PRIORITY [TRACER]
//     icount_loop read HISTOGRAM_FILE
//
// With TRACER (osnoise, timerlat or events) the CPU is traced meanwhile, as for a measurement with that option. Figures
// are nanoseconds. The guest has one CPU, so this main thread shares it; it sleeps from the loop's first deadline to
// its last.

#include "loops.hpp"

#include "latency/machine/tracer.hpp"
#include "latency/memory_lock.hpp"

#include <optional>
#include <string_view>

namespace {

using namespace rtnode;
using namespace rtnode::bench;

std::int64_t number(const char* text) {
    return std::stoll(text);
}

/// @param tracer nullptr = nothing traces
Figures measured(char** words, const char* tracer) {
    const CpuList cpus{0};
    std::optional<Tracer> trace;
    if (tracer) trace.emplace(cpus, parse_trace_by(tracer));
    const MemoryLock memory;
    if (!memory.held()) fmt::print(stderr, "{}\n", memory.why_not());
    const std::chrono::microseconds interval(number(words[0]));
    OurLoop loop({.cpus = cpus,
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
        if (!(what == "measure" && (argc == 6 || argc == 7)) && !(what == "read" && argc == 3)) {
            fmt::print(stderr,
                       "usage: icount_loop measure INTERVAL_US DEADLINES PHASE_US PRIORITY [TRACER] | read FILE\n");
            return 2;
        }
        const auto f = what == "measure" ? measured(argv + 2, argv[6]) : read_histogram_file(argv[2]);
        fmt::print("cycles={} missed={} faults={} min={} avg={:.1f} p50={} p90={} p99={} max={}\n", f.cycles, f.missed,
                   f.faults, f.min, f.avg, f.p50, f.p90, f.p99, f.max);
    } catch (const std::exception& e) {
        fmt::print(stderr, "{}\n", e.what());
        return 1;
    }
}
