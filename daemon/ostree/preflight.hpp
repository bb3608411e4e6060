#pragma once
// What is refused before any work: a node that isn't one, or one that we can't change without harm. Each row has its
// own reason and says what to do.

#include "ostree/sysroot.hpp"

#include <functional>
#include <string>

namespace rtnode::ostree {

/// What the host says about itself; a value, so that each refusal has a test.
struct HostFacts {
    bool ostree_booted = false; ///< /run/ostree-booted exists
    std::string machine;        ///< uname -m
    std::string confined_as;    ///< our SELinux context when it keeps us from giving files any label; else ""
};
HostFacts host_facts();

struct PreflightRequest {
    std::string os;       ///< stateroot as asked for; empty = found out
    bool packages = true; ///< false: only kernel arguments or deployments change, the tree stays
    HostFacts host;       ///< looked at unless the sysroot is a private node
    /// Whether the RPM file of an origin entry ("<header sha256>:<nevra>" split) is at hand, besides those that the
    /// package cache can give; none is when empty.
    std::function<bool(const std::string& header_sha256, const std::string& nevra)> have_payload;
};

/// Passed preflight: what the job works on.
struct Ground {
    std::string stateroot;
    Deployment start; ///< origin and kernel arguments to start from
    Deployment merge; ///< booted, or its stand-in
};

/// All checks in order. @throws Error with the reason of the first row that fails
Ground preflight(const Sysroot& sysroot, const PreflightRequest& request);

// The rows, one by one. Each throws or returns.
void check_host(const Sysroot& sysroot, const HostFacts& host); ///< NotOstree, NotBooted, UnsupportedArchitecture
void check_loader(const Sysroot& sysroot);                      ///< UnsupportedBoot: entries on vfat
void check_labels(const HostFacts& host);                       ///< SelinuxDomain
/// The same by a file system's magic number (statfs(2) f_type).
void check_loader_file_system(const std::filesystem::path& folder, std::uint64_t type);
void check_root(const Sysroot& sysroot,
                const Deployment& deployment);     ///< UnsupportedRoot: composefs, sealed, transient
void check_unlocked(const Deployment& deployment); ///< UnsupportedRoot
void check_layering_lock(const Sysroot& sysroot, const Deployment& deployment); ///< LayeringLocked
void check_origin(const Deployment& deployment);                                ///< UnusableOrigin
void check_base(const Sysroot& sysroot, const std::string& checksum); ///< PartialCommit, UnsupportedArchitecture
/// ForeignLayering: packages that neither the caller nor rpm-ostree's package cache has, and kinds of layering that we
/// can't carry.
void check_foreign_layering(const Sysroot& sysroot, const Deployment& deployment,
                            const std::function<bool(const std::string&, const std::string&)>& have_payload);
/// What a base that was never deployed must pass: all of these that look at a commit alone. UnsupportedRoot,
/// PartialCommit, UnsupportedArchitecture, CorruptObject
void check_new_base(const Sysroot& sysroot, const std::string& checksum);
/// CorruptObject: hashes what assembly reads first and can't recognise as damaged: the commit, the rpmdb, the kernel's
/// folder, the early microcode. (`ostree fsck` reads everything, at disk speed.)
void check_objects(const Sysroot& sysroot, const std::string& checksum);

} // namespace rtnode::ostree
