#include "worker/kernel_checks.hpp"

#include "assemble/kernel.hpp"
#include "state/error.hpp"

#include <fmt/ranges.h>

#include <algorithm>

namespace rtnode::worker {

void check_new_kernel(const KernelDemands& demands, const KernelChecks& checks, const KernelArguments& arguments,
                      const std::filesystem::path& tree, const std::string& kver,
                      const std::function<void(const std::string&)>& warn) {
    const auto demand = [&](Strictness strictness, const char* setting, const std::string& complaint) {
        if (strictness == Strictness::warn) warn(complaint);
        if (strictness == Strictness::block)
            throw fail(Reason::UnsupportedBoot,
                       "{}; {} in [kernel-checks] of rtnoded's configuration may turn this into a warning", complaint,
                       setting);
    };
    if (demands.secure_boot && !assemble::has_signature(tree / "usr/lib/modules" / kver / "vmlinuz"))
        demand(checks.secure_boot, "secure-boot",
               fmt::format("kernel {} has no signature, and Secure Boot is on here: the firmware would not start it; "
                           "take a signed build of it, or turn Secure Boot off first",
                           kver));
    const auto& tokens = arguments.tokens();
    const bool asked_for = std::ranges::find(tokens, "fips=1") != tokens.end();
    if ((demands.fips || asked_for) && !assemble::has_digest(tree, kver))
        demand(
            checks.fips, "fips",
            fmt::format("kernel {} comes without .vmlinuz.hmac, and {}: its boot would stop in the initramfs; take a "
                        "build of it that brings the file",
                        kver, asked_for ? "the kernel argument fips=1 is set" : "this host is in FIPS mode"));
    if (demands.out_of_tree_modules.empty()) return;
    const auto there = assemble::modules_in(tree, kver);
    std::vector<std::string> missing;
    std::ranges::copy_if(demands.out_of_tree_modules, std::back_inserter(missing),
                         [&](const auto& module) { return !there.contains(module); });
    if (!missing.empty())
        demand(checks.out_of_tree_modules, "out-of-tree-modules",
               fmt::format("kernel {} has no module {}, loaded here now from outside the running kernel's own; what "
                           "needs them won't work after the reboot unless their package for that kernel is installed "
                           "with it",
                           kver, fmt::join(missing, ", ")));
}

} // namespace rtnode::worker
