#pragma once
// rpm's order of versions, for the diff counts of a status and the order of rpmostree.rpmdb.pkglist. librpm belongs to
// daemon/rpm; the rule is small and fixed (rpm lib/rpmvercmp.c: segments, `~` before and `^` after the end).

#include "state/nevra.hpp"

#include <string_view>

namespace rtnode::ostree {

/// <0, 0, >0 like strcmp(3).
int compare_versions(std::string_view a, std::string_view b);

/// Epoch, version, release.
int compare_evr(const Nevra& a, const Nevra& b);

/// Name, EVR, architecture: libdnf's dnf_package_cmp, in which rpm-ostree merges package lists.
bool package_less(const Nevra& a, const Nevra& b);

} // namespace rtnode::ostree
