#include "latency/exclusive_cpus.hpp"

#include "state/error.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <fstream>
#include <iterator>

namespace rtnode::latency {

std::vector<ExclusiveCpus> exclusive_cpus(const CpuList& wanted, std::string& doubt, const std::string& root) {
    doubt.clear();
    const auto path = root + "/var/lib/kubelet/cpu_manager_state";
    std::ifstream file(path);
    if (!file) return {};
    std::vector<ExclusiveCpus> found;
    try {
        const auto state = nlohmann::json::parse(file);
        if (state.at("policyName") != "static") return {};
        const auto entries = state.find("entries");
        if (entries == state.end() || entries->is_null()) return {};
        for (const auto& [pod, containers] : entries->items())
            for (const auto& [container, list] : containers.items()) {
                const auto cpus = parse_cpu_list(list.get<std::string>());
                ExclusiveCpus shared{.cpus = {}, .pod = pod, .container = container};
                std::set_intersection(cpus.begin(), cpus.end(), wanted.begin(), wanted.end(),
                                      std::back_inserter(shared.cpus));
                if (!shared.cpus.empty()) found.push_back(std::move(shared));
            }
    } catch (const std::exception& e) {
        doubt =
            fmt::format("whether pods have CPUs of their own is unknown: {} can't be understood ({})", path, e.what());
        return {};
    }
    return found;
}

std::string describe(const ExclusiveCpus& exclusive) {
    return fmt::format("CPU {} belongs to container {} of pod {} alone", format_cpu_list(exclusive.cpus),
                       exclusive.container, exclusive.pod);
}

} // namespace rtnode::latency
