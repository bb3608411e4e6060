#include "worker/package_diff.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <map>

namespace rtnode::worker {
namespace {

using ByName = std::map<std::string, std::vector<Nevra>>;

ByName by_name(const std::vector<Nevra>& packages) {
    ByName names;
    for (const auto& package : packages)
        names[package.name].push_back(package);
    return names;
}

} // namespace

PackageDiff diff_packages(const std::vector<Nevra>& before, const std::vector<Nevra>& after,
                          const std::function<bool(const Nevra&, const Nevra&)>& newer) {
    PackageDiff diff;
    const auto old_names = by_name(before);
    auto new_names = by_name(after);
    for (const auto& [name, old_packages] : old_names) {
        const auto found = new_names.find(name);
        if (found == new_names.end()) {
            for (const auto& package : old_packages)
                diff.removed.push_back(package.str());
            continue;
        }
        const auto& new_packages = found->second;
        if (old_packages.size() == 1 && new_packages.size() == 1) {
            const auto &old_package = old_packages.front(), &new_package = new_packages.front();
            if (old_package != new_package)
                (newer(old_package, new_package) ? diff.upgraded : diff.downgraded)
                    .push_back(name + " " + old_package.evr() + " -> " + new_package.evr());
        } else {
            // Several versions of one name (gpg-pubkey, say) have no pairs: each comes or goes by itself.
            for (const auto& package : old_packages)
                if (std::find(new_packages.begin(), new_packages.end(), package) == new_packages.end())
                    diff.removed.push_back(package.str());
            for (const auto& package : new_packages)
                if (std::find(old_packages.begin(), old_packages.end(), package) == old_packages.end())
                    diff.added.push_back(package.str());
        }
        new_names.erase(found);
    }
    for (const auto& [name, packages] : new_names)
        for (const auto& package : packages)
            diff.added.push_back(package.str());
    return diff;
}

void to_json(nlohmann::json& json, const PackageDiff& diff) {
    json["upgraded"] = diff.upgraded;
    json["downgraded"] = diff.downgraded;
    json["removed"] = diff.removed;
    json["added"] = diff.added;
}

} // namespace rtnode::worker
