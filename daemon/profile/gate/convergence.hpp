#pragma once
// Whether the node is what its profile wants, without asking a repository: by what deployments say of themselves, and
// by what was seen to hold.

#include "profile/gate/acceptance_record.hpp"
#include "profile/gate/ledger.hpp"
#include "state/deployment.hpp"
#include "state/profile.hpp"
#include "state/verification.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace rtnode::profile {

/// Why that deployment isn't what the profile wants, a phrase for people each; none when it is.
///
/// Packages are compared by what the origin records. A name without a version is met by any version; a file by its
/// name, NAME-VERSION-RELEASE.ARCH.rpm (one that is called otherwise can't be told, and counts as met). What the base
/// itself has as wanted leaves no record there and counts as missing, until a plan finds nothing to change, which the
/// ledger remembers. Of the kernel arguments there is a phrase exactly when apply_profile() would change something.
/// @param wanted_arguments all that the profile wants, the computed ones before its own
/// @throws Error{ProtectedKernelArgument, InvalidKernelArgument, InvalidArgument} for arguments and a kernel version
///         that no profile may want
std::vector<std::string> divergences(const Profile& profile, const std::vector<std::string>& wanted_arguments,
                                     const Ledger& ledger, const Deployment& deployment);

enum class Condition {
    unconfigured,    ///< there is no profile
    converged,       ///< it is booted, and what it is to effect was seen
    diverged,        ///< something is otherwise, and a reboot alone wouldn't mend it
    reboot_required, ///< what is booted next is as the profile wants it, what runs isn't
    failed           ///< its plan failed the acceptance, and is left alone until somebody asks for it
};

/// "unconfigured", "converged", "diverged", "reboot-required", "failed".
std::string_view name_of(Condition condition);

struct StandingFacts {
    bool configured = false;               ///< there is a profile
    std::vector<std::string> booted;       ///< divergences() of the booted deployment
    std::vector<std::string> next;         ///< of the one that is booted next
    bool booted_is_next = true;            ///< they are one deployment
    std::string next_deployment;           ///< commit of the one booted next
    std::vector<Check> effects;            ///< what was seen of what runs
    std::optional<AcceptanceEntry> failed; ///< AcceptanceRecord::failed_before() of the plan that the profile leads to
};

struct Standing {
    Condition condition = Condition::unconfigured;
    /// For people, what matters most first. A node that is converged may have some, too: what could not be found out.
    std::vector<std::string> reasons;

    bool operator==(const Standing&) const = default;
};

/// Truth first: a failed acceptance is told whatever else holds, and only what was seen to hold is converged. What
/// somebody staged over a deployment that is as wanted makes the node diverged, unless it is as wanted itself.
Standing standing(const StandingFacts& facts);

/// "clocksource: expected 'tsc', found 'hpet'; REMEDY".
std::string in_words(const Check& check);

} // namespace rtnode::profile
