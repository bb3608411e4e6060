#include "export/kubelet_file.hpp"

#include "export/options.hpp"

#include <yaml-cpp/yaml.h>

#include <algorithm>

namespace rtnode::exports {

std::string topology_manager_of(const std::string& kubelet_configuration) {
    try {
        const auto top = YAML::Load(kubelet_configuration);
        if (!top.IsMap()) return {};
        const auto policy = top["topologyManagerPolicy"];
        if (!policy.IsDefined() || !policy.IsScalar()) return {};
        return std::ranges::find(topology_manager_policies, policy.Scalar()) == topology_manager_policies.end()
                   ? std::string()
                   : policy.Scalar();
    } catch (const YAML::Exception&) {
        return {}; // kubelet itself would complain
    }
}

} // namespace rtnode::exports
