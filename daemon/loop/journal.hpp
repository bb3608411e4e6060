#pragma once
// The log. As a systemd service (JOURNAL_STREAM is set) entries go to the journal with their fields; else they are
// lines on stderr, with systemd's priority prefix ("<6>") unless that is a terminal.

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

namespace rtnode::journal {

enum class Priority { error = 3, warning = 4, notice = 5, info = 6, debug = 7 };

/// Ids of units/rtnode.catalog.
inline constexpr std::string_view job_started = "d1b7d19ab1d34a3d8d0b71a87d5c0a01";
inline constexpr std::string_view job_done = "d1b7d19ab1d34a3d8d0b71a87d5c0a02";
inline constexpr std::string_view job_failed = "d1b7d19ab1d34a3d8d0b71a87d5c0a03";
inline constexpr std::string_view job_canceled = "d1b7d19ab1d34a3d8d0b71a87d5c0a04";
inline constexpr std::string_view job_interrupted = "d1b7d19ab1d34a3d8d0b71a87d5c0a05";
inline constexpr std::string_view unsigned_accepted = "d1b7d19ab1d34a3d8d0b71a87d5c0a06";
inline constexpr std::string_view configuration_refused = "d1b7d19ab1d34a3d8d0b71a87d5c0a07";
inline constexpr std::string_view measurement_ended = "d1b7d19ab1d34a3d8d0b71a87d5c0a08";
inline constexpr std::string_view reboot_requested = "d1b7d19ab1d34a3d8d0b71a87d5c0a09";
inline constexpr std::string_view not_booted = "d1b7d19ab1d34a3d8d0b71a87d5c0a0a";
inline constexpr std::string_view real_time_lost = "d1b7d19ab1d34a3d8d0b71a87d5c0a0b";
inline constexpr std::string_view condition_changed = "d1b7d19ab1d34a3d8d0b71a87d5c0a0c";
inline constexpr std::string_view latency_regressed = "d1b7d19ab1d34a3d8d0b71a87d5c0a0d";
inline constexpr std::string_view latency_recovered = "d1b7d19ab1d34a3d8d0b71a87d5c0a0e";

/// Upper-case name ("RTNODE_JOB_ID", "MESSAGE_ID") and value. Seen in the journal only.
using Field = std::pair<std::string_view, std::string>;

void log(Priority priority, std::string_view message, std::initializer_list<Field> fields = {}) noexcept;

} // namespace rtnode::journal
