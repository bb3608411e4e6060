#include "config/profile_keys.hpp"

#include "state/kernel_arguments.hpp"
#include "state/kernel_version.hpp"
#include "state/numbers.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <map>
#include <optional>
#include <string_view>

namespace rtnode::config {
namespace {

using namespace std::chrono_literals;

constexpr auto manual = "rtnode.profile(5)";
constexpr std::int64_t most_cpus = 8192; // as parse_cpu_list()
constexpr std::int64_t most_us = 60'000'000;

/// Reads a section, and keeps where its keys stand.
template <typename F>
void section(Table& top, const std::string& name, ProfileReading& reading, F read) {
    top.with(name, [&](const Value& v) {
        Table table(name, v, manual);
        read(table);
        table.finish();
        for (const auto& [key, value] : v.as_table())
            reading.said.insert_or_assign(name + "." + key, value);
    });
}

bool has_control_characters(std::string_view text) {
    return std::ranges::any_of(text, [](unsigned char c) { return c < 0x20 || c == 0x7f; });
}

bool only_of(std::string_view text, std::string_view others_allowed) {
    return std::ranges::all_of(text, [&](unsigned char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               others_allowed.find(static_cast<char>(c)) != std::string_view::npos;
    });
}

bool is_package_name(const std::string& text) {
    return !text.empty() && only_of(text, "._+~^:-");
}

/// Not "fd:N" either: no descriptor is passed with a profile.
bool is_package_source(const std::string& text) {
    if (has_control_characters(text) || text.starts_with("fd:")) return false;
    return text.starts_with('/') || text.find("://") != std::string::npos || is_package_name(text);
}

void read_packages(Table& table, Profile& profile) {
    table.choice("kernel", profile.kernel, {"", "rt", "stock"});
    table.checked_text("kernel-version", profile.kernel_version,
                       "\"match-base\", \"newest\", \"pinned\" or a version such as \"5.14.0-427.13.1.el9_4\"",
                       KernelVersion::parse);
    const auto expected = "a list of package names, URLs and absolute paths";
    table.texts_if("replace", profile.replace, expected, is_package_source);
    table.texts_if("remove", profile.remove, "a list of package names", is_package_name);
    table.texts_if("install", profile.install, expected, is_package_source);
}

void cpu_list(Table& table, const std::string& key, CpuList& to) {
    table.with(key, [&](const Value& v) {
        const auto expected = "a list of CPUs such as \"0-1,8\"";
        if (!v.is_string()) throw table.wrong(v, key, expected);
        try {
            to = parse_cpu_list(v.as_string().str);
        } catch (const Error& e) {
            throw table.wrong(v, key, expected, e.what());
        }
    });
}

void read_kernel_arguments(Table& table, Profile& profile) {
    table.texts("append", profile.append);
    table.with("append", [&](const Value& v) {
        for (const auto& element : v.as_array()) {
            try {
                static_cast<void>(KernelArguments().changed({element.as_string().str}, {}));
            } catch (const Error& e) {
                throw table.wrong(element, "append", "a list of kernel arguments", e.what());
            }
        }
    });
    table.flag("isolate", profile.isolate);
    table.flag("balance-isolated", profile.balance_isolated);
    table.flag("real-time", profile.real_time);
    table.flag("high-power", profile.high_power);
}

/// The sizes of x86_64. @param none what "" means, if it may be
void page_size(Table& table, const std::string& key, std::uint64_t& to, std::optional<std::uint64_t> none = {}) {
    table.with(key, [&](const Value& v) {
        const auto text = v.is_string() ? v.as_string().str : "?";
        if (text == "2M")
            to = 2048;
        else if (text == "1G")
            to = 1'048'576;
        else if (text.empty() && none)
            to = *none;
        else
            throw table.wrong(v, key, "\"2M\" or \"1G\"");
    });
}

Profile::HugePages read_pages(const Value& value) {
    Table table("huge-pages.pages", value, manual);
    Profile::HugePages pages;
    page_size(table, "size", pages.size_kib);
    table.number("count", pages.count, 0, 1 << 30);
    unsigned node = 0;
    table.number("numa-node", node, 0, 1023);
    table.finish();
    if (value.as_table().contains("numa-node")) pages.numa_node = node;
    for (const auto* key : {"size", "count"})
        if (!value.as_table().contains(key))
            throw refused(fmt::format("an entry of `pages` has no `{}`", key), value, "here",
                          fmt::format("write {{ size = \"1G\", count = 32 }}; see {}", manual));
    return pages;
}

void read_huge_pages(Table& table, Profile& profile) {
    page_size(table, "default-size", profile.default_huge_page_kib, 0);
    table.with("pages", [&](const Value& v) {
        const auto expected = "a list such as [{ size = \"1G\", count = 32, numa-node = 0 }]";
        if (!v.is_array()) throw table.wrong(v, "pages", expected);
        profile.huge_pages.clear();
        for (const auto& element : v.as_array()) {
            if (!element.is_table()) throw table.wrong(element, "pages", expected);
            const auto pages = read_pages(element);
            for (const auto& other : profile.huge_pages)
                if (other.size_kib == pages.size_kib && other.numa_node == pages.numa_node)
                    throw refused("`pages` says twice how many pages of one size there are", element,
                                  "there is one before it", fmt::format("write one number; see {}", manual));
            profile.huge_pages.push_back(pages);
        }
    });
}

bool is_sysctl(std::string_view name) {
    return only_of(name, "._-:@") && name.find('.') != std::string_view::npos && !name.starts_with('.') &&
           !name.ends_with('.') && name.find("..") == std::string_view::npos;
}

/// Also of tables in tables, which is what TOML makes of a name that isn't quoted.
void read_sysctls(const std::string& prefix, const Value& sysctls, ProfileReading& reading) {
    using Integer = std::numeric_limits<std::int64_t>; // toml11 makes its ends of what is beyond them
    for (const auto& [key, value] : sysctls.as_table()) {
        const auto name = prefix + key;
        const auto must = [&](const char* what, const char* why) {
            return refused(fmt::format("`{}` in [run-time.sysctls] must {}", name, what), value, why,
                           fmt::format("write \"kernel.hung_task_timeout_secs\" = 600; see {}", manual));
        };
        if (value.is_table()) {
            read_sysctls(name + ".", value, reading);
            continue;
        }
        if (!is_sysctl(name)) throw must("have a name with dots, as in /etc/sysctl.d", "not that");
        std::string text;
        if (value.is_string() && !has_control_characters(value.as_string().str))
            text = value.as_string().str;
        else if (!value.is_integer())
            throw must("be a whole number or a string of one line", "not that");
        else if (value.as_integer() == Integer::max() || value.as_integer() == Integer::min())
            throw must("fit 64 bits, or be a string", "too large");
        else
            text = std::to_string(value.as_integer());
        reading.said.insert_or_assign("run-time.sysctls." + name, value);
        if (text.empty())
            reading.profile.sysctls.erase(name);
        else
            reading.profile.sysctls[name] = text;
    }
}

void read_run_time(Table& table, ProfileReading& reading) {
    auto& profile = reading.profile;
    table.flag("housekeeping-workqueues", profile.housekeeping_workqueues);
    table.flag("housekeeping-interrupts", profile.housekeeping_interrupts);
    table.flag("ignore-corrected-errors", profile.ignore_corrected_errors);
    table.flag("timer-migration", profile.timer_migration);
    table.with("sysctls", [&](const Value& v) {
        if (!v.is_table()) throw table.wrong(v, "sysctls", "a table");
        read_sysctls("", v, reading);
    });
}

void read_verify(Table& table, Profile& profile) {
    table.flag("require-real-time", profile.require_real_time);
    table.text_if("clocksource", profile.clocksource, "a name such as \"tsc\"",
                  [](const std::string& text) { return only_of(text, "_-"); });
    table.text_if("microcode", profile.microcode, "a revision such as \"0x2b000603\"", [](const std::string& text) {
        return text.starts_with("0x") && text.size() > 2 && text.size() <= 10 &&
               text.find_first_not_of("0123456789abcdefABCDEF", 2) == std::string::npos;
    });
    table.number("max-isolated-interrupts", profile.max_isolated_interrupts, 0, 1'000'000);
}

/// "1ms", "200us": one whole number with its unit.
std::optional<std::chrono::microseconds> interval_of(std::string_view text) {
    const auto unit_at = std::min(text.find_first_not_of("0123456789"), text.size());
    const auto unit = text.substr(unit_at);
    const auto number = whole_number<unsigned>(text.substr(0, unit_at));
    const int us = unit == "us" ? 1 : unit == "ms" ? 1000 : unit == "s" ? 1'000'000 : 0;
    if (!number || us == 0) return std::nullopt;
    return std::chrono::microseconds(std::int64_t{*number} * us);
}

void read_acceptance(Table& table, Profile& profile) {
    auto& acceptance = profile.acceptance;
    table.text_if("cpus", acceptance.cpus, "\"isolated\" or a list of CPUs such as \"2-15\"",
                  [](const std::string& text) {
                      if (text == "isolated") return true;
                      try {
                          return !parse_cpu_list(text).empty();
                      } catch (const Error&) {
                          return false;
                      }
                  });
    table.duration("duration", acceptance.duration, std::chrono::hours(24 * 365), 0s);
    table.with("interval", [&](const Value& v) {
        const auto interval = v.is_string() ? interval_of(v.as_string().str) : std::nullopt;
        if (!interval || *interval < 50us || *interval > 1s)
            throw table.wrong(v, "interval", "a time from \"50us\" to \"1s\", such as \"1ms\"");
        acceptance.interval = *interval;
    });
    table.number("max-us", acceptance.max_us, 0, most_us);
    table.number("p99-99-us", acceptance.p99_99_us, 0, most_us);
    table.flag("baseline", acceptance.baseline);
    table.share("tolerance", acceptance.tolerance);
    table.flag("on-stock-kernel", acceptance.on_stock_kernel);
    std::string on_failure = profile.rollback ? "rollback" : "report";
    table.choice("on-failure", on_failure, {"report", "rollback"});
    profile.rollback = on_failure == "rollback";
    table.flag("force-on-managed", profile.force_on_managed);
}

/// "22:00", in minutes since midnight; nothing for another text, or a time after `latest`.
std::optional<unsigned> time_of_day(std::string_view text, unsigned latest) {
    if (text.size() != 5 || text[2] != ':') return std::nullopt;
    const auto hours = whole_number<unsigned>(text.substr(0, 2)), minutes = whole_number<unsigned>(text.substr(3));
    if (!hours || !minutes || *minutes > 59 || *hours * 60 + *minutes > latest) return std::nullopt;
    return *hours * 60 + *minutes;
}

void read_window(Table& table, Profile& profile) {
    table.with("window", [&](const Value& v) {
        constexpr unsigned day = 24 * 60;
        const auto text = v.is_string() ? v.as_string().str : std::string();
        const auto dash = std::min(text.find('-'), text.size());
        const auto start = time_of_day(text.substr(0, dash), day - 1);
        const auto end = dash < text.size() ? time_of_day(text.substr(dash + 1), day) : std::nullopt;
        if (!start || !end || *start == *end)
            throw table.wrong(v, "window",
                              "two times of the day such as \"22:00-04:00\"; a whole day is \"00:00-24:00\"");
        profile.window_start = text.substr(0, dash);
        profile.window_length = std::chrono::minutes(*end > *start ? *end - *start : *end + day - *start);
    });
    table.texts_if("days", profile.window_days, R"(a list of "mon", "tue", "wed", "thu", "fri", "sat", "sun")",
                   [](const std::string& text) {
                       constexpr std::array days{"mon", "tue", "wed", "thu", "fri", "sat", "sun"};
                       return std::ranges::find(days, text) != days.end();
                   });
}

void read_reboot(Table& table, Profile& profile) {
    table.with("when", [&](const Value& v) {
        using Reboot = Profile::Reboot;
        static const std::map<std::string, Reboot> words{{"manual", Reboot::manual},
                                                         {"immediate", Reboot::immediate},
                                                         {"idle", Reboot::idle},
                                                         {"window", Reboot::window},
                                                         {"external", Reboot::external}};
        const auto word = v.is_string() ? words.find(v.as_string().str) : words.end();
        if (word == words.end())
            throw table.wrong(v, "when", R"(one of "manual", "immediate", "idle", "window", "external")");
        profile.reboot = word->second;
    });
    read_window(table, profile);
    table.text_if("go-file", profile.go_file, "an absolute path", [](const std::string& text) {
        return text.starts_with('/') && std::filesystem::path(text).lexically_normal() == text &&
               !text.ends_with('/') && !has_control_characters(text);
    });
    table.text_if("go-unit", profile.go_unit, "a systemd unit such as \"drained.target\"", [](const std::string& text) {
        const auto dot = text.rfind('.');
        constexpr std::array kinds{".service", ".target", ".path",  ".timer",     ".socket", ".mount",
                                   ".device",  ".scope",  ".slice", ".automount", ".swap"};
        return dot != std::string::npos && dot > 0 && text.size() < 256 && only_of(text, ":-_.\\@") &&
               std::ranges::find(kinds, text.substr(dot)) != kinds.end();
    });
}

} // namespace

void read_profile_keys(const Value& file, ProfileReading& reading) {
    auto& profile = reading.profile;
    Table top("", file, manual);
    top.text_if("description", profile.description, "a string of one line",
                [](const std::string& text) { return !has_control_characters(text); });
    section(top, "packages", reading, [&](Table& table) { read_packages(table, profile); });
    section(top, "cpus", reading, [&](Table& table) {
        cpu_list(table, "reserved", profile.reserved);
        cpu_list(table, "isolated", profile.isolated);
        table.number("reserve-cores", profile.reserve_cores, 0, most_cpus);
    });
    section(top, "kernel-arguments", reading, [&](Table& table) { read_kernel_arguments(table, profile); });
    section(top, "huge-pages", reading, [&](Table& table) { read_huge_pages(table, profile); });
    section(top, "run-time", reading, [&](Table& table) { read_run_time(table, reading); });
    section(top, "verify", reading, [&](Table& table) { read_verify(table, profile); });
    section(top, "acceptance", reading, [&](Table& table) { read_acceptance(table, profile); });
    section(top, "reboot", reading, [&](Table& table) { read_reboot(table, profile); });
    top.finish();
}

} // namespace rtnode::config
