#pragma once
// The node that a job works on: sysroot locked, checked, and with a fingerprint of what the plan builds on.

#include "ostree/preflight.hpp"
#include "ostree/sysroot.hpp"
#include "state/request.hpp"
#include "worker/package_store.hpp"
#include "worker/reporter.hpp"

#include <filesystem>
#include <string>

namespace rtnode::worker {

struct Node {
    ostree::Sysroot sysroot;
    ostree::SysrootLock lock;
    ostree::Ground ground;
    std::string fingerprint;
};

/// Takes the sysroot lock, removes what dead jobs left, and passes every check of DESIGN.md's "What it refuses before
/// any work". `packages`: the tree will change; false for kernel arguments and moves of deployments.
Node open_node(const WorkOrder& order, Reporter& reporter, const PackageStore& store, bool packages);

/// @throws Error{DeploymentsChanged} when somebody changed deployments or refs since open_node(), lock or not.
void check_unchanged(const Node& node);

/// A folder below repo/tmp that goes with this object.
class WorkFolder {
  public:
    WorkFolder(const ostree::Sysroot& sysroot, std::uint64_t job);
    ~WorkFolder();
    WorkFolder(const WorkFolder&) = delete;
    WorkFolder& operator=(const WorkFolder&) = delete;

    const std::filesystem::path& path() const { return path_; }

  private:
    std::filesystem::path path_;
};

} // namespace rtnode::worker
