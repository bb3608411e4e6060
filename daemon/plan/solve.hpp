#pragma once
// From wishes to an exact set of package changes against the base commit, by libsolv. Everything that was not asked
// for is locked: what would be dragged in or out is a refusal that says why.

#include "fetch/metadata.hpp"
#include "state/kernel_version.hpp"
#include "state/package.hpp"
#include "state/plan.hpp"
#include "state/repository.hpp"

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace rtnode::plan {

/// A repository and its metadata on disk.
struct RepositoryInput {
    Repository repository;
    fetch::RepositoryFiles files;
};

/// One package that is wanted: a package file on disk, or a name of the repositories.
struct Wish {
    std::string text; ///< name, name.arch, name-version, name-[epoch:]version-release[.arch]; ignored with a file
    std::optional<PackageFileOnDisk> file;
    std::string source; ///< of a file: the redacted URL or path, for plan and messages
};

struct Wishes {
    std::vector<Wish> replace, install;
    std::vector<std::string> remove; ///< names of base packages
    std::string kernel;              ///< "", "rt" or "stock"
    KernelVersion kernel_version;    ///< which build kernel=rt takes, unless the request's own packages name one

    /// What the starting point has already (origin's replace-local, requested-local, remove). A wish for the same
    /// name wins. What no longer fits the base is left out with a warning ("inactive", as rpm-ostree has it).
    std::vector<Wish> carried_replace, carried_install;
    bool new_base =
        false; ///< they were made for another base: a replacement that isn't newer than this one's is dropped
    std::vector<std::string> carried_remove;

    /// EVR of the real-time kernel that the starting point has; "" when it has none.
    std::string carried_real_time_kernel() const;
};

struct SolveInput {
    std::filesystem::path rpmdb_folder; ///< a private copy of the base commit's usr/share/rpm
    std::string architecture;           ///< "x86_64"
    std::vector<RepositoryInput> repositories;
    std::vector<std::string> base_kernel_owners; ///< names of base packages that own usr/lib/modules/KVER
    Wishes wishes;

    /// Called at most once for a repository, when a dependency on a file path can't be met by primary metadata alone
    /// (fetch::fetch_filelists). Without it such a dependency stays unmet.
    std::function<void(RepositoryInput& repository)> load_filelists;
};

/// A package that the result has and the base hasn't.
struct NewPackage {
    Nevra nevra;
    std::optional<PackageFileOnDisk> file; ///< of a wish with a file; the rest below is of a repository then empty
    std::string source;                    ///< of a file, as in its wish
    std::string repository;                ///< id
    bool repository_signed = false;        ///< verified repo_gpgcheck metadata named its checksum: Trust::digest
    fetch::Download download;              ///< URLs in order, size, checksum
    std::uint64_t installed_size = 0;      ///< bytes
};

/// What is to be done. `packages` has one element for each of `changes` with an `after`, in the same order.
struct Solution {
    std::vector<PackageChange> changes; ///< sorted by kind, then name
    std::vector<NewPackage> packages;
    std::vector<std::string> warnings;
    bool swaps_kernel = false; ///< a kernel image leaves or enters the base's set
    std::string base_kernel;   ///< [epoch:]version-release of the base's kernel, when it is swapped
    std::string kernel;        ///< that of the kernel in its place
};

/// @throws Error{InvalidArgument, NoSuchPackage, PackageNotInBase, WrongArchitecture, DependencyProblem,
///         UnaskedChange, IncompleteKernelSwap, SeveralKernels, NoKernel, KernelMismatch, RepositoryMetadata,
///         CorruptObject}
Solution solve(SolveInput input);

} // namespace rtnode::plan
