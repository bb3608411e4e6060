#pragma once
// What a caller asks of a job. Pure values; JSON is their form on disk (job journal) and on the way to the worker.

#include <nlohmann/json.hpp>

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "state/kernel_demands.hpp"
#include "state/profile.hpp"
#include "state/repository.hpp"

namespace rtnode {

enum class JobKind {
    override_packages,
    reset_overrides,
    kernel_arguments,
    rollback,
    drop_pending,
    update,
    import_repository,
    apply,
    accept,
};

/// "override", "reset-overrides", "kernel-arguments", "rollback", "drop-pending", "update", "import-repository",
/// "apply", "accept".
std::string_view name_of(JobKind kind);

struct Request {
    JobKind kind = JobKind::override_packages;

    /// Each element is a URL (http, https, file; optional `#sha256=HEX`), an absolute path, a package name (or
    /// name-[epoch:]version-release[.arch]) of the enabled repositories, or "fd:N": the N-th passed descriptor.
    std::vector<std::string> replace;
    std::vector<std::string> remove; ///< package names of the base
    std::vector<std::string> install;
    std::vector<std::string> reset; ///< of ResetOverrides: names, empty = all

    std::string kernel;         ///< "", "rt" or "stock": derive the sets
    std::string kernel_version; ///< KernelVersion::parse(); "" = the configured one
    std::vector<std::string> append_kernel_arguments;
    std::vector<std::string> remove_kernel_arguments;

    bool allow_unsigned = false;
    bool dry_run = false;
    bool reboot = false;
    std::string os;            ///< stateroot; "" = the booted one, or the only one
    std::string expected_plan; ///< hash of a dry run; another plan is Error{StalePlan}
    std::string version;       ///< `version` of the new commit's metadata; "" = the base commit's

    /// Of Update: commit of the booted deployment when the one booted next lost its changes (Manager's
    /// WillLoseRealTime): they are put back. The daemon's own word, not the caller's.
    std::string restore;
    bool pull = true;       ///< of Update: ask the origin's remote; false: the base of the pending deployment
    std::string source;     ///< of ImportRepository: absolute path of an ISO image or a folder
    std::string repository; ///< of ImportRepository: name of the folder that it becomes

    /// Of Apply and Accept, and what the node is verified by; a copy, so that the job does what was asked when the file
    /// changes meanwhile. Its packages and kernel stand in the fields above, too.
    std::optional<Profile> profile;
    bool again = false;       ///< of Apply: also a plan whose deployment was not accepted; of Accept: judge once more
    bool over_owners = false; ///< of Apply: also where others own what would change

    bool operator==(const Request&) const = default;
};

/// Whether an imported repository's folder may be called that: letters, digits, '.', '_' and '-', not first a '.' or
/// '-', at most 64, and not "scripts", which the web server has beside them.
bool is_repository_name(const std::string& name);

void to_json(nlohmann::json& json, const Request& request);
void from_json(const nlohmann::json& json, Request& request); ///< @throws Error{InvalidArgument}

/// All that a worker needs: the request and the settings that the daemon had validated. Travels by memfd.
struct WorkOrder {
    std::uint64_t job = 0;
    Request request;
    std::filesystem::path sysroot = "/";
    std::filesystem::path state_dir; ///< package store, desired state
    std::filesystem::path cache_dir; ///< downloads, repository metadata
    bool private_node = false;       ///< --sysroot DIR: a node in a folder, never booted; the host is out of reach
    std::vector<Repository> repositories;
    std::string kernel_version;                  ///< configured, see KernelVersion::parse()
    std::vector<std::filesystem::path> gpg_keys; ///< trusted beside those of the base rpmdb
    unsigned scriptlet_limit_s = 300;            ///< wall time of all scriptlets of one transaction
    unsigned dracut_limit_s = 600;
    KernelChecks kernel_checks;
    std::uint64_t cache_megabytes = 2000; ///< of downloaded packages that stay
    unsigned cache_days = 30;             ///< so long they stay when nobody asks for them
    unsigned lock_wait_s = 60; ///< for the sysroot lock held by somebody else, and for rpm-ostree's transaction
    std::string bus_address;   ///< of the bus on which rpm-ostree is, if anywhere; "" = nobody is asked
};

void to_json(nlohmann::json& json, const WorkOrder& order);
void from_json(const nlohmann::json& json, WorkOrder& order);

} // namespace rtnode
