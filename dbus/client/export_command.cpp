#include "client/commands.hpp"
#include "client/exit_statuses.hpp"

#include <fmt/format.h>

#include <optional>

namespace rtnode::client {

namespace {

struct Request {
    std::string format, role, name, ignition, pool_label, topology_manager_policy;
    std::optional<std::uint32_t> tuned_priority;
    bool no_files = false, allow_unverified = false;

    Options options() const {
        Options out;
        const auto add = [&](const char* key, const std::string& value) {
            if (!value.empty()) out[key] = value;
        };
        add("role", role);
        add("name", name);
        add("ignition", ignition);
        add("pool-label", pool_label);
        add("topology-manager-policy", topology_manager_policy);
        if (tuned_priority) out["tuned-priority"] = *tuned_priority;
        if (no_files) out["files"] = false;
        if (allow_unverified) out["allow-unverified"] = true;
        return out;
    }
};

Exit export_node(Session& session, const Request& request) {
    const std::string document = session.bus().exported(request.format, request.options());
    if (session.json)
        session.print({{"Format", request.format}, {"Text", document}});
    else
        fmt::print("{}{}", document, document.ends_with('\n') ? "" : "\n");
    return Exit::ok;
}

} // namespace

void add_export(CLI::App& app, Session& session) {
    auto request = std::make_shared<Request>();
    CLI::App* command = app.add_subcommand(
        "export",
        "Print what this node is, as verified, as YAML that makes other nodes of an OpenShift cluster the same");
    command->add_option("FORMAT", request->format, "Which objects")
        ->type_name("machineconfig|kubeletconfig|tuned|all")
        ->required();
    command->add_option("--role", request->role, "Role of the nodes, and name of their pool; else worker-rt")
        ->type_name("NAME");
    command->add_option("--name", request->name, "Name of the objects; else 50-rtnode-ROLE")->type_name("NAME");
    command
        ->add_option("--ignition", request->ignition,
                     "Version of the MachineConfig's files: 3.2.0 from OpenShift 4.7 on, 3.1.0 for 4.6, 2.2.0 for 4.3 "
                     "to 4.5; else 3.2.0")
        ->type_name("3.2.0|3.1.0|2.2.0");
    command
        ->add_option("--pool-label", request->pool_label,
                     "Label of the pool that the KubeletConfig selects; else the role")
        ->type_name("KEY|KEY=VALUE");
    command
        ->add_option("--topology-manager-policy", request->topology_manager_policy,
                     "Else what this node's kubelet has, or best-effort")
        ->type_name("none|best-effort|restricted|single-numa-node");
    command
        ->add_option("--tuned-priority", request->tuned_priority,
                     "Of the recommendation, 0 (the highest) to 29; else 20")
        ->type_name("N");
    command->add_flag("--no-files", request->no_files, "A MachineConfig without profile and configuration");
    command->add_flag("--allow-unverified", request->allow_unverified, "Also when checks of verify failed");
    command->footer(exit_statuses({{Exit::failed, "the node isn't as it should be, or there is nothing to export"}}));
    command->callback(
        [&session, request] { session.action = [request](Session& s) { return export_node(s, *request); }; });
}

} // namespace rtnode::client
