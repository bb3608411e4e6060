#include "profile/arguments/target_kernel.hpp"

#include "state/error.hpp"

#include <charconv>
#include <utility>

namespace rtnode::profile {
namespace {

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

/// Cuts a whole number off the front of `text`.
bool take_number(std::string_view& text, unsigned& number) {
    if (text.empty() || !is_digit(text.front())) return false;
    const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc{}) return false;
    text.remove_prefix(static_cast<std::size_t>(stop - text.data()));
    return true;
}

/// "rt" as a part of its own, a number may follow: "-rt-amd64", ".rt24.93.el8", "+rt".
bool names_real_time(std::string_view release) {
    if (release.find("realtime") != std::string_view::npos) return true;
    for (auto at = release.find("rt"); at != std::string_view::npos; at = release.find("rt", at + 1)) {
        const auto rest = release.substr(at + 2);
        const bool begins = at > 0 && std::string_view(".-+").find(release[at - 1]) != std::string_view::npos;
        const bool ends = rest.empty() || is_digit(rest.front()) ||
                          std::string_view(".-+").find(rest.front()) != std::string_view::npos;
        if (begins && ends) return true;
    }
    return false;
}

} // namespace

std::string Since::text() const {
    if (!other.empty()) return std::string(other);
    if (major == 0) return "before 4.18";
    const auto version = fmt::format("{}.{}", major, minor);
    return el == 0 ? version : fmt::format("{} (el{}: build {})", version, el, build);
}

TargetKernel TargetKernel::parse(std::string_view release) {
    TargetKernel kernel;
    kernel.release = release;
    auto rest = release;
    const bool numbers = take_number(rest, kernel.major) && rest.starts_with('.') &&
                         (rest.remove_prefix(1), take_number(rest, kernel.minor));
    if (!numbers)
        throw fail(Reason::InvalidArgument,
                   "'{}' is not a kernel release: it doesn't begin with a version; give what uname -r says, as "
                   "5.14.0-427.13.1.el9_4.x86_64",
                   release);
    if (const auto dash = rest.find('-'); dash != std::string_view::npos) {
        auto behind = rest.substr(dash + 1);
        take_number(behind, kernel.build); // "6.6.0-rt15" has none
    }
    if (const auto dot = rest.find(".el"); dot != std::string_view::npos) {
        auto behind = rest.substr(dot + 3);
        take_number(behind, kernel.el);
    }
    kernel.real_time = names_real_time(release);
    return kernel;
}

bool TargetKernel::at_least(unsigned wanted_major, unsigned wanted_minor) const {
    return std::pair(major, minor) >= std::pair(wanted_major, wanted_minor);
}

bool TargetKernel::understands(const Since& since) const {
    return at_least(since.major, since.minor) || (since.el != 0 && el == since.el && build >= since.build);
}

} // namespace rtnode::profile
