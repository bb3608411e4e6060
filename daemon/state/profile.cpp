#include "state/profile.hpp"

#include "state/error.hpp"

#include <nlohmann/json.hpp>

#include <array>
#include <string_view>
#include <utility>

namespace rtnode {
namespace {

constexpr std::array<std::pair<Profile::Reboot, std::string_view>, 5> reboots{{
    {Profile::Reboot::manual, "manual"},
    {Profile::Reboot::immediate, "immediate"},
    {Profile::Reboot::idle, "idle"},
    {Profile::Reboot::window, "window"},
    {Profile::Reboot::external, "external"},
}};

std::string_view name_of(Profile::Reboot reboot) {
    for (const auto& [value, name] : reboots)
        if (value == reboot) return name;
    return "unknown";
}

Profile::Reboot reboot_of(const std::string& name) {
    for (const auto& [value, text] : reboots)
        if (text == name) return value;
    throw fail(Reason::InvalidArgument, "'{}' is not a way to reboot", name);
}

CpuList cpus_at(const nlohmann::json& json, const char* key) {
    return parse_cpu_list(json.at(key).get<std::string>());
}

template <typename Value>
nlohmann::json or_null(const std::optional<Value>& value) {
    return value ? nlohmann::json(*value) : nlohmann::json();
}

template <typename Value>
std::optional<Value> optional_at(const nlohmann::json& json, const char* key) {
    const auto& value = json.at(key);
    return value.is_null() ? std::nullopt : std::optional<Value>(value.get<Value>());
}

/// A duration as a whole number of its own unit, which the key names.
template <typename Duration>
void get_duration(const nlohmann::json& json, const char* key, Duration& duration) {
    duration = Duration(json.at(key).get<typename Duration::rep>());
}

nlohmann::json huge_pages_json(const Profile& profile) {
    auto pages = nlohmann::json::array();
    for (const auto& entry : profile.huge_pages)
        pages.push_back(
            {{"size-kib", entry.size_kib}, {"count", entry.count}, {"numa-node", or_null(entry.numa_node)}});
    return {{"default-kib", profile.default_huge_page_kib}, {"pages", std::move(pages)}};
}

void get_huge_pages(const nlohmann::json& json, Profile& profile) {
    json.at("default-kib").get_to(profile.default_huge_page_kib);
    profile.huge_pages.clear();
    for (const auto& entry : json.at("pages"))
        profile.huge_pages.push_back({entry.at("size-kib").get<std::uint64_t>(), entry.at("count").get<std::uint64_t>(),
                                      optional_at<unsigned>(entry, "numa-node")});
}

nlohmann::json run_time_json(const Profile& profile) {
    return {{"housekeeping-workqueues", profile.housekeeping_workqueues},
            {"housekeeping-interrupts", profile.housekeeping_interrupts},
            {"ignore-corrected-errors", or_null(profile.ignore_corrected_errors)},
            {"timer-migration", or_null(profile.timer_migration)},
            {"sysctls", profile.sysctls}};
}

void get_run_time(const nlohmann::json& json, Profile& profile) {
    json.at("housekeeping-workqueues").get_to(profile.housekeeping_workqueues);
    json.at("housekeeping-interrupts").get_to(profile.housekeeping_interrupts);
    profile.ignore_corrected_errors = optional_at<bool>(json, "ignore-corrected-errors");
    profile.timer_migration = optional_at<bool>(json, "timer-migration");
    profile.sysctls = json.at("sysctls").get<std::map<std::string, std::string>>();
}

nlohmann::json acceptance_json(const Profile::Acceptance& acceptance) {
    return {{"cpus", acceptance.cpus},
            {"duration-s", acceptance.duration.count()},
            {"interval-us", acceptance.interval.count()},
            {"max-us", acceptance.max_us},
            {"p99.99-us", acceptance.p99_99_us},
            {"baseline", acceptance.baseline},
            {"tolerance", acceptance.tolerance},
            {"on-stock-kernel", acceptance.on_stock_kernel}};
}

void get_acceptance(const nlohmann::json& json, Profile::Acceptance& acceptance) {
    json.at("cpus").get_to(acceptance.cpus);
    get_duration(json, "duration-s", acceptance.duration);
    get_duration(json, "interval-us", acceptance.interval);
    json.at("max-us").get_to(acceptance.max_us);
    json.at("p99.99-us").get_to(acceptance.p99_99_us);
    json.at("baseline").get_to(acceptance.baseline);
    json.at("tolerance").get_to(acceptance.tolerance);
    json.at("on-stock-kernel").get_to(acceptance.on_stock_kernel);
}

nlohmann::json reboot_json(const Profile& profile) {
    return {{"when", name_of(profile.reboot)},
            {"window-start", profile.window_start},
            {"window-minutes", profile.window_length.count()},
            {"window-days", profile.window_days},
            {"go-file", profile.go_file},
            {"go-unit", profile.go_unit}};
}

void get_reboot(const nlohmann::json& json, Profile& profile) {
    profile.reboot = reboot_of(json.at("when").get<std::string>());
    json.at("window-start").get_to(profile.window_start);
    get_duration(json, "window-minutes", profile.window_length);
    json.at("window-days").get_to(profile.window_days);
    json.at("go-file").get_to(profile.go_file);
    json.at("go-unit").get_to(profile.go_unit);
}

} // namespace

void to_json(nlohmann::json& json, const Profile& profile) {
    json = {{"name", profile.name},
            {"description", profile.description},
            {"files", profile.files},
            {"packages",
             {{"kernel", profile.kernel},
              {"kernel-version", profile.kernel_version},
              {"replace", profile.replace},
              {"remove", profile.remove},
              {"install", profile.install}}},
            {"cpus",
             {{"reserved", format_cpu_list(profile.reserved)},
              {"isolated", format_cpu_list(profile.isolated)},
              {"reserve-cores", profile.reserve_cores}}},
            {"kernel-arguments",
             {{"append", profile.append},
              {"isolate", profile.isolate},
              {"balance-isolated", profile.balance_isolated},
              {"real-time", profile.real_time},
              {"high-power", profile.high_power}}},
            {"huge-pages", huge_pages_json(profile)},
            {"run-time", run_time_json(profile)},
            {"verify",
             {{"require-real-time", profile.require_real_time},
              {"clocksource", profile.clocksource},
              {"microcode", profile.microcode},
              {"max-isolated-interrupts", profile.max_isolated_interrupts}}},
            {"acceptance", acceptance_json(profile.acceptance)},
            {"rollback", profile.rollback},
            {"force-on-managed", profile.force_on_managed},
            {"reboot", reboot_json(profile)}};
}

void from_json(const nlohmann::json& json, Profile& profile) {
    json.at("name").get_to(profile.name);
    json.at("description").get_to(profile.description);
    json.at("files").get_to(profile.files);

    const auto& packages = json.at("packages");
    packages.at("kernel").get_to(profile.kernel);
    packages.at("kernel-version").get_to(profile.kernel_version);
    packages.at("replace").get_to(profile.replace);
    packages.at("remove").get_to(profile.remove);
    packages.at("install").get_to(profile.install);

    const auto& cpus = json.at("cpus");
    profile.reserved = cpus_at(cpus, "reserved");
    profile.isolated = cpus_at(cpus, "isolated");
    cpus.at("reserve-cores").get_to(profile.reserve_cores);

    const auto& arguments = json.at("kernel-arguments");
    arguments.at("append").get_to(profile.append);
    arguments.at("isolate").get_to(profile.isolate);
    arguments.at("balance-isolated").get_to(profile.balance_isolated);
    arguments.at("real-time").get_to(profile.real_time);
    arguments.at("high-power").get_to(profile.high_power);

    get_huge_pages(json.at("huge-pages"), profile);
    get_run_time(json.at("run-time"), profile);

    const auto& verify = json.at("verify");
    verify.at("require-real-time").get_to(profile.require_real_time);
    verify.at("clocksource").get_to(profile.clocksource);
    verify.at("microcode").get_to(profile.microcode);
    verify.at("max-isolated-interrupts").get_to(profile.max_isolated_interrupts);

    get_acceptance(json.at("acceptance"), profile.acceptance);
    json.at("rollback").get_to(profile.rollback);
    json.at("force-on-managed").get_to(profile.force_on_managed);
    get_reboot(json.at("reboot"), profile);
}

} // namespace rtnode
