#pragma once
// The parts of check_effects(). Private to it.

#include "profile/effects/effects.hpp"

#include <optional>
#include <string_view>

namespace rtnode::profile {

using Checks = std::vector<Check>;

/// What every part is given.
struct Subject {
    const Profile& profile;
    const CpuSets& sets;
    const std::vector<std::string>& arguments;
    const NodeTopology& node;
    const std::filesystem::path& root;

    /// The value of the last wanted argument of that name, which is the one that counts; '-' in names is '_'.
    std::optional<std::string> argument(std::string_view name) const;
    /// The CPUs that are present and not isolated.
    CpuList housekeeping() const;
    /// Whether anything is asked for that keeps work off isolated CPUs; sets alone may only say what is measured.
    bool isolates() const;
};

/// ok, or failed with the remedy.
Check judged(std::string name, bool good, std::string expected, std::string actual, std::string remedy);
Check unknown(std::string name, std::string expected, std::string why);
/// What nothing is expected of.
Check fact(std::string name, std::string actual, std::string meaning);

Checks check_kernel(const Subject& subject);    ///< preemption … idle-states
Checks check_memory(const Subject& subject);    ///< huge-pages-…
Checks check_settings(const Subject& subject);  ///< sysctl … mitigations
Checks check_isolation(const Subject& subject); ///< isolated-cpus … system-affinity
Checks check_kubelet(const Subject& subject);   ///< kubelet-…

} // namespace rtnode::profile
