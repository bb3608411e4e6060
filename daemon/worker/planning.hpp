#pragma once
// From a request to a plan: the base's packages, the wishes, the repositories, the solver. Nothing on the node changes.

#include "fetch/downloader.hpp"
#include "plan/solve.hpp"
#include "rpm/keyring.hpp"
#include "state/plan.hpp"
#include "worker/new_base.hpp"
#include "worker/node.hpp"
#include "worker/payloads.hpp"
#include "worker/profile_change.hpp"
#include "worker/repository_keys.hpp"

#include <filesystem>
#include <string>
#include <vector>

namespace rtnode::worker {

/// What the base commit says, on a private copy.
struct Base {
    std::filesystem::path rpmdb;
    std::vector<Nevra> packages;
    std::vector<std::string> kernel_owners;
};

Base read_base(const Node& node, const WorkFolder& work);

/// Everything that is known before anything is downloaded or done.
struct Planned {
    Plan plan;
    plan::Solution solution;
    std::vector<plan::RepositoryInput> repositories;
    std::map<std::string, PinnedPackage> layered; ///< by rpm-ostree from repositories, kept; see DesiredPackages
    std::vector<std::string> layered_patterns;    ///< what they were asked for by
};

/// @throws what plan::solve() and the reading of the inputs throw; Error{ForeignLayering}
/// @param profile of an Apply, else null
Planned make_plan(const WorkOrder& order, const Node& node, const NewBase& new_base, const Base& base,
                  Payloads& payloads, const rpm::Keyring& keyring, RepositoryKeys& repository_keys,
                  fetch::Downloader& downloader, ProfileChange* profile, Reporter& reporter);

/// Why this node can't execute the plan, with what to do about it; empty when it can. @param base as planned on
std::string obstacle(const Plan& plan, const Base& base);

/// Estimates what the change needs in /boot and in the repository, and sets the plan's regenerates_initramfs and
/// boot_need_bytes. @throws Error{NoSpace} before any work
void check_space(const Node& node, const NewBase& new_base, Plan& plan, const plan::Solution& solution);

} // namespace rtnode::worker
