#pragma once
// Whose kernel arguments are whose. A deployment says only which ones it has; what a profile appended goes again when
// the profile drops it, and what others set stays. So what we append is written down, for each command line that we
// made. And what no deployment shows of packages: that a base has by itself what a profile wants.

#include "state/kernel_arguments.hpp"
#include "state/profile.hpp"

#include <filesystem>
#include <string>
#include <vector>

namespace rtnode::profile {

struct LedgerEntry {
    std::string profile;            ///< that wanted them
    std::string plan;               ///< Plan::hash() of what made the deployment, or found it so
    std::string commit;             ///< of the deployment
    std::string arguments;          ///< all of the deployment, without ostree=, joined with blanks
    std::vector<std::string> owned; ///< those of them that profiles appended, in their order
    bool deployed = false;          ///< a deployment with these arguments was seen

    bool operator==(const LedgerEntry&) const = default;
};

/// STATE/kernel-arguments.json. The worker writes it under the sysroot's lock, the daemon reads it.
/// A plan found that a commit has all packages that a profile wants. The base's own leave no trace in a deployment.
struct MetPackages {
    std::string profile; ///< its name
    std::string wanted;  ///< what it said of kernel and packages, in one string
    std::string commit;

    bool operator==(const MetPackages&) const = default;
};

class Ledger {
  public:
    static constexpr std::size_t most_entries = 32; ///< the oldest go
    static constexpr const char* file_name = "kernel-arguments.json";

    /// A missing file is an empty ledger. So is a damaged one, which is put aside with a warning: our arguments count
    /// as others' from then on, and none is taken from anybody.
    /// @throws Error{Internal} when the file can't be read
    static Ledger load(const std::filesystem::path& state_dir, std::vector<std::string>& warnings);

    /// On disk when it returns. @throws Error{NoSpace, Internal}
    void save(const std::filesystem::path& state_dir) const;

    /// Notes an intention: to be saved before the deployment is made. If that never comes, no deployment has these
    /// arguments, and the entry says nothing about anybody's.
    void intend(std::string profile, std::string plan, std::string commit, const KernelArguments& arguments,
                std::vector<std::string> owned);

    /// The booted deployment is as the profile says, so that its plan had nothing to do: from now on it is that plan's,
    /// to be judged as if it had made it. Whose arguments are whose stays so.
    /// @returns whether that is new, so that the ledger is to be saved
    bool found(const std::string& profile, const std::string& plan, const std::string& commit,
               const KernelArguments& arguments);

    /// A deployment with these arguments is there. @returns whether that is new, so that the ledger is to be saved
    bool saw(const KernelArguments& of_a_deployment);

    /// Those of a deployment's arguments that are ours, in order: by the newest entry with exactly its arguments, else
    /// (somebody changed them since) what is still there of the newest entry that was deployed, or, when none was seen
    /// deployed, of the newest one.
    std::vector<std::string> owned_in(const KernelArguments& of_a_deployment) const;

    /// The entry of the deployment of that commit with these arguments; null when no profile made or found it.
    const LedgerEntry* made(const std::string& commit, const KernelArguments& arguments) const;

    /// The plan by which the profile came to these arguments last; "" = none.
    std::string plan_of(const std::string& profile, const KernelArguments& arguments) const;

    /// Notes what a plan found. @returns whether that is new, so that the ledger is to be saved
    bool packages_met(const Profile& profile, const std::string& commit);

    /// Whether a plan found just that, for what the profile says now.
    bool has_packages(const Profile& profile, const std::string& commit) const;

    const std::vector<LedgerEntry>& entries() const { return entries_; } ///< the newest last

  private:
    std::vector<LedgerEntry> entries_;
    std::vector<MetPackages> met_;
};

struct ArgumentChange {
    KernelArguments after;
    std::vector<std::string> owned; ///< of `after`, in order

    bool operator==(const ArgumentChange&) const = default;
};

/// What the arguments become when a profile wants `wanted`, in this order and one right after the other.
///
/// Where they stand so already and nothing of ours is left over, nothing changes, and everybody keeps what is theirs.
/// Else ours are taken out, those of others stay in their order, and the sequence is appended whole, unless others
/// have it so already: then nothing of it is ours. Applied to its own result it changes nothing.
///
/// Of equal tokens ours are those in the last place where all of ours stand one after the other; else where they stand
/// in their order, the last such place; else the last of each. So a hugepages= goes with the hugepagesz= before it.
/// @param start without ostree=
/// @param owned_before Ledger::owned_in() of the deployment that `start` is of; what isn't there is passed over
/// @throws Error{ProtectedKernelArgument, InvalidKernelArgument} as KernelArguments::changed(), for both lists
ArgumentChange apply_profile(const KernelArguments& start, const std::vector<std::string>& owned_before,
                             const std::vector<std::string>& wanted);

/// As multisets, in the order of the first: what both have, and what the second lacks.
std::vector<std::string> in_both(const std::vector<std::string>& first, std::vector<std::string> second);
std::vector<std::string> only_in_first(const std::vector<std::string>& first, std::vector<std::string> second);

} // namespace rtnode::profile
