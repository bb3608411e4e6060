// Manager's method Export.

#include "bus/manager_object.hpp"
#include "bus/records.hpp"
#include "bus/requests.hpp"
#include "export/document.hpp"
#include "export/kubelet_file.hpp"
#include "host/node.hpp"
#include "host/topology.hpp"
#include "profile/arguments/arguments.hpp"
#include "profile/gate/ledger.hpp"
#include "state/file_text.hpp"
#include "state/machine_files.hpp"

#include <algorithm>
#include <ctime>

namespace rtnode::bus {
namespace {

exports::Options take_export_options(const Dictionary& values) {
    Options options(values);
    exports::Options asked;
    asked.role = options.text("role", asked.role);
    asked.name = options.text("name");
    asked.ignition = options.text("ignition", asked.ignition);
    asked.files = options.flag("files", true);
    asked.pool_label = options.text("pool-label");
    asked.topology_manager = options.text("topology-manager-policy");
    asked.tuned_priority = options.number("tuned-priority", asked.tuned_priority);
    asked.allow_unverified = options.flag("allow-unverified");
    options.finish();
    return asked;
}

/// What the running kernel keeps work off, whoever asked for that.
profile::CpuSets isolated_by_kernel(const NodeTopology& topology) {
    const std::filesystem::path folder = "/sys/devices/system/cpu";
    const auto of = [&](const char* file) { return cpus_in(folder / file).value_or(CpuList()); };
    auto isolated = cpus_in_either(of("isolated"), of("nohz_full"));
    if (isolated.empty()) return {};
    return {cpus_without(topology.present, isolated), std::move(isolated)};
}

/// Others may read it, so what may be secret in its URLs goes.
Profile public_profile(Profile profile) {
    for (auto* list : {&profile.replace, &profile.install})
        std::ranges::for_each(*list, redact);
    return profile;
}

} // namespace

exports::NodeState ManagerObject::state_to_export(std::vector<Check> checks) const {
    const auto* deployment = current();
    if (deployment == nullptr) throw fail(Reason::NothingToExport, "there is no deployment on this node");
    const auto topology = host::read_topology();
    const bool runs = deployment->booted;

    exports::NodeState state;
    state.version = RTNODE_VERSION;
    state.time_s = static_cast<std::uint64_t>(std::time(nullptr));
    state.deployment = *deployment;
    if (reboot_required()) state.booted_next = next()->checksum;
    state.kernel_release = runs ? host::kernel_release() : deployment->kernel;
    // Not every real-time kernel has /sys/kernel/realtime.
    state.real_time =
        (runs && host::real_time_kernel()) || (deployment->real_time && deployment->kernel == state.kernel_release);
    const auto ledger = load_record<profile::Ledger>(parts_.state_dir);
    if (const auto* entry = ledger.made(deployment->checksum, deployment->kernel_arguments)) {
        state.planned_by = entry->profile;
        state.plan = entry->plan;
    }
    state.ours = ledger.owned_in(deployment->kernel_arguments);
    if (const auto name = parts_.profile ? parts_.profile() : std::string(); !name.empty()) {
        state.profile = public_profile(profile_named(name));
        state.condition = name_of(standing_.condition);
        state.cpus = profile::choose(*state.profile, topology);
        state.ours = profile::tokens_for(*state.profile, state.cpus, topology, deployment->kernel);
        state.files.push_back({"/etc/rtnode/profiles.d/" + name + ".toml", parts_.profile_text(*state.profile)});
    }
    if (runs) {
        if (state.cpus.isolated.empty()) state.cpus = isolated_by_kernel(topology);
        state.owners = host::kernel_owners();
        state.topology_manager_policy = exports::topology_manager_of(file_text("/etc/kubernetes/kubelet.conf"));
    }
    if (auto settings = parts_.settings_text(); !settings.empty())
        state.files.push_back({"/etc/rtnode/rtnoded.conf.d/50-exported.toml", std::move(settings)});
    state.checks = std::move(checks);
    return state;
}

void ManagerObject::Export(sdbus::Result<std::string>&& result, std::string format, Dictionary options) {
    const Reply<std::string> reply(std::move(result));
    reply.guard([&] {
        const auto asked = take_export_options(options);
        exports::check(format, asked);
        parts_.inspect([this, reply, format, asked](const std::string& tree, const Error* error) {
            reply.guard([&] { reply(exports::document(format, state_to_export(checks_with(tree, error)), asked)); });
        });
    });
}

} // namespace rtnode::bus
