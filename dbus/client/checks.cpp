#include "client/checks.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>

namespace rtnode::client {
namespace {

std::size_t widest(const Json& rows, const char* key) {
    std::size_t width = 0;
    for (const Json& row : rows)
        width = std::max(width, text(row, key).size());
    return width;
}

} // namespace

std::vector<std::string> check_lines(const Json& rows, bool all) {
    std::vector<std::string> lines;
    const auto width = std::min<std::size_t>(widest(rows, "check"), 40);
    for (const Json& row : rows) {
        const auto state = text(row, "state"), expected = text(row, "expected"), actual = text(row, "actual");
        if (state == "not-applicable" && !all) continue;
        auto what = actual;
        if (state == "failed" && !expected.empty())
            what = fmt::format("{} (should be {})", actual.empty() ? "nothing" : actual, expected);
        lines.push_back(printable(fmt::format("{:<14} {:<{}} {}", state, text(row, "check"), width, what)));
        while (lines.back().ends_with(' '))
            lines.back().pop_back();
        if (const auto remedy = text(row, "remedy"); state != "ok" && !remedy.empty())
            lines.push_back(printable("               " + remedy));
    }
    return lines;
}

std::string check_summary(const Json& rows) {
    std::map<std::string, unsigned> counts;
    for (const Json& row : rows)
        ++counts[text(row, "state")];
    std::vector<std::string> parts;
    for (const char* state : {"ok", "failed", "unknown", "not-applicable"})
        if (counts[state] > 0) parts.push_back(fmt::format("{} {}", counts[state], state));
    return fmt::format("{} checks: {}", rows.size(), join(parts, ", "));
}

bool any_failed(const Json& rows) {
    return std::any_of(rows.begin(), rows.end(), [](const Json& row) { return text(row, "state") == "failed"; });
}

std::vector<std::string> explain_lines(const Json& rows) {
    std::vector<std::string> lines;
    const auto width = std::min<std::size_t>(widest(rows, "argument"), 48);
    for (const Json& row : rows) {
        const auto state = text(row, "state"), since = text(row, "since"), remark = text(row, "remark");
        lines.push_back(printable(fmt::format("{:<{}}  {}{}{}", text(row, "argument"), width,
                                              state == "ok" || state == "note" ? "" : state + ": ", text(row, "why"),
                                              since.empty() ? "" : fmt::format(" (since {})", since))));
        if (!remark.empty()) lines.push_back(printable("    " + remark));
    }
    return lines;
}

} // namespace rtnode::client
