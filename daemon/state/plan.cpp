#include "state/plan.hpp"

#include "state/digest.hpp"

namespace rtnode {
namespace {

nlohmann::json change_json(const PackageChange& change) {
    nlohmann::json json{{"change", name_of(change.kind)}};
    if (change.before) json["before"] = change.before->str();
    if (change.after) json["after"] = change.after->str();
    if (!change.checksum.empty()) json["checksum"] = change.checksum;
    return json;
}

} // namespace

std::string_view name_of(PackageChange::Kind kind) {
    switch (kind) {
    case PackageChange::Kind::replace:
        return "replace";
    case PackageChange::Kind::remove:
        return "remove";
    case PackageChange::Kind::install:
        return "install";
    }
    return "unknown";
}

bool Plan::nothing_to_do() const {
    return same_packages_as_start && kernel_arguments_before == kernel_arguments_after;
}

std::string Plan::hash() const {
    nlohmann::json effect{{"stateroot", stateroot},
                          {"base", base_checksum},
                          {"from", from_checksum},
                          {"kernel-arguments", kernel_arguments_after.tokens()},
                          {"packages", nlohmann::json::array()}};
    for (const auto& change : packages)
        effect["packages"].push_back(change_json(change));
    return sha256_of(effect.dump());
}

void to_json(nlohmann::json& json, const Plan& plan) {
    auto packages = nlohmann::json::array();
    for (const auto& change : plan.packages) {
        auto row = change_json(change);
        row["source"] = change.source;
        row["download-bytes"] = change.download_bytes;
        if (change.trust == Trust::none) row["unsigned"] = true;
        packages.push_back(std::move(row));
    }
    json = {{"plan", plan.hash()},
            {"stateroot", plan.stateroot},
            {"base", plan.base_checksum},
            {"packages", std::move(packages)},
            {"kernel-arguments-before", plan.kernel_arguments_before.tokens()},
            {"kernel-arguments-after", plan.kernel_arguments_after.tokens()},
            {"new-commit", plan.new_commit},
            {"changes-kernel", plan.changes_kernel},
            {"regenerates-initramfs", plan.regenerates_initramfs},
            {"download-bytes", plan.download_bytes},
            {"boot-need-bytes", plan.boot_need_bytes},
            {"reboots", plan.reboots},
            {"nothing-to-do", plan.nothing_to_do()},
            {"warnings", plan.warnings}};
    if (!plan.base_kernel.empty()) json["base-kernel-version"] = plan.base_kernel;
    if (!plan.kernel.empty()) json["kernel-version"] = plan.kernel;
    if (plan.changes_kernel) {
        json["secure-boot"] = plan.kernel_demands.secure_boot;
        json["fips"] = plan.kernel_demands.fips;
        json["out-of-tree-modules"] = plan.kernel_demands.out_of_tree_modules;
    }
}

} // namespace rtnode
