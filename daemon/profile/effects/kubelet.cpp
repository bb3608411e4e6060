// Whether kubelet reserves the CPUs that the profile reserves.

#include "profile/effects/parts.hpp"
#include "state/file_text.hpp"
#include "state/machine_files.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <sstream>

namespace rtnode::profile {
namespace {

/// A text field of KubeletConfiguration (kubelet.config.k8s.io/v1beta1) in JSON, or in YAML, where it begins a line.
/// "" = not set.
std::string kubelet_field(const std::string& text, const std::string& name) {
    const auto json = nlohmann::json::parse(text, nullptr, false);
    if (const auto field = json.find(name); field != json.end())
        return field->is_string() ? field->get<std::string>() : "";
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) {
        if (!line.starts_with(name + ':')) continue;
        auto value = trimmed(std::string_view(line).substr(name.size() + 1, line.find(" #") - name.size() - 1));
        if (value.size() >= 2 && (value.front() == '"' || value.front() == '\'') && value.back() == value.front())
            value = value.substr(1, value.size() - 2);
        return value;
    }
    return "";
}

Check reserved_cpus(const Subject& subject, const std::string& configuration, bool exclusive) {
    const std::string name = "kubelet-reserved-cpus", expected = format_cpu_list(subject.sets.reserved);
    const auto text = kubelet_field(configuration, "reservedSystemCPUs");
    const auto remedy = fmt::format("set reservedSystemCPUs: \"{}\" and cpuManagerPolicy: static in a KubeletConfig "
                                    "(Kubernetes 1.17 and later)",
                                    expected);
    if (text.empty() && !exclusive) {
        auto check = fact(name, {}, "kubelet gives no pod CPUs of its own: cpuManagerPolicy isn't static");
        check.expected = expected;
        return check;
    }
    if (text.empty())
        return judged(name, false, expected, "not set: kubelet takes the lowest-numbered cores by itself", remedy);
    return judged(name, cpus_of(text) == subject.sets.reserved, expected, text, remedy);
}

/// What kubelet's static CPU manager gave to containers (k8s.io/kubernetes, pkg/kubelet/cm/cpumanager/state:
/// policyName, and entries by pod and container).
Check exclusive_cpus(const Subject& subject) {
    const std::string name = "kubelet-exclusive-cpus";
    const auto expected = "none of CPU " + format_cpu_list(subject.sets.reserved);
    const auto text = file_text(subject.root / "var/lib/kubelet/cpu_manager_state");
    if (text.empty()) return unknown(name, expected, "/var/lib/kubelet/cpu_manager_state can't be read (yet)");
    const auto odd = [&](std::string_view what) {
        return unknown(name, expected, fmt::format("/var/lib/kubelet/cpu_manager_state can't be understood: {}", what));
    };
    const std::string remedy = "kubelet keeps what it gave under its former settings: drain the node, stop kubelet, "
                               "remove /var/lib/kubelet/cpu_manager_state, and start kubelet again";
    try {
        const auto state = nlohmann::json::parse(text);
        if (const auto policy = state.at("policyName").get<std::string>(); policy != "static")
            return judged(name, false, expected, fmt::format("its state is of policy '{}'", policy), remedy);
        CpuList given;
        if (const auto pods = state.find("entries"); pods != state.end() && !pods->is_null())
            for (const auto& pod : *pods)
                for (const auto& cpus : pod) {
                    const auto list = cpus_of(cpus.get<std::string>());
                    if (!list) return odd("a list of CPUs");
                    given = cpus_in_either(given, *list);
                }
        const auto wrong = cpus_in_both(given, subject.sets.reserved);
        const auto actual = "containers have CPU " + (given.empty() ? "none" : format_cpu_list(given));
        return judged(name, wrong.empty(), expected, actual, remedy);
    } catch (const nlohmann::json::exception& error) {
        return odd(error.what());
    }
}

} // namespace

Checks check_kubelet(const Subject& subject) {
    if (subject.sets.reserved.empty()) return {};
    const auto configuration = file_text(subject.root / "etc/kubernetes/kubelet.conf");
    if (configuration.empty()) return {}; // no kubelet here
    const bool exclusive = kubelet_field(configuration, "cpuManagerPolicy") == "static";
    Checks checks{reserved_cpus(subject, configuration, exclusive)};
    if (exclusive) checks.push_back(exclusive_cpus(subject));
    return checks;
}

} // namespace rtnode::profile
