#pragma once
// What a package ships outside of what an OSTree tree holds. /var and /run are the machine's own: folders and links
// there are made at boot by systemd-tmpfiles, as rpm-ostree arranges it (rpmostree-importer.cxx); files are left out.
// What is in /opt and /boot lies in usr/lib/opt and usr/lib/ostree-boot of a tree (translate_path_for_ostree there).

#include "state/package.hpp"

#include <set>
#include <string>
#include <vector>

namespace rtnode::assemble {

/// Lines of tmpfiles.d(5) for the package's folders and symlinks in /var and /run, and for links from /opt to where its
/// folders really are; empty when it has none.
std::string tmpfiles_of(const PackageFileOnDisk& package);

/// Names of the package's folders in /opt, sorted.
std::set<std::string> opt_folders_of(const PackageFileOnDisk& package);

/// Paths of the package's regular files in /boot.
std::vector<std::string> boot_files_of(const PackageFileOnDisk& package);

/// Paths of regular files that the new tree won't have: in /var, /run and what links to them.
std::vector<std::string> left_out_of(const PackageFileOnDisk& package);

} // namespace rtnode::assemble
