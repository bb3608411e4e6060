#pragma once
// Numbers, and strings that come from elsewhere, as the report writers put them down.

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace rtnode::latency {

/// Valid UTF-8: bytes that aren't become U+FFFD, so that a stray one on the kernel's command line doesn't spoil a whole
/// report.
std::string utf8_of(std::string_view text);

/// For HTML, as text or inside a quoted attribute: utf8_of() with markup escaped. Control characters, which HTML does
/// not allow, become U+FFFD too.
std::string html_of(std::string_view text);

/// Three digits and a unit: "843 ns", "19.2 µs", "4.04 ms", "1.20 s", "1,200 s".
std::string latency_text(double ns);

/// A value of an axis, as short as it can be: "20 µs", "1 ms".
std::string tick_text(double ns);

/// Microseconds, which stand below each other in a table: "4,040.1". @param decimals 0 … 3
std::string microseconds_text(double ns, unsigned decimals = 1);

/// "1,234,567".
std::string count_text(std::uint64_t count);

/// "1 spike", "2 spikes".
std::string numbered(std::uint64_t count, std::string_view noun);

/// UTC: "2026-11-23 22:26:30", with as many decimals of a second as asked for.
/// @param realtime since 1970
/// @param decimals 0 … 9; further ones are cut
std::string utc_text(std::chrono::nanoseconds realtime, unsigned decimals = 0);

} // namespace rtnode::latency
