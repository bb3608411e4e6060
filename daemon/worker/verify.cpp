#include "worker/verify.hpp"

#include "assemble/initramfs.hpp"
#include "host/topology.hpp"
#include "ostree/base.hpp"
#include "ostree/sysroot.hpp"
#include "profile/arguments/arguments.hpp"
#include "profile/effects/effects.hpp"
#include "rpm/database.hpp"
#include "state/verification.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace rtnode::worker {
namespace {

std::vector<Nevra> packages_in(const std::filesystem::path& rpmdb, const std::filesystem::path& scratch) {
    std::filesystem::create_directories(scratch);
    const rpm::DatabaseCopy copy(rpmdb, scratch);
    std::vector<Nevra> packages;
    for (const auto& package : rpm::installed_packages(copy.folder()))
        packages.push_back(package.nevra);
    return packages;
}

Check check_early_microcode(const ostree::Sysroot& sysroot, const Deployment& deployment) {
    Check check{.name = "microcode", .expected = "early microcode as in the tree"};
    const auto root = sysroot.deployment_folder(deployment);
    try {
        const auto initramfs = assemble::read_initramfs(root / "usr/lib/modules" / deployment.kernel / "initramfs.img");
        const auto arguments = ostree::initramfs_args(sysroot, deployment.base_checksum);
        const bool one_host = arguments && std::any_of(arguments->begin(), arguments->end(), [](const auto& argument) {
                                  return argument == "-H" || argument == "--hostonly";
                              });
        assemble::check_microcode(initramfs, root, deployment.kernel, one_host);
        for (const auto& [path, content] : initramfs.early)
            if (path.starts_with("kernel/x86/microcode/"))
                check.actual += fmt::format("{}{} ({} bytes)", check.actual.empty() ? "" : ", ",
                                            path.substr(path.rfind('/') + 1), content.size());
        if (check.actual.empty()) {
            check.state = CheckState::not_applicable;
            check.remedy = "neither the tree nor its initramfs has microcode";
        }
    } catch (const Error& error) {
        check.state = CheckState::failed;
        check.actual = error.what();
        check.remedy = "the initramfs is not this tree's; ask for the override again, so that it is made anew";
    }
    return check;
}

std::vector<Check> effects_of(const Profile& profile, const Deployment& deployment) {
    const auto topology = host::read_topology();
    try {
        const auto sets = profile::choose(profile, topology);
        const auto arguments = profile::tokens_for(profile, sets, topology, deployment.kernel);
        return profile::check_effects(profile, sets, arguments, topology);
    } catch (const Error& error) {
        return {{.name = "profile",
                 .state = CheckState::failed,
                 .expected = "a profile that fits this node",
                 .actual = error.what(),
                 .remedy = "correct the profile"}};
    }
}

} // namespace

nlohmann::json verify(const WorkOrder& order) {
    const ostree::Sysroot sysroot(order.sysroot, order.private_node);
    const auto deployment = sysroot.merge_deployment(sysroot.stateroot(order.request.os));
    const auto rpmdb = sysroot.deployment_folder(deployment) / "usr/share/rpm";
    auto checks = check_packages(deployment.origin, packages_in(rpmdb, order.state_dir / "tmp"));
    checks.push_back(check_early_microcode(sysroot, deployment));
    if (order.request.profile && !order.private_node)
        for (auto& check : effects_of(*order.request.profile, deployment))
            checks.push_back(std::move(check));
    return {{"checks", checks}};
}

} // namespace rtnode::worker
