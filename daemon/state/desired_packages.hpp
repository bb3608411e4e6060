#pragma once
// The package part of a node's desired state, against its base commit. It is what the origin records and what a
// request changes; everything else is computed from it.

#include "state/deployment.hpp"
#include "state/nevra.hpp"

#include <map>
#include <set>
#include <string>
#include <vector>

namespace rtnode {

/// An RPM file pinned by an origin: "<64 hex>:<nevra>" (rpm-ostree rust/src/origin.rs). The hash is the SHA-256 of
/// lead, signature header and main header.
struct PinnedPackage {
    std::string header_sha256;
    Nevra nevra;

    std::string str() const;
    static PinnedPackage parse(const std::string& text); ///< @throws Error{UnusableOrigin}

    bool operator==(const PinnedPackage&) const = default;
};

struct DesiredPackages {
    std::set<std::string> remove;                 ///< names of the base
    std::map<std::string, PinnedPackage> replace; ///< by name, in place of the base's
    std::map<std::string, PinnedPackage> install; ///< by name, beside the base's

    /// By rpm-ostree from repositories, with what they needed; by name and architecture. The origin has only the patterns
    /// that they were asked for by, so of() leaves this empty. rtnode keeps them as they are.
    std::map<std::string, PinnedPackage> layered;

    /// @throws Error{UnusableOrigin} when a pin can't be read
    static DesiredPackages of(const Origin& origin);

    bool empty() const { return remove.empty() && replace.empty() && install.empty() && layered.empty(); }

    /// Forgets what is recorded for these names; all when none is given, but never what is layered from repositories.
    /// @returns the names of `names` for which nothing was recorded.
    std::vector<std::string> reset(const std::vector<std::string>& names);

    /// "5 overrides and 3 overlays", the words of the RHCOS-RT how-to.
    std::string summary() const;

    bool operator==(const DesiredPackages&) const = default;
};

} // namespace rtnode
