#include "config/to_toml.hpp"

#include "state/numbers.hpp"

#include <nlohmann/json.hpp>
#include <toml.hpp>

#include <filesystem>
#include <map>
#include <string_view>
#include <vector>

namespace rtnode::config {
namespace {

/// Keys in the order of the alphabet: the same values are the same text.
using Value = toml::basic_value<toml::discard_comments, std::map, std::vector>;
using Section = Value::table_type;

template <typename T>
void say(Section& section, const char* key, const T& value, const T& otherwise) {
    if (value != otherwise) section.emplace(key, value);
}

void say(Section& section, const char* key, std::chrono::seconds value, std::chrono::seconds otherwise) {
    say(section, key, fmt::format("{}s", value.count()), fmt::format("{}s", otherwise.count()));
}

void say(Section& section, const char* key, const std::filesystem::path& value) {
    say(section, key, value.string(), std::string());
}

/// A word for true, another one for false.
void say(Section& section, const char* key, bool value, const char* word) {
    if (value) section.emplace(key, word);
}

void say(Section& section, const char* key, const std::optional<bool>& value) {
    if (value) section.emplace(key, *value);
}

void add(Section& top, const char* name, Section section) {
    if (!section.empty()) top.emplace(name, std::move(section));
}

/// Width 0 makes sections of tables and lines of a list's elements. With another one toml11 3.7 folds long strings, and
/// loses a blank where it does.
std::string text_of(const Section& top) {
    if (top.empty()) return {};
    const auto text = toml::format(Value(top), 0); // with empty lines around
    const auto from = text.find_first_not_of('\n');
    return text.substr(from, text.find_last_not_of('\n') + 1 - from) + '\n';
}

std::string size_text(std::uint64_t kib) {
    return kib == 0 ? "" : kib == 2048 ? "2M" : "1G"; // those that profiles take
}

Section packages_of(const Profile& profile) {
    Section section;
    say(section, "kernel", profile.kernel, {});
    say(section, "kernel-version", profile.kernel_version, {});
    say(section, "replace", profile.replace, {});
    say(section, "remove", profile.remove, {});
    say(section, "install", profile.install, {});
    return section;
}

Section cpus_of(const Profile& profile) {
    Section section;
    say(section, "reserved", format_cpu_list(profile.reserved), {});
    say(section, "isolated", format_cpu_list(profile.isolated), {});
    say(section, "reserve-cores", profile.reserve_cores, 0U);
    return section;
}

Section kernel_arguments_of(const Profile& profile) {
    const Profile otherwise;
    Section section;
    say(section, "append", profile.append, {});
    say(section, "isolate", profile.isolate, otherwise.isolate);
    say(section, "balance-isolated", profile.balance_isolated, otherwise.balance_isolated);
    say(section, "real-time", profile.real_time, otherwise.real_time);
    say(section, "high-power", profile.high_power, otherwise.high_power);
    return section;
}

Section huge_pages_of(const Profile& profile) {
    Section section;
    say(section, "default-size", size_text(profile.default_huge_page_kib), {});
    std::vector<Section> pages;
    for (const auto& entry : profile.huge_pages) {
        auto& page = pages.emplace_back();
        page.emplace("size", size_text(entry.size_kib));
        page.emplace("count", entry.count);
        if (entry.numa_node) page.emplace("numa-node", *entry.numa_node);
    }
    if (!pages.empty()) section.emplace("pages", pages);
    return section;
}

Section run_time_of(const Profile& profile) {
    Section section;
    say(section, "housekeeping-workqueues", profile.housekeeping_workqueues, false);
    say(section, "housekeeping-interrupts", profile.housekeeping_interrupts, false);
    say(section, "ignore-corrected-errors", profile.ignore_corrected_errors);
    say(section, "timer-migration", profile.timer_migration);
    add(section, "sysctls", Section(profile.sysctls.begin(), profile.sysctls.end()));
    return section;
}

Section verify_of(const Profile& profile) {
    Section section;
    say(section, "require-real-time", profile.require_real_time, false);
    say(section, "clocksource", profile.clocksource, {});
    say(section, "microcode", profile.microcode, {});
    say(section, "max-isolated-interrupts", profile.max_isolated_interrupts, 0U);
    return section;
}

Section acceptance_of(const Profile& profile) {
    const auto& acceptance = profile.acceptance;
    const Profile::Acceptance otherwise;
    Section section;
    say(section, "cpus", acceptance.cpus, {});
    say(section, "duration", acceptance.duration, otherwise.duration);
    say(section, "interval", fmt::format("{}us", acceptance.interval.count()),
        fmt::format("{}us", otherwise.interval.count()));
    say(section, "max-us", acceptance.max_us, 0U);
    say(section, "p99-99-us", acceptance.p99_99_us, 0U);
    say(section, "baseline", acceptance.baseline, false);
    say(section, "tolerance", acceptance.tolerance, otherwise.tolerance);
    say(section, "on-stock-kernel", acceptance.on_stock_kernel, false);
    say(section, "on-failure", profile.rollback, "rollback");
    say(section, "force-on-managed", profile.force_on_managed, false);
    return section;
}

/// "22:00-04:00"; a whole day begins at midnight.
std::string window_of(const Profile& profile) {
    constexpr unsigned day = 24 * 60;
    const std::string_view start = profile.window_start;
    if (start.empty()) return {};
    const auto minutes = [&](std::size_t at) { return whole_number<unsigned>(start.substr(at, 2)).value_or(0); };
    auto end = minutes(0) * 60 + minutes(3) + static_cast<unsigned>(profile.window_length.count());
    if (end > day) end -= day;
    return fmt::format("{}-{:02}:{:02}", start, end / 60, end % 60);
}

Section reboot_of(const Profile& profile) {
    const nlohmann::json words = profile; // has the ways to reboot by name
    Section section;
    say(section, "when", words.at("reboot").at("when").get<std::string>(), std::string("manual"));
    say(section, "window", window_of(profile), {});
    say(section, "days", profile.window_days, {});
    say(section, "go-file", profile.go_file, {});
    say(section, "go-unit", profile.go_unit, {});
    return section;
}

Section kernel_checks_of(const KernelChecks& checks) {
    const KernelChecks otherwise;
    Section section;
    const auto add_check = [&](const char* key, Strictness value, Strictness standard) {
        if (value != standard) section.emplace(key, nlohmann::json(value).get<std::string>());
    };
    add_check("secure-boot", checks.secure_boot, otherwise.secure_boot);
    add_check("fips", checks.fips, otherwise.fips);
    add_check("out-of-tree-modules", checks.out_of_tree_modules, otherwise.out_of_tree_modules);
    return section;
}

} // namespace

std::string to_toml(const Profile& profile) {
    Section top;
    say(top, "description", profile.description, {});
    add(top, "packages", packages_of(profile));
    add(top, "cpus", cpus_of(profile));
    add(top, "kernel-arguments", kernel_arguments_of(profile));
    add(top, "huge-pages", huge_pages_of(profile));
    add(top, "run-time", run_time_of(profile));
    add(top, "verify", verify_of(profile));
    add(top, "acceptance", acceptance_of(profile));
    add(top, "reboot", reboot_of(profile));
    return text_of(top);
}

std::string to_toml(const Settings& settings) {
    const Settings otherwise;
    Section profile, packages, update, limits, latency, metrics;
    say(profile, "name", settings.profile, {});
    say(profile, "on-drift", settings.repair_drift, "repair");
    say(packages, "kernel-version", settings.kernel_version, otherwise.kernel_version);
    say(update, "reapply", settings.update_reapply, false);
    const auto limit = [&](const char* key, unsigned value, unsigned standard) {
        say(limits, key, std::chrono::seconds(value), std::chrono::seconds(standard));
    };
    limit("scriptlets", settings.scriptlet_limit_s, otherwise.scriptlet_limit_s);
    limit("dracut", settings.dracut_limit_s, otherwise.dracut_limit_s);
    limit("lock-wait", settings.lock_wait_s, otherwise.lock_wait_s);
    say(latency, "max-duration", settings.latency_max_duration, otherwise.latency_max_duration);
    say(latency, "results-folder", settings.latency_results_folder);
    say(latency, "keep", settings.latency_keep, otherwise.latency_keep);
    say(metrics, "socket", settings.metrics_socket);
    say(metrics, "textfile-folder", settings.metrics_textfile_folder);

    Section top;
    add(top, "profile", std::move(profile));
    add(top, "packages", std::move(packages));
    add(top, "update", std::move(update));
    add(top, "kernel-checks", kernel_checks_of(settings.kernel_checks));
    add(top, "limits", std::move(limits));
    add(top, "latency", std::move(latency));
    add(top, "metrics", std::move(metrics));
    return text_of(top);
}

} // namespace rtnode::config
