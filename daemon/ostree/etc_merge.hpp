#pragma once
// What would make libostree's merge of /etc fail. On a booted node the merge is only made at the shutdown, when nobody
// is there to be told.

#include "ostree/sysroot.hpp"

namespace rtnode::ostree {

/// @param merge folder of the deployment whose etc, as changed against its usr/etc, comes along
/// @throws Error{EtcConflict}: a path is a folder on one side only, and the admin's side was changed; or packages add
///   users or groups to a file that the admin changed
void check_etc_merge(const Sysroot& sysroot, const std::filesystem::path& merge, const std::string& commit);

} // namespace rtnode::ostree
