#pragma once
// The parts of report_html(): each makes HTML that is well-formed by itself, with strings from elsewhere escaped.

#include "latency/compare/compare.hpp"
#include "latency/report/page_axis.hpp"
#include "latency/result.hpp"

#include <fmt/format.h>

#include <iterator>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace rtnode::latency::page {

/// Appends.
template <typename... Args>
void put(std::string& html, fmt::format_string<Args...> form, Args&&... args) {
    fmt::format_to(std::back_inserter(html), form, std::forward<Args>(args)...);
}

/// What no latency of that mode is below, ns, so that an axis may begin there: nothing wakes up in less than 100, and
/// no two readings of a clock are nearer than some 10.
constexpr double least_ns(Mode mode) {
    return mode == Mode::Cyclic ? 100 : 10;
}

/// The page's one style sheet.
std::string_view style();

/// Words at a place on a drawing's horizontal axis that stay within the drawing.
void put_label(std::string& html, const Tick& tick, double y);

/// One drawing for each CPU on scales that all share: percentiles above, the histogram below.
std::string histograms(const Result& result);

/// The latest wake-ups of each window of the run, as a line without axes that stands in a row of text; "" without
/// windows.
std::string sparkline(const CpuResult& cpu, const LogAxis& axis);

/// Windows and spikes along the run, and the spikes' causes.
std::string timeline(const Result& result);

std::string percentiles(const Result& result);
std::string audit(const Result& result);
std::string findings(const Result& result);
std::string comparison(const Comparison& baseline, std::string_view title);

} // namespace rtnode::latency::page
