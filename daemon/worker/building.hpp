#pragma once
// From a plan to a commit: packages downloaded and verified, the tree assembled on an overlay, the commit and the
// package cache written in one transaction.

#include "ostree/commit.hpp"
#include "state/desired_packages.hpp"
#include "worker/download_progress.hpp"
#include "worker/planning.hpp"
#include "worker/repository_keys.hpp"

#include <string>
#include <vector>

namespace rtnode::worker {

/// The plan's new packages in its order: files of the request as they are (checked already), those of repositories
/// downloaded and checked. @throws what fetch::Downloader and rpm::read_package() throw, Error{RepositoryMetadata}
std::vector<PackageFileOnDisk> bring_packages(const Planned& planned, RepositoryKeys& keys,
                                              fetch::Downloader& downloader, DownloadProgress& progress,
                                              Reporter& reporter);

struct Built {
    std::string checksum;        ///< of the new commit
    std::vector<Nevra> packages; ///< of its rpmdb
};

/// Base and change on an overlay, and its commit. @throws what assemble::assemble() and ostree::Transaction throw
Built build_tree(const WorkOrder& order, const Node& node, const Planned& planned,
                 const std::vector<PackageFileOnDisk>& packages, const DesiredPackages& desired, const WorkFolder& work,
                 ostree::Transaction& transaction, Reporter& reporter);

} // namespace rtnode::worker
