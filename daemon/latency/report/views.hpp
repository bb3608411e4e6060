#pragma once
// The two views of a CPU's latencies: as counted (the wake-ups that happened) and corrected (every deadline). Without
// missed deadlines they are the same, and so they are for a result that kept no second one.

#include "latency/result.hpp"

namespace rtnode::latency {

using Buckets = decltype(CpuResult::histogram_ns);

inline bool has_corrected(const CpuStatistics& statistics) {
    return statistics.missed > 0 && statistics.corrected_percentiles_ns.back() > 0;
}

/// @param rank index into percentile_ranks
inline std::int64_t corrected_percentile(const CpuStatistics& statistics, std::size_t rank) {
    return has_corrected(statistics) ? statistics.corrected_percentiles_ns[rank] : statistics.percentiles_ns[rank];
}

inline bool has_corrected_buckets(const CpuResult& cpu) {
    return cpu.statistics.missed > 0 && !cpu.corrected_ns.empty();
}

inline const Buckets& corrected_buckets(const CpuResult& cpu) {
    return has_corrected_buckets(cpu) ? cpu.corrected_ns : cpu.histogram_ns;
}

} // namespace rtnode::latency
