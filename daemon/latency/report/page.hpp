#pragma once
// The page with more on it than a result alone can tell.

#include "latency/compare/compare.hpp"
#include "latency/report/report.hpp"

#include <string>
#include <string_view>

namespace rtnode::latency {

/// report_html(result) and, when there is one, how the result differs from a baseline.
/// @param baseline compare(baseline's result, result), or null
/// @param baseline_title what to call the other run, as "measurement 12"
std::string report_html(const Result& result, const Comparison* baseline, std::string_view baseline_title);

} // namespace rtnode::latency
