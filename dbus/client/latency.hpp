#pragma once
// What rtnodectl shows of measurements. Properties of org.rtnode1.Measurement come as JSON; its latencies are ns.

#include "client/client_error.hpp"
#include "client/fields.hpp"

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

namespace rtnode::client {

/// What a report in cyclictest 2.4's form says (its -h output).
struct CyclictestReport {
    std::array<std::string, 3> latencies;           ///< the `# Min/Avg/Max Latencies:` lines, byte for byte
    std::map<std::uint64_t, std::uint64_t> buckets; ///< µs → wake-ups of all CPUs; no empty ones
    std::uint64_t overflows = 0;                    ///< wake-ups beyond the last column
};

/// Lines it doesn't know are skipped.
CyclictestReport parse_cyclictest(const std::string& report);

/// "3.2 µs" of nanoseconds.
std::string microseconds(double nanoseconds);

/// The time that is left, a heading, and one line a CPU, of the live properties. Of more CPUs than there is room for
/// those with the highest maximum, and a last line that sums up the others.
/// @param limit of lines; below 4 there is no heading, and at least one CPU is shown
/// @param now_us since the epoch
std::vector<std::string> live_lines(const Json& measurement, std::size_t limit, std::uint64_t now_us);

/// What the report's numbers are.
struct Samples {
    std::string mode = "cyclic"; ///< as the option of Start: busy and hardware have gaps, any other has wake-ups
    std::string unit = "µs";     ///< or "ns"
};

/// Wake-ups over latency, of all CPUs together. Columns are joined so that at most 24 rows appear; bars are
/// logarithmic, else the tail, which is what matters, would not be seen.
/// @param width of the terminal, columns; 0 = it is none, and gets no bars
std::vector<std::string> histogram_lines(const CyclictestReport& report, unsigned width, const Samples& samples = {});

/// Of a JSON report: the load beside it, the worst spikes with their times and hints, what is bad about the machine
/// with the remedy, and the daemon's notes.
std::vector<std::string> remark_lines(const Json& report);

/// `rtnodectl latency compare`: what Compare says.
std::string format_comparison(const Json& comparison);

/// What the run showed, and whether it can be trusted; if it can't, it has shown nothing.
std::string verdict(const Json& measurement, std::uint64_t break_us = 0);

/// Whether the run ended well: over its duration or stopped, not by break or overload, and with numbers that can be
/// trusted. One that ended itself, since a CPU was taken away, can't.
bool passed(const Json& measurement);

/// Rows of path, name and state, each with the properties that @p read gives of its path. One that can't be read keeps
/// what is known of it and gets a key error, with name and message; one that went meanwhile isn't there any more.
/// @throws ClientError when the daemon isn't there or lets nobody in
Json with_properties(const Json& rows, const std::function<Json(const std::string& path)>& read);

/// `rtnodectl latency list`: rows of with_properties().
std::string format_measurement_list(const Json& rows);

/// The number at the end of an object path.
std::string number_of(const std::string& path);

} // namespace rtnode::client
