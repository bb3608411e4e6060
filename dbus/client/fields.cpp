#include "client/fields.hpp"

#include <fmt/ranges.h>

#include <ctime>

namespace rtnode::client {

const Json& member(const Json& object, const char* key) {
    static const Json null;
    if (!object.is_object()) return null;
    const auto found = object.find(key);
    return found == object.end() ? null : *found;
}

std::string text(const Json& object, const char* key) {
    const Json& value = member(object, key);
    return value.is_string() ? value.get<std::string>() : std::string();
}

std::vector<std::string> words(const Json& object, const char* key) {
    std::vector<std::string> out;
    const Json& list = member(object, key);
    if (!list.is_array()) return out;
    for (const Json& element : list)
        if (element.is_string()) out.push_back(element.get<std::string>());
    return out;
}

double at(const std::vector<double>& values, std::size_t i) {
    return i < values.size() ? values[i] : 0;
}

std::vector<double> numbers(const Json& object, const char* key) {
    std::vector<double> out;
    const Json& list = member(object, key);
    if (!list.is_array()) return out;
    for (const Json& element : list)
        if (element.is_number()) out.push_back(element.get<double>());
    return out;
}

std::optional<double> number(const Json& object, const char* key) {
    const Json& value = member(object, key);
    if (!value.is_number()) return std::nullopt;
    return value.get<double>();
}

std::optional<std::uint64_t> count(const Json& object, const char* key) {
    const Json& value = member(object, key);
    if (value.is_number_unsigned()) return value.get<std::uint64_t>();
    if (value.is_number_integer() && value.get<std::int64_t>() >= 0) return value.get<std::uint64_t>();
    return std::nullopt;
}

bool flag(const Json& object, const char* key) {
    const Json& value = member(object, key);
    return value.is_boolean() && value.get<bool>();
}

std::string utc(std::uint64_t seconds) {
    const auto when = static_cast<std::time_t>(seconds);
    std::tm broken{};
    char buffer[32];
    if (!gmtime_r(&when, &broken) || std::strftime(buffer, sizeof buffer, "%Y-%m-%dT%H:%M:%SZ", &broken) == 0)
        return fmt::format("{} s after 1970", seconds);
    return buffer;
}

std::string join(const std::vector<std::string>& parts, const std::string& separator) {
    return fmt::format("{}", fmt::join(parts, separator));
}

std::string printable(const std::string& line) {
    std::string out = line;
    for (char& c : out)
        if ((static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f) c = '?';
    return out;
}

} // namespace rtnode::client
