#include "latency/report/text.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <ctime>

namespace rtnode::latency {
namespace {

struct Unit {
    double ns;
    const char* name;
};
constexpr std::array<Unit, 4> units{{{1e9, "s"}, {1e6, "ms"}, {1e3, "µs"}, {1, "ns"}}};

} // namespace

std::string utf8_of(std::string_view text) {
    using Json = nlohmann::json;
    return Json::parse(Json(text).dump(-1, ' ', false, Json::error_handler_t::replace)).get<std::string>();
}

std::string html_of(std::string_view text) {
    std::string html;
    for (const char c : utf8_of(text)) {
        switch (c) {
        case '&':
            html += "&amp;";
            break;
        case '<':
            html += "&lt;";
            break;
        case '>':
            html += "&gt;";
            break;
        case '"':
            html += "&quot;";
            break;
        case '\'':
            html += "&#39;";
            break;
        default:
            const auto byte = static_cast<unsigned char>(c);
            if ((byte < 0x20 && c != '\n' && c != '\t') || byte == 0x7f)
                html += "\xef\xbf\xbd"; // U+FFFD
            else
                html += c;
        }
    }
    return html;
}

std::string latency_text(double ns) {
    if (ns < 0) return "−" + latency_text(-ns);
    // From 999.5 of a unit on, three digits round to 1000 of it; then the next one is used.
    const auto* unit = units.begin();
    while (unit->ns > 1 && ns < unit->ns * 0.9995)
        ++unit;
    const double value = ns / unit->ns;
    if (value >= 999.5 && unit == units.begin())
        return fmt::format("{} s", count_text(static_cast<std::uint64_t>(std::min(std::round(value), 1e15))));
    if (unit->ns == 1) return fmt::format("{:.0f} ns", value);
    const int decimals = value < 9.995 ? 2 : value < 99.95 ? 1 : 0;
    return fmt::format("{:.{}f} {}", value, decimals, unit->name);
}

std::string tick_text(double ns) {
    const auto* unit = units.begin();
    while (unit->ns > 1 && ns < unit->ns * 0.9999)
        ++unit;
    const double value = ns / unit->ns;
    if (value >= 9999) return latency_text(ns);
    return fmt::format("{:.4g} {}", value, unit->name);
}

std::string microseconds_text(double ns, unsigned decimals) {
    if (ns < 0) return "−" + microseconds_text(-ns, decimals);
    const auto text = fmt::format("{:.{}f}", ns / 1000, decimals);
    const auto whole = text.substr(0, text.find('.'));
    return count_text(std::stoull(whole)) + text.substr(whole.size());
}

std::string count_text(std::uint64_t count) {
    auto text = std::to_string(count);
    for (auto at = static_cast<std::ptrdiff_t>(text.size()) - 3; at > 0; at -= 3)
        text.insert(static_cast<std::size_t>(at), 1, ',');
    return text;
}

std::string numbered(std::uint64_t count, std::string_view noun) {
    return fmt::format("{} {}{}", count_text(count), noun, count == 1 ? "" : "s");
}

std::string utc_text(std::chrono::nanoseconds realtime, unsigned decimals) {
    const auto whole = std::chrono::floor<std::chrono::seconds>(realtime);
    const std::time_t seconds = whole.count();
    std::tm parts{};
    ::gmtime_r(&seconds, &parts);
    char day[32];
    std::string text{day, std::strftime(day, sizeof day, "%Y-%m-%d %H:%M:%S", &parts)};
    if (decimals > 0) text += "." + fmt::format("{:09}", (realtime - whole).count()).substr(0, decimals);
    return text;
}

} // namespace rtnode::latency
