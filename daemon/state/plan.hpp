#pragma once
// A plan is a value: what a job will do, computed before anything is done. A dry run prints it, the worker executes
// it, the journal keeps its hash.

#include "state/kernel_arguments.hpp"
#include "state/kernel_demands.hpp"
#include "state/nevra.hpp"
#include "state/package.hpp"

#include <nlohmann/json.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace rtnode {

/// One change against the base commit's packages.
struct PackageChange {
    enum class Kind { replace, remove, install };
    Kind kind = Kind::install;
    std::optional<Nevra> before; ///< in the base; absent when installed anew
    std::optional<Nevra> after;  ///< absent when removed
    std::string source;          ///< repository id, or the URL or path without userinfo and query; empty when removed
    std::string checksum; ///< of the new RPM file, "sha256:HEX" as repository or file state it; empty when removed
    std::uint64_t download_bytes = 0; ///< 0 when in the cache already
    Trust trust = Trust::signature;

    bool operator==(const PackageChange&) const = default;
};

std::string_view name_of(PackageChange::Kind kind); ///< "replace", "remove", "install"

struct Plan {
    std::string stateroot;
    std::string base_checksum;           ///< the base commit on which everything is recomputed
    std::string base_version;            ///< its `version`, may be empty
    std::string from_checksum;           ///< the deployment whose origin and kargs are the starting point
    std::vector<PackageChange> packages; ///< ordered by kind, then name
    KernelArguments kernel_arguments_before, kernel_arguments_after;
    bool new_commit = false; ///< false: the same commit is deployed again, or nothing changes
    bool changes_kernel = false;
    std::string base_kernel, kernel; ///< [epoch:]version-release of the kernel that leaves and of the one that comes
    KernelDemands kernel_demands;    ///< of the host that is to boot it
    bool regenerates_initramfs = false;
    std::uint64_t download_bytes = 0;
    std::uint64_t boot_need_bytes = 0; ///< estimated: kernel + old initramfs × 1.3 + new microcode; 0 without a new one
    unsigned reboots = 0;
    std::vector<std::string> warnings;

    bool nothing_to_do() const; ///< neither packages nor kernel arguments differ from what the starting point has

    /// What the plan does, as one SHA-256 in lower-case hex: equal for equal effect. Sizes in the cache, warnings and
    /// sources don't count.
    std::string hash() const;

    bool same_packages_as_start = false; ///< the starting point has exactly this package set already
};

void to_json(nlohmann::json& json, const Plan& plan); ///< with its hash under "plan"

} // namespace rtnode
