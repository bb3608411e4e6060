#pragma once
// SELinux and labels that the running policy doesn't know. A new tree may bring its own policy, whose labels the kernel
// takes only from a domain with mac_admin, as rpm-ostree's and bootc's install_t; from others setxattr(2) says EINVAL,
// in the midst of a deployment.

#include <filesystem>
#include <string>

namespace rtnode::host {

/// Our SELinux context when SELinux enforces and doesn't let us give a new file in `folder` any label; else "".
/// Tried out, as bootc does it: names of domains differ between policies.
/// @param selinuxfs where the kernel's own files about SELinux are, if anywhere
std::string confined_by_selinux(const std::filesystem::path& folder,
                                const std::filesystem::path& selinuxfs = "/sys/fs/selinux");

} // namespace rtnode::host
