#include "state/request.hpp"

#include "state/error.hpp"

#include <array>
#include <utility>

namespace rtnode {
namespace {

constexpr std::array<std::pair<JobKind, std::string_view>, 9> kinds{{
    {JobKind::override_packages, "override"},
    {JobKind::reset_overrides, "reset-overrides"},
    {JobKind::kernel_arguments, "kernel-arguments"},
    {JobKind::rollback, "rollback"},
    {JobKind::drop_pending, "drop-pending"},
    {JobKind::update, "update"},
    {JobKind::import_repository, "import-repository"},
    {JobKind::apply, "apply"},
    {JobKind::accept, "accept"},
}};

JobKind kind_of(const std::string& name) {
    for (const auto& [kind, text] : kinds)
        if (text == name) return kind;
    throw fail(Reason::InvalidArgument, "'{}' is not a kind of job", name);
}

} // namespace

NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Repository, id, name, base_urls, metalink, mirrorlist, enabled, gpgcheck,
                                   repo_gpgcheck, gpg_keys, priority, cost, exclude, include, ssl_verify,
                                   ssl_verify_status, ssl_ca_cert, ssl_client_cert, ssl_client_key, username, password,
                                   proxy, proxy_username, proxy_password, proxy_ssl_verify, proxy_ssl_ca_cert,
                                   ip_version, metadata_expire_s, skip_if_unavailable, defined_at, defect)

std::string_view name_of(JobKind kind) {
    for (const auto& [value, text] : kinds)
        if (value == kind) return text;
    return "unknown";
}

bool is_repository_name(const std::string& name) {
    constexpr std::string_view allowed = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
    return !name.empty() && name != "scripts" && name.size() <= 64 && name.front() != '.' && name.front() != '-' &&
           name.find_first_not_of(allowed) == std::string::npos;
}

void to_json(nlohmann::json& json, const Request& request) {
    json = {{"kind", name_of(request.kind)},
            {"replace", request.replace},
            {"remove", request.remove},
            {"install", request.install},
            {"reset", request.reset},
            {"kernel", request.kernel},
            {"kernel-version", request.kernel_version},
            {"append-kernel-arguments", request.append_kernel_arguments},
            {"remove-kernel-arguments", request.remove_kernel_arguments},
            {"allow-unsigned", request.allow_unsigned},
            {"dry-run", request.dry_run},
            {"reboot", request.reboot},
            {"os", request.os},
            {"expected-plan", request.expected_plan},
            {"version", request.version},
            {"restore", request.restore},
            {"pull", request.pull},
            {"source", request.source},
            {"repository", request.repository},
            {"again", request.again},
            {"over-owners", request.over_owners}};
    if (request.profile) json["profile"] = *request.profile;
}

void from_json(const nlohmann::json& json, Request& request) {
    request.kind = kind_of(json.at("kind").get<std::string>());
    json.at("replace").get_to(request.replace);
    json.at("remove").get_to(request.remove);
    json.at("install").get_to(request.install);
    json.at("reset").get_to(request.reset);
    json.at("kernel").get_to(request.kernel);
    json.at("kernel-version").get_to(request.kernel_version);
    json.at("append-kernel-arguments").get_to(request.append_kernel_arguments);
    json.at("remove-kernel-arguments").get_to(request.remove_kernel_arguments);
    json.at("allow-unsigned").get_to(request.allow_unsigned);
    json.at("dry-run").get_to(request.dry_run);
    json.at("reboot").get_to(request.reboot);
    json.at("os").get_to(request.os);
    json.at("expected-plan").get_to(request.expected_plan);
    json.at("version").get_to(request.version);
    json.at("restore").get_to(request.restore);
    json.at("pull").get_to(request.pull);
    json.at("source").get_to(request.source);
    json.at("repository").get_to(request.repository);
    json.at("again").get_to(request.again);
    json.at("over-owners").get_to(request.over_owners);
    request.profile.reset();
    if (json.contains("profile")) request.profile = json.at("profile").get<Profile>();
}

void to_json(nlohmann::json& json, const WorkOrder& order) {
    std::vector<std::string> keys;
    for (const auto& key : order.gpg_keys)
        keys.push_back(key.string());
    json = {{"job", order.job},
            {"request", order.request},
            {"sysroot", order.sysroot.string()},
            {"state-dir", order.state_dir.string()},
            {"cache-dir", order.cache_dir.string()},
            {"private-node", order.private_node},
            {"repositories", order.repositories},
            {"kernel-version", order.kernel_version},
            {"gpg-keys", keys},
            {"scriptlet-limit-s", order.scriptlet_limit_s},
            {"dracut-limit-s", order.dracut_limit_s},
            {"kernel-checks", order.kernel_checks},
            {"cache-megabytes", order.cache_megabytes},
            {"cache-days", order.cache_days},
            {"lock-wait-s", order.lock_wait_s},
            {"bus-address", order.bus_address}};
}

void from_json(const nlohmann::json& json, WorkOrder& order) {
    json.at("job").get_to(order.job);
    json.at("request").get_to(order.request);
    order.sysroot = json.at("sysroot").get<std::string>();
    order.state_dir = json.at("state-dir").get<std::string>();
    order.cache_dir = json.at("cache-dir").get<std::string>();
    json.at("private-node").get_to(order.private_node);
    json.at("repositories").get_to(order.repositories);
    json.at("kernel-version").get_to(order.kernel_version);
    order.gpg_keys.clear();
    for (const auto& key : json.at("gpg-keys"))
        order.gpg_keys.emplace_back(key.get<std::string>());
    json.at("scriptlet-limit-s").get_to(order.scriptlet_limit_s);
    json.at("dracut-limit-s").get_to(order.dracut_limit_s);
    json.at("kernel-checks").get_to(order.kernel_checks);
    json.at("cache-megabytes").get_to(order.cache_megabytes);
    json.at("cache-days").get_to(order.cache_days);
    json.at("lock-wait-s").get_to(order.lock_wait_s);
    json.at("bus-address").get_to(order.bus_address);
}

} // namespace rtnode
