#pragma once
// Results as text. Writers are pure: a Result in, bytes out.

#include "latency/result.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace rtnode::latency {

/// The names that report() knows: cyclictest-2.4, cyclictest-2.10, json, hist, html, prometheus.
const std::vector<std::string>& report_formats();

/// One of the writers below by name. @throws Error{InvalidArgument} naming the known formats.
std::string report(const Result& result, std::string_view format);

/// What `cyclictest 2.4 -q -h N` prints: one row for each microsecond below N, one column for each CPU, `# Total:`,
/// `# Min/Avg/Max Latencies:` (whole microseconds, or nanoseconds where the run counted in them; nothing else:
/// OpenShift's latency tests parse these lines), overflows. The first line tells of /dev/cpu_dma_latency, if that was
/// held.
std::string report_cyclictest_2_4(const Result& result);

/// The same as cyclictest 2.7 and newer prints it: rows in which every CPU has 0 are left out, and so is `# Total:`.
std::string report_cyclictest_2_10(const Result& result);

/// One page that needs nothing else and no network: the histograms of each CPU on logarithmic scales, as counted and
/// corrected; percentiles, windows and spikes over time, the audit, and the findings about the machine.
std::string report_html(const Result& result);

/// Metrics in Prometheus' text format 0.0.4 (https://prometheus.io/docs/instrumenting/exposition_formats/), without
/// time stamps, as node_exporter's textfile collector wants them. Base units: seconds.
std::string report_prometheus(const Result& result);

/// One JSON object, UTF-8, always valid (cyclictest prints `-nan` after no cycles). The keys that cyclictest's own
/// --json has mean the same here (min, avg, max in µs); the rest is ours. from_json() reads it back.
std::string report_json(const Result& result);

/// For gnuplot: `#` header, then a row for each non-empty column of the linear histogram: latency and one column a CPU.
/// plot for [i=2:*] 'file' using 1:i with steps
std::string report_hist(const Result& result);

/// The reverse of report_json(). @throws Error{InvalidArgument} for anything else
Result from_json(std::string_view text);

} // namespace rtnode::latency
