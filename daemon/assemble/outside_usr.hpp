#pragma once
// What a package ships outside of what an OSTree tree holds. /var and /run are the machine's own: folders and links
// there are made at boot by systemd-tmpfiles, as rpm-ostree arranges it (rpmostree-importer.cxx); files are left out.

#include "state/package.hpp"

#include <string>
#include <vector>

namespace rtnode::assemble {

/// Lines of tmpfiles.d(5) for the package's folders and symlinks in /var and /run; empty when it has none.
std::string tmpfiles_of(const PackageFileOnDisk& package);

/// Paths of regular files that the new tree won't have: in /var, /run, /boot and what links to them.
std::vector<std::string> left_out_of(const PackageFileOnDisk& package);

} // namespace rtnode::assemble
