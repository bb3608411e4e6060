#pragma once
// What a host demands of a kernel before it boots it and of modules before it loads them, and what becomes of a job
// whose new kernel doesn't meet that.

#include <nlohmann/json.hpp>

#include <string>
#include <vector>

namespace rtnode {

struct KernelDemands {
    bool secure_boot = false; ///< the firmware starts nothing without a signature that it trusts
    bool fips = false;        ///< the kernel's file is checked against its digest before the root is mounted
    /// Loaded now, and not built with the running kernel or not signed (taints O and E), as lsmod(8) names them,
    /// sorted.
    std::vector<std::string> out_of_tree_modules;

    bool operator==(const KernelDemands&) const = default;
};

enum class Strictness { ignore, warn, block };

/// "ignore", "warn", "block". @throws Error{InvalidArgument}
Strictness parse_strictness(const std::string& text);

/// How much each demand that isn't met counts. A kernel that the host would not start is no matter of taste; modules
/// from elsewhere may well be dispensable.
struct KernelChecks {
    Strictness secure_boot = Strictness::block, fips = Strictness::block, out_of_tree_modules = Strictness::warn;

    bool operator==(const KernelChecks&) const = default;
};

NLOHMANN_JSON_SERIALIZE_ENUM(Strictness,
                             {{Strictness::block, "block"}, {Strictness::warn, "warn"}, {Strictness::ignore, "ignore"}})
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(KernelChecks, secure_boot, fips, out_of_tree_modules)

} // namespace rtnode
