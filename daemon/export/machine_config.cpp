#include "export/kernel_arguments.hpp"
#include "export/parts.hpp"
#include "export/yaml.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace rtnode::exports {
namespace {

constexpr int readable_mode = 0644; // in decimal in the document: JSON has no octal numbers

enum class KernelSource { stock, overridden, layered, base };

bool is_real_time_core(const std::string& name) {
    return name == "kernel-rt-core" || name == "kernel-rt";
}

/// Where the real-time kernel that runs came from.
KernelSource kernel_source(const NodeState& state) {
    if (!state.real_time) return KernelSource::stock;
    if (std::ranges::any_of(state.deployment.layered_packages,
                            [](const Nevra& package) { return is_real_time_core(package.name); }))
        return KernelSource::overridden; // by package files, as rtnode does it
    if (std::ranges::any_of(state.deployment.origin.requested, is_real_time_core)) return KernelSource::layered;
    return KernelSource::base;
}

/// Whether the document asks the machine-config operator for its real-time kernel.
/// The operator (machine-config-operator, pkg/daemon/update.go: switchKernel, generateKargs) removes the stock kernel's
/// packages and installs the release's own kernel-rt-core by name, and appends every argument. That is right for a node
/// that comes fresh to the pool, and wrong for one that has it all from us, so the notes say so.
bool asks_for_real_time(const NodeState& state, const Options& options, std::vector<std::string>& notes) {
    switch (kernel_source(state)) {
    case KernelSource::stock:
        if (state.deployment.real_time)
            notes.push_back(fmt::format("no kernelType: the deployment has the real-time kernel {}, but {} runs",
                                        state.deployment.kernel, state.kernel_release));
        return false;
    case KernelSource::base:
        notes.emplace_back("no kernelType: the base itself has the real-time kernel, so there is none to replace");
        return false;
    case KernelSource::overridden:
    case KernelSource::layered:
        break;
    }
    if (options.oldest()) {
        notes.emplace_back("no kernelType: OpenShift 4.3 knows none, and there the profile's kernel = \"rt\" with "
                           "rtnode-apply@.service puts the kernel in; from 4.4 on add kernelType: realtime");
        return false;
    }
    notes.push_back(
        fmt::format("kernelType: realtime installs the kernel-rt of the nodes' own OpenShift release, which "
                    "need not be {}",
                    state.kernel_release));
    return true;
}

void emit_file(YAML::Emitter& out, const File& file, bool oldest) {
    out << YAML::BeginMap;
    if (oldest) at(out, "filesystem", "root");
    at(out, "path", Text{file.path});
    at(out, "mode", readable_mode);
    if (!oldest) at(out, "overwrite", true);
    const auto source = data_url(file.content);
    map_at(out, "contents", [&] { at(out, "source", Text{source}); });
    out << YAML::EndMap;
}

} // namespace

Part machine_config(const NodeState& state, const Options& options) {
    Part part{.kind = "MachineConfig", .yaml = {}, .notes = {}};
    const auto arguments = exported_arguments(state);
    const bool real_time = asks_for_real_time(state, options, part.notes);
    const auto files = options.files ? state.files : std::vector<File>();
    part.notes.insert(part.notes.end(), arguments.notes.begin(), arguments.notes.end());
    if (!arguments.tokens.empty() || real_time)
        part.notes.emplace_back(
            "for nodes that rtnode has not changed: where it has, the machine-config daemon appends each argument once "
            "more, and fails to replace the kernel, since that is overridden already; put such a node back first "
            "(rtnodectl rollback), then let it join the pool");
    if (arguments.tokens.empty() && !real_time && files.empty()) return part;

    part.yaml = object(
        "machineconfiguration.openshift.io/v1", "MachineConfig", name_of_objects(options),
        [&](YAML::Emitter& out) {
            map_at(out, "labels", [&] { at(out, "machineconfiguration.openshift.io/role", Text{options.role}); });
        },
        [&](YAML::Emitter& out) {
            if (!files.empty())
                map_at(out, "config", [&] {
                    map_at(out, "ignition", [&] { at(out, "version", Text{options.ignition}); });
                    map_at(out, "storage", [&] {
                        list_at(out, "files", [&] {
                            for (const auto& file : files)
                                emit_file(out, file, options.oldest());
                        });
                    });
                });
            if (!arguments.tokens.empty())
                list_at(out, "kernelArguments", [&] {
                    for (const auto& token : arguments.tokens)
                        out << Text{token};
                });
            if (real_time) at(out, "kernelType", "realtime");
        });
    return part;
}

} // namespace rtnode::exports
