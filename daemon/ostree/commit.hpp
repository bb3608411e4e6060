#pragma once
// New commits: the base commit's tree plus the upper directory of an overlay, with rpm-ostree's metadata.

#include "ostree/sysroot.hpp"
#include "state/package.hpp"

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace rtnode::ostree {

/// What rpm-ostree must find in a client-layered commit (rpm-ostree src/libpriv/rpmostree-core.cxx,
/// rpmostree_context_commit): a missing key aborts rpm-ostreed, so all are written always.
struct CommitMetadata {
    std::string version;                ///< of the base; left out when empty
    std::vector<Nevra> packages;        ///< whole rpmdb of the new tree: rpmostree.rpmdb.pkglist (sorted here)
    std::vector<std::string> requested; ///< patterns layered from repositories: rpmostree.packages
    std::vector<Nevra> removed;         ///< rpmostree.removed-base-packages
    std::vector<std::pair<Nevra, Nevra>> replaced;                   ///< old, new: rpmostree.replaced-base-packages
    std::vector<std::pair<std::string, std::uint64_t>> repositories; ///< id, revision time: rpmostree.rpmmd-repos
    std::string state; ///< hashed to rpmostree.state-sha512: whatever identifies the change
};

/// A libostree transaction: commits and packages written in it become visible together in write(), first under
/// temporary refs (rtnode/tmp/…). The real refs move in deploy(), right before the last step. Destroyed without that,
/// it takes the temporary refs back; the objects go with the next prune.
class Transaction {
  public:
    Transaction(Sysroot& sysroot, std::string job);
    ~Transaction();
    Transaction(Transaction&&) noexcept;
    Transaction& operator=(Transaction&&) noexcept;

    /// The base's tree with `upper` on it, as a new commit. `upper` must not be mounted any more; it is consumed.
    /// @return checksum
    /// @throws Error{NoKernel}, Error{SeveralKernels}, Error{CommitFailed}, Error{NoSpace}
    std::string commit_overlay(const std::string& base, const std::filesystem::path& upper,
                               const CommitMetadata& metadata);

    /// The package as rpm-ostree would have imported it, under its pkgcache ref. Files that `tree` (a commit of this
    /// transaction or an older one) holds unchanged are reused, others are unpacked from the RPM.
    /// @return how many files were reused and unpacked
    struct Imported {
        std::string ref, checksum;
        unsigned reused = 0, unpacked = 0;
    };
    Imported import_package(const PackageFileOnDisk& package, const std::string& tree);

    /// Makes everything durable. @throws Error{CommitFailed}, Error{NoSpace}
    void write();

    /// pkgcache refs that import_package() wants, with their commits.
    const std::map<std::string, std::string>& wanted_refs() const;

    struct Impl;
    Impl& impl() const { return *impl_; }

  private:
    std::unique_ptr<Impl> impl_;
};

} // namespace rtnode::ostree
