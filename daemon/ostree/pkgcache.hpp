#pragma once
// rpm-ostree's package cache: one commit a package under rpmostree/pkg/…, and refs that keep base commits alive.

#include "ostree/sysroot.hpp"
#include "state/package.hpp"

#include <optional>
#include <string>
#include <vector>

namespace rtnode::ostree {

/// "rpmostree/pkg/<name>/<evr>.<arch>" with rpm-ostree's quoting (src/libpriv/rpmostree-rpm-util.cxx, append_quoted):
/// [A-Za-z0-9.-] stay, `_` doubles, anything else becomes _XX. A zero epoch is not written.
std::string package_ref(const Nevra& nevra);

/// The reverse of package_ref(); nothing when it isn't such a ref.
std::optional<Nevra> package_of_ref(const std::string& ref);

/// Where rpm-ostree puts a path of an RPM (rust/src/utils.rs, translate_path_for_ostree): relative, without slash at
/// either end. "etc/x" → "usr/etc/x", "boot/x" → "usr/lib/ostree-boot/x" ("boot" itself stays), …
std::string translated_path(const std::string& path);

/// Whether a translated path may be in a package commit: below usr (but usr/local), bin, sbin, lib, lib64.
bool carried_path(const std::string& translated);

/// A tmpfiles.d line (without newline) for a directory or symlink below /var or /run; empty for what gets none.
std::string tmpfiles_line(const PackageFile& file);

/// All lines of a package's tmpfiles.d snippet: links for /opt/X and /var/lib/{alternatives,vagrant}, then the above in
/// the header's order; of nothing that is %ghost.
std::string tmpfiles_snippet(const std::vector<PackageFile>& files);

/// Whether the pkgcache holds this package with exactly that header.
bool package_cached(const Sysroot& sysroot, const Nevra& nevra, const std::string& header_sha256);

/// @throws Error{CommitFailed} naming a path that the package ships and an OSTree tree can't hold
void check_carried(const PackageFileOnDisk& package);

/// pkgcache refs that neither a live layered deployment's rpmdb nor an origin needs (rpm-ostree's rule,
/// src/daemon/rpmostree-sysroot-core.cxx, generate_pkgcache_refs, plus requested-local). Nothing when that can't be
/// told for some deployment.
std::vector<std::string> unneeded_package_refs(const Sysroot& sysroot);

} // namespace rtnode::ostree
