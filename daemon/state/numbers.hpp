#pragma once
// Numbers in text.

#include <fmt/format.h>

#include <charconv>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace rtnode {

/// All of the text as a decimal number; nothing for anything else, also for what doesn't fit.
template <typename Number>
std::optional<Number> whole_number(std::string_view text) {
    Number number{};
    const auto* end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, number);
    if (error != std::errc{} || stop != end) return std::nullopt;
    return number;
}

/// "1 override", "2 overrides".
inline std::string counted(std::uint64_t count, std::string_view noun) {
    return fmt::format("{} {}{}", count, noun, count == 1 ? "" : "s");
}

} // namespace rtnode
