#include "export/parts.hpp"
#include "export/yaml.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

namespace rtnode::exports {
namespace {

/// KEY=VALUE of an option as a label.
std::pair<std::string, std::string> label_of(const Options& options) {
    const auto& text = options.pool_label;
    if (text.empty()) return {options.role, ""};
    const auto equals = std::min(text.find('='), text.size());
    return {text.substr(0, equals), text.substr(std::min(equals + 1, text.size()))};
}

bool are_the_lowest(const CpuList& cpus) {
    CpuList lowest(cpus.size());
    std::iota(lowest.begin(), lowest.end(), 0U);
    return cpus == lowest;
}

std::string topology_manager(const NodeState& state, const Options& options) {
    for (const auto* policy : {&options.topology_manager, &state.topology_manager_policy})
        if (!policy->empty()) return *policy;
    return "best-effort";
}

} // namespace

Part kubelet_config(const NodeState& state, const Options& options) {
    Part part{.kind = "KubeletConfig", .yaml = {}, .notes = {}};
    const auto& reserved = state.cpus.reserved;
    if (reserved.empty()) {
        part.notes.emplace_back("none: no CPU is isolated on this node, so kubelet has none to reserve");
        return part;
    }
    const auto list = format_cpu_list(reserved);
    const auto [key, value] = label_of(options);
    part.notes.push_back(fmt::format("a KubeletConfig finds its pool by a label of the pool, not by its name: oc label "
                                     "machineconfigpool {} {}={}",
                                     options.role, key, value));
    if (options.oldest()) {
        part.notes.emplace_back(
            "OpenShift 4.3 has no reservedSystemCPUs and no topology manager: kubelet reserves that "
            "many CPUs, the lowest-numbered whole cores");
        if (!are_the_lowest(reserved))
            part.notes.push_back(
                fmt::format("reserved on this node are CPU {}, which are others; pods will get some of "
                            "them, and not all isolated CPUs",
                            list));
    }
    part.yaml = object(
        "machineconfiguration.openshift.io/v1", "KubeletConfig", name_of_objects(options), [](YAML::Emitter&) {},
        [&, key = key, value = value](YAML::Emitter& out) {
            map_at(out, "machineConfigPoolSelector", [&] {
                map_at(out, "matchLabels", [&] { out << YAML::Key << Text{key} << YAML::Value << Text{value}; });
            });
            map_at(out, "kubeletConfig", [&] {
                at(out, "cpuManagerPolicy", "static");
                at(out, "cpuManagerReconcilePeriod", "5s");
                if (options.oldest()) {
                    const auto count = std::to_string(reserved.size());
                    map_at(out, "systemReserved", [&] { at(out, "cpu", Text{count}); });
                } else {
                    at(out, "topologyManagerPolicy", topology_manager(state, options));
                    at(out, "reservedSystemCPUs", Text{list});
                }
            });
        });
    return part;
}

} // namespace rtnode::exports
