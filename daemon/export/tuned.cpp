#include "export/parts.hpp"
#include "export/yaml.hpp"
#include "profile/arguments/huge_pages.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>

namespace rtnode::exports {
namespace {

constexpr const char* operators_namespace = "openshift-cluster-node-tuning-operator";

/// A TuneD profile's sections are INI: '#' begins a comment there, and "${" a variable of TuneD.
bool can_be_written(const std::string& value) {
    return value.find_first_of("#$") == std::string::npos &&
           std::ranges::all_of(value, [](char c) { return c >= 0x20 && c <= 0x7e; });
}

/// Lines of a TuneD profile's sections.
struct Settings {
    std::map<std::string, std::string> sysctls;
    std::vector<std::pair<std::string, std::string>> files; ///< of sysfs; TuneD takes '*' in their names
    std::vector<std::string> unseen;                        ///< rows that Verify has not
};

class Reading {
  public:
    Reading(const NodeState& state, std::vector<std::string>& notes) : state_(state), notes_(notes) {}

    Settings read() {
        const auto& profile = *state_.profile;
        for (const auto& [name, value] : profile.sysctls)
            sysctl(name, value, "sysctl " + name);
        if (profile.timer_migration)
            sysctl("kernel.timer_migration", *profile.timer_migration ? "1" : "0", "timer-migration");
        if (profile.housekeeping_workqueues && !state_.cpus.isolated.empty())
            for (const auto* name : {"cpumask", "*/cpumask"})
                file(std::string("/sys/devices/virtual/workqueue/") + name, cpu_mask(state_.cpus.reserved),
                     "workqueues");
        if (profile.ignore_corrected_errors)
            file("/sys/devices/system/machinecheck/machinecheck*/ignore_ce",
                 *profile.ignore_corrected_errors ? "1" : "0", "ignore-corrected-errors");
        for (const auto& pages : profile.huge_pages)
            if (pages.numa_node)
                file(fmt::format("/sys/devices/system/node/node{}/hugepages/hugepages-{}kB/nr_hugepages",
                                 *pages.numa_node, pages.size_kib),
                     fmt::format("{}", pages.count),
                     fmt::format("huge-pages-{}-node-{}", profile::page_size_text(pages.size_kib), *pages.numa_node));
        if (profile.housekeeping_interrupts && !state_.cpus.isolated.empty())
            notes_.emplace_back("left out: that interrupts stay off isolated CPUs. TuneD moves them only together with "
                                "every process; rtnode does it by the profile");
        return std::move(settings_);
    }

  private:
    void sysctl(const std::string& name, const std::string& value, const std::string& row) {
        if (!there(name, row)) return;
        if (can_be_written(value))
            settings_.sysctls[name] = value;
        else
            notes_.push_back(fmt::format("left out, since TuneD would read its value otherwise: {}", name));
    }

    void file(std::string name, std::string value, const std::string& row) {
        if (there(name, row)) settings_.files.emplace_back(std::move(name), std::move(value));
    }

    /// Whether the node has such a thing at all, by the row about it.
    bool there(const std::string& name, const std::string& row) {
        const auto* check = check_named(state_, row);
        if (check == nullptr && std::ranges::find(settings_.unseen, row) == settings_.unseen.end())
            settings_.unseen.push_back(row);
        if (check == nullptr || check->state != CheckState::not_applicable) return true;
        notes_.push_back(fmt::format("left out, since {}: {}", check->remedy, name));
        return false;
    }

    const NodeState& state_;
    std::vector<std::string>& notes_;
    Settings settings_;
};

std::string data_of(const Settings& settings) {
    std::string data = "[main]\nsummary=Run-time settings of a real-time node, exported by rtnode\n"
                       "include=openshift-node\n";
    if (!settings.sysctls.empty()) data += "\n[sysctl]\n";
    for (const auto& [name, value] : settings.sysctls)
        data += fmt::format("{}={}\n", name, value);
    if (!settings.files.empty()) data += "\n[sysfs]\n";
    for (const auto& [name, value] : settings.files)
        data += fmt::format("{}={}\n", name, value);
    return data;
}

} // namespace

Part tuned(const NodeState& state, const Options& options) {
    Part part{.kind = "Tuned", .yaml = {}, .notes = {}};
    if (!state.profile) {
        part.notes.emplace_back("none: no profile is configured, so nothing is set at run time");
        return part;
    }
    const auto settings = Reading(state, part.notes).read();
    if (settings.sysctls.empty() && settings.files.empty()) {
        part.notes.push_back(fmt::format("none: profile {} sets nothing at run time", state.profile->name));
        return part;
    }
    if (!settings.unseen.empty())
        part.notes.push_back(fmt::format("wanted by profile {}, but not looked at: {}", state.profile->name,
                                         fmt::join(settings.unseen, ", ")));
    const auto name = name_of_objects(options), label = "node-role.kubernetes.io/" + options.role;
    const auto data = data_of(settings);
    part.yaml = object(
        "tuned.openshift.io/v1", "Tuned", name, [](YAML::Emitter& out) { at(out, "namespace", operators_namespace); },
        [&](YAML::Emitter& out) {
            list_at(out, "profile", [&] {
                out << YAML::BeginMap;
                at(out, "name", Text{name});
                out << YAML::Key << "data" << YAML::Value << YAML::Literal << data;
                out << YAML::EndMap;
            });
            list_at(out, "recommend", [&] {
                out << YAML::BeginMap;
                list_at(out, "match", [&] {
                    out << YAML::BeginMap;
                    at(out, "label", Text{label});
                    out << YAML::EndMap;
                });
                at(out, "priority", options.tuned_priority);
                at(out, "profile", Text{name});
                out << YAML::EndMap;
            });
        });
    return part;
}

} // namespace rtnode::exports
