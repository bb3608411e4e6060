#pragma once
// Whether the node is what was asked for: one line for each thing that can be right or wrong.

#include "state/deployment.hpp"

#include <nlohmann/json_fwd.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace rtnode {

enum class CheckState { ok, failed, unknown, not_applicable };

/// "ok", "failed", "unknown", "not-applicable".
std::string_view name_of(CheckState state);

struct Check {
    std::string name; ///< "booted-deployment", "kernel-argument nohz=on"
    CheckState state = CheckState::ok;
    std::string expected, actual;
    std::string remedy; ///< what to do; of not-applicable and unknown: why

    bool operator==(const Check&) const = default;
};

void to_json(nlohmann::json& json, const Check& check);
void from_json(const nlohmann::json& json, Check& check);

/// What the last job that moved deployments wanted to be booted.
struct IntendedBoot {
    std::uint32_t job = 0;
    std::string checksum;
    std::vector<std::string> kernel_arguments;
    std::string fate; ///< what was found out after a shutdown that didn't lead to it, see fate_of(); else ""
    std::string from; ///< commit of the deployment that the job's change was made on; "" when it only moved to another
};

/// The key of a job's result with IntendedBoot::fate.
inline constexpr const char* fate_key = "not-booted";

/// From a job's result; nothing for a dry run, or when there was nothing to do.
std::optional<IntendedBoot> intended_by(std::uint32_t job, const std::string& result);

/// "what job 3 made is neither booted nor booted next: …", a whole sentence; "" when it is one of both, or when nothing
/// is intended or booted.
std::string why_not_booted(const std::optional<IntendedBoot>& intended, const std::vector<Deployment>& deployments);

/// What runs, by the kernel's own words.
struct RunningSystem {
    std::string kernel_release;            ///< uname -r
    bool real_time = false;                ///< /sys/kernel/realtime
    std::vector<std::string> command_line; ///< /proc/cmdline
};

/// Booted deployment, kernel and each argument. `intended` is nothing when no job has made a deployment: then what is
/// booted must be what its deployment says.
/// @param deployments in boot order
std::vector<Check> check_boot(const std::optional<IntendedBoot>& intended, const std::vector<Deployment>& deployments,
                              const RunningSystem& running);

/// Each package that the deployment's origin replaces, removes or adds, against what its RPM database has.
/// @throws Error{UnusableOrigin}
std::vector<Check> check_packages(const Origin& origin, const std::vector<Nevra>& installed);

} // namespace rtnode
