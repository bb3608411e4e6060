#pragma once
// The configuration: fragments (one TOML file each) are merged in order and validated into Settings.

#include "state/kernel_demands.hpp"
#include "state/repository.hpp"

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace rtnode::config {

/// Where configuration is read from.
struct Sources {
    /// Folders of *.toml, lowest precedence first. A file of the same name in a later folder replaces the earlier one;
    /// then all are read in the order of their names, and a later value replaces an earlier one.
    std::vector<std::filesystem::path> folders;
    /// Folders of profiles, NAME.toml and NAME.toml.d/*.toml, lowest precedence first: see profile_file.hpp.
    std::vector<std::filesystem::path> profile_folders;
    std::filesystem::path repository_folder; ///< of *.repo, unless the configuration names others
    std::filesystem::path imported_folder;   ///< of imports, with a .local.repo each; may be missing
    std::filesystem::path main_file;         ///< dnf.conf; may be missing
    /// Of files named like a variable, as /etc/dnf/vars; the last wins; may be missing.
    std::vector<std::filesystem::path> variables_folders;
    std::filesystem::path credentials_folder;     ///< where "credential:NAME" is looked for; empty = none were passed
    std::map<std::string, std::string> variables; ///< known beforehand: basearch, arch, and maybe releasever

    /// The node's own: /usr/lib (of own_prefix()), /run, /etc rtnode/rtnoded.conf.d and rtnode/profiles.d,
    /// /etc/yum.repos.d, /etc/dnf/dnf.conf, /etc/yum/vars, /etc/dnf/vars, $CREDENTIALS_DIRECTORY; releasever is
    /// RHEL_VERSION or VERSION_ID of /etc/os-release.
    static Sources of_system();

    /// `--config DIR`: DIR/*.toml, DIR/profiles.d, DIR/repos.d/*.repo, DIR/dnf.conf, DIR/vars, DIR/credentials, and
    /// nothing of the host.
    static Sources in(const std::filesystem::path& folder);
};

struct Settings {
    std::string profile;       ///< what the node should be: a profile's name; "" = nobody says
    bool repair_drift = false; ///< a node that isn't so any more is made so with a job; else it is only said

    std::vector<Repository> repositories;        ///< enabled ones, by id; some maybe with a defect
    std::vector<std::filesystem::path> gpg_keys; ///< trusted for packages beside those of the base rpmdb

    std::uint64_t cache_megabytes = 2000;      ///< of downloaded packages that stay
    unsigned cache_days = 30;                  ///< so long they stay when nobody asks for them
    std::string kernel_version = "match-base"; ///< KernelVersion::parse() takes it

    /// What a new base without the real-time kernel, which somebody else deployed, leads to: a job that puts it back.
    bool update_reapply = false;

    KernelChecks kernel_checks;

    unsigned scriptlet_limit_s = 300; ///< wall time of all scriptlets of one transaction
    unsigned dracut_limit_s = 600;
    unsigned lock_wait_s = 60; ///< for the sysroot lock held by somebody else

    std::chrono::seconds latency_max_duration = std::chrono::hours(24);
    std::filesystem::path latency_results_folder;  ///< for cyclictest's text; empty = not written
    unsigned latency_keep = 64;                    ///< runs that stay readable
    unsigned latency_watch_keep = 24;              ///< the same of the regression watch
    double latency_watch_tolerance = 0.25;         ///< a ratio within 1 ± this is no regression, 0 … 1
    unsigned latency_watch_confirmations = 2;      ///< runs in a row that it takes to call it one
    std::filesystem::path metrics_socket;          ///< empty = none
    std::filesystem::path metrics_textfile_folder; ///< node_exporter's textfile collector; empty = not written

    /// What was left out, with file and line: a repository file that others put there must not stop the daemon.
    std::vector<std::string> warnings;

    bool operator==(const Settings&) const = default;
};

/// @throws Error{Configuration} naming file, line and the known keys
Settings load(const Sources& sources);

/// "90s", "5m", "24h", "1h30m": whole numbers, each with its unit. @throws Error{InvalidArgument}
std::chrono::seconds parse_duration(const std::string& text);

} // namespace rtnode::config
