#include "profile/gate/reboot_policy.hpp"

#include "state/error.hpp"
#include "state/numbers.hpp"

#include <algorithm>
#include <array>
#include <string_view>

namespace rtnode::profile {
namespace {

using std::chrono::days;
using std::chrono::minutes;
using std::chrono::seconds;
using std::chrono::weekday;

constexpr minutes one_day = days(1);
constexpr seconds soon = minutes(1);     // what is asked for, not told: who is logged in, files, inhibitors
constexpr seconds longest = minutes(10); // clocks are set

constexpr std::array<std::string_view, 7> day_names{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}; // as std::chrono

struct Window {
    minutes start{}, length{};
    std::array<bool, 7> on{}; ///< by day_names: days on which it begins
    std::string text;         ///< "02:00-04:00 on sat, sun"

    bool begins_on(weekday day) const { return on.at(day.c_encoding()); }
    bool open(minutes now, weekday today) const {
        const auto since_start = now - start;
        return (begins_on(today) && since_start >= minutes::zero() && since_start < length) ||
               (begins_on(today - days(1)) && since_start + one_day < length);
    }
    /// How long until it opens the next time; it isn't open.
    minutes until_open(minutes now, weekday today) const {
        for (int day = 0; day <= 7; ++day)
            if (const auto wait = start - now + day * one_day; wait > minutes::zero() && begins_on(today + days(day)))
                return wait;
        return one_day;
    }
};

std::string clock_text(minutes time) {
    const auto count = (time % one_day).count();
    return fmt::format("{:02}:{:02}", count / 60, count % 60);
}

Window window_of(const Profile& profile) {
    Window window{.length = profile.window_length};
    const auto bad = [&](const std::string& why) {
        return fail(Reason::Configuration,
                    "profile '{}' has a reboot window that can't be understood: {}; write a start such as \"02:00\", a "
                    "length of at most 24 hours, and days as mon, tue, wed, thu, fri, sat, sun",
                    profile.name, why);
    };
    try {
        window.start = parse_time_of_day(profile.window_start);
    } catch (const Error& error) {
        throw bad(error.what());
    }
    if (window.length <= minutes::zero() || window.length > one_day)
        throw bad(fmt::format("it lasts {} minutes", window.length.count()));
    for (const auto& name : profile.window_days) {
        const auto* day = std::find(day_names.begin(), day_names.end(), name);
        if (day == day_names.end()) throw bad(fmt::format("'{}' is no day", name));
        window.on.at(static_cast<std::size_t>(day - day_names.begin())) = true;
    }
    if (profile.window_days.empty()) window.on.fill(true);
    window.text = fmt::format("{}-{}{}{}", clock_text(window.start), clock_text(window.start + window.length),
                              profile.window_days.empty() ? "" : " on ", fmt::join(profile.window_days, ", "));
    return window;
}

Decision waiting(std::string why, std::optional<seconds> look_again) {
    return {.go = false, .why_waiting = std::move(why), .look_again = look_again};
}

std::optional<Decision> waits_until_idle(const RebootFacts& facts) {
    std::vector<std::string> busy;
    if (facts.jobs_busy) busy.emplace_back("a job isn't over");
    if (facts.measurements_running) busy.emplace_back("a measurement runs");
    if (facts.users_logged_in > 0) busy.push_back(fmt::format("{} logged in", counted(facts.users_logged_in, "user")));
    if (busy.empty()) return std::nullopt;
    return waiting(fmt::format("waits for the node to be idle: {}", fmt::join(busy, ", ")), soon);
}

std::optional<Decision> waits_for_window(const Profile& profile, const RebootFacts& facts) {
    const auto window = window_of(profile);
    if (window.open(facts.minute_of_day, facts.weekday)) return std::nullopt;
    // Time zones differ by whole minutes, so the second of the minute is everybody's.
    const auto second = std::chrono::duration_cast<seconds>(facts.now - std::chrono::floor<minutes>(facts.now));
    const seconds wait = window.until_open(facts.minute_of_day, facts.weekday) - second;
    return waiting("waits for the window " + window.text, std::min(wait, longest));
}

std::optional<Decision> waits_for_go(const Profile& profile, const RebootFacts& facts) {
    const bool file = !profile.go_file.empty(), unit = !profile.go_unit.empty();
    if ((file && facts.go_file_there) || (unit && facts.go_unit_active)) return std::nullopt;
    std::vector<std::string> goes;
    if (file) goes.push_back(fmt::format("{} to appear", profile.go_file));
    if (unit) goes.push_back(fmt::format("{} to be active", profile.go_unit));
    if (goes.empty())
        return waiting("waits for a go, and the profile names neither a file nor a unit that gives it: call Reboot",
                       std::nullopt);
    return waiting(fmt::format("waits for {}", fmt::join(goes, " or for ")), soon);
}

std::optional<Decision> waits_for_policy(const Profile& profile, const RebootFacts& facts) {
    switch (profile.reboot) {
    case Profile::Reboot::manual:
        return waiting("waits for somebody to call Reboot, as the profile says", std::nullopt);
    case Profile::Reboot::immediate:
        return std::nullopt;
    case Profile::Reboot::idle:
        return waits_until_idle(facts);
    case Profile::Reboot::window:
        return waits_for_window(profile, facts);
    case Profile::Reboot::external:
        return waits_for_go(profile, facts);
    }
    return std::nullopt;
}

} // namespace

Decision decide(const Profile& profile, const RebootFacts& facts) {
    if (auto wait = waits_for_policy(profile, facts)) return *std::move(wait);
    if (facts.jobs_busy) return waiting("waits for the jobs to end", soon);
    if (!facts.inhibitors.empty())
        return waiting(fmt::format("waits for what inhibits a shutdown: {}", fmt::join(facts.inhibitors, "; ")), soon);
    return {.go = true, .why_waiting = {}, .look_again = {}};
}

std::chrono::minutes parse_time_of_day(const std::string& text) {
    if (text.size() == 5 && text[2] == ':') {
        const std::string_view view(text);
        const auto hour = whole_number<unsigned>(view.substr(0, 2)), minute = whole_number<unsigned>(view.substr(3));
        if (hour && minute && *hour < 24 && *minute < 60) return minutes(*hour * 60 + *minute);
    }
    throw fail(Reason::InvalidArgument, "'{}' is no time of the day; it is written as \"02:00\", up to \"23:59\"",
               text);
}

} // namespace rtnode::profile
