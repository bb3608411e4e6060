#pragma once
// Results as text. Writers are pure: a Result in, bytes out.

#include "latency/result.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace rtnode::latency {

/// The names that report() knows: cyclictest-2.4, json, hist.
const std::vector<std::string>& report_formats();

/// One of the writers below by name. @throws Error{InvalidArgument} naming the known formats.
std::string report(const Result& result, std::string_view format);

/// What `cyclictest 2.4 -q -h N` prints: one row for each microsecond below N, one column for each CPU, `# Total:`,
/// `# Min/Avg/Max Latencies:` (whole microseconds, nothing else: OpenShift's latency tests parse these lines),
/// overflows. The first line tells of /dev/cpu_dma_latency, if that was held.
std::string report_cyclictest_2_4(const Result& result);

/// One JSON object, UTF-8, always valid (cyclictest prints `-nan` after no cycles). The keys that cyclictest's own
/// --json has mean the same here (min, avg, max in µs); the rest is ours. from_json() reads it back.
std::string report_json(const Result& result);

/// For gnuplot: `#` header, then a row for each non-empty microsecond: latency and one column a CPU.
/// plot for [i=2:*] 'file' using 1:i with steps
std::string report_hist(const Result& result);

/// A histogram of all CPUs together, drawn with UTF-8 bars; logarithmic when the counts ask for it, which it then says.
/// @param width columns of the terminal, 40 … 400 (else the nearest of these)
std::string report_terminal(const Result& result, unsigned width = 80);

/// The reverse of report_json(). @throws Error{InvalidArgument} for anything else
Result from_json(std::string_view text);

} // namespace rtnode::latency
