#pragma once
// Reading of dictionaries that came over the bus, as JSON. A key that is absent or of another type reads as empty: a
// newer or older daemon must not break what the client can show.

#include <nlohmann/json.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace rtnode::client {

using Json = nlohmann::json;

/// The member, or null.
const Json& member(const Json& object, const char* key);

std::string text(const Json& object, const char* key);               ///< "" when absent
std::vector<std::string> words(const Json& object, const char* key); ///< empty when absent; other elements are skipped
std::vector<double> numbers(const Json& object, const char* key);    ///< likewise
double at(const std::vector<double>& values, std::size_t i);         ///< 0 beyond their end
std::optional<double> number(const Json& object, const char* key);
std::optional<std::uint64_t> count(const Json& object, const char* key); ///< whole and not below 0
bool flag(const Json& object, const char* key);                          ///< false when absent

/// "2019-11-05T17:48:00Z", of seconds since the epoch.
std::string utc(std::uint64_t seconds);

/// Joined with @p separator.
std::string join(const std::vector<std::string>& parts, const std::string& separator = " ");

/// Control characters replaced by '?', so that what scriptlets print can't steer the terminal; tabs stay.
std::string printable(const std::string& line);

} // namespace rtnode::client
