#pragma once
// The last, atomic step: a commit becomes the next deployment.

#include "ostree/commit.hpp"
#include "ostree/sysroot.hpp"

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

namespace rtnode::ostree {

struct DeployRequest {
    std::string stateroot;
    std::string checksum;             ///< commit to deploy; may be the one that runs (kernel arguments only)
    std::string origin;               ///< text of the origin file
    KernelArguments kernel_arguments; ///< complete; `ostree=` is libostree's own
    /// Called right before the one step that counts, when refs and checkout stand; may throw to stop (canceled,
    /// deployments changed by somebody else): then all is as before.
    std::function<void()> last_call;
    std::map<std::string, std::string> refs; ///< "remote:ref" → commit: what was pulled, to be moved with it
};

/// Stages the commit on a booted node, else writes [new, stand-in for the booted one, pinned, other stateroots].
/// Refs of `transaction` (may be null) and base refs move right before. Afterwards what is on disk is compared with the
/// request. On failure deployments, refs and loader entries are as before.
/// Needs the sysroot lock. @throws Error{EtcConflict}, Error{DeployFailed}, Error{NoSpace}, Error{CorruptObject}
Deployment deploy(Sysroot& sysroot, const DeployRequest& request, Transaction* transaction = nullptr);

struct Freed {
    std::uint64_t bytes = 0;
    unsigned package_refs = 0;
    std::string text() const; ///< "Freed: 36.1 MB (pkgcache branches: 2)", as rpm-ostree says it
};

/// Puts right what dead jobs left: work folders, temporary refs and, if there were any, also refs and checkouts of a
/// deployment that was not reached. Call with the sysroot lock held: then none of them belongs to a live job.
/// @return what was removed, for the log
std::vector<std::string> remove_leftovers(Sysroot& sysroot);

enum class Objects {
    OfCommitsThatWent, ///< looks for unreachable ones only when there is a commit that no ref and no deployment names
    Unreachable,       ///< those of writes that died before their commit object too
};

/// Base refs anew, pkgcache refs that nobody needs, undeployed folders, and `objects`: finding those takes as long as
/// the repository is big, so a change of kernel arguments shouldn't.
Freed cleanup(Sysroot& sysroot, Objects objects = Objects::OfCommitsThatWent);

} // namespace rtnode::ostree
