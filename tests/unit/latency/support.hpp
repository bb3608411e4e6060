#pragma once
// Results for the tests of writers and store: made from samples through the same Recorder that measures.

#include "latency/histogram.hpp"
#include "latency/result.hpp"

#include <vector>

namespace rtnode::latency {

/// One CPU, numbered by its place, for each list of latencies in nanoseconds.
inline Result result_of(const std::vector<std::vector<std::int64_t>>& samples, std::uint32_t columns,
                        bool nanoseconds = false) {
    using namespace std::chrono_literals;
    Result result;
    result.options.duration = 10min;
    result.options.histogram_us = columns;
    result.options.nanoseconds = nanoseconds;
    result.started = std::chrono::system_clock::time_point(1'795'472'790s); // Mon, 23 Nov 2026 22:26:30 UTC
    result.ended = result.started + 600s + 123456us;
    for (unsigned cpu = 0; cpu < samples.size(); ++cpu) {
        Recorder recorder(columns, 0, nanoseconds);
        for (const auto ns : samples[cpu])
            recorder.record(ns);
        CpuResult of_cpu;
        of_cpu.statistics = recorder.statistics(cpu);
        of_cpu.histogram_us = recorder.histogram_us();
        of_cpu.overflow_cycles = recorder.overflow_cycles();
        of_cpu.histogram_ns = recorder.histogram_ns();
        of_cpu.corrected_ns = recorder.corrected_ns();
        of_cpu.audit.affinity = {cpu};
        result.options.cpus.push_back(cpu);
        result.cpus.push_back(std::move(of_cpu));
    }
    return result;
}

} // namespace rtnode::latency
