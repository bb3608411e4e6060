#pragma once
// Two package lists compared, as `rpm-ostree db diff` prints it.

#include "state/nevra.hpp"

#include <nlohmann/json_fwd.hpp>

#include <functional>
#include <string>
#include <vector>

namespace rtnode::worker {

struct PackageDiff {
    std::vector<std::string> upgraded;   ///< "microcode_ctl 4:20190618-1 -> 4:20190918-3"
    std::vector<std::string> downgraded; ///< the same form
    std::vector<std::string> removed;    ///< NEVRAs
    std::vector<std::string> added;      ///< NEVRAs
};

/// @param newer whether its second argument has the higher epoch-version-release (rpm's order, not the text's)
PackageDiff diff_packages(const std::vector<Nevra>& before, const std::vector<Nevra>& after,
                          const std::function<bool(const Nevra&, const Nevra&)>& newer);

void to_json(nlohmann::json& json, const PackageDiff& diff);

} // namespace rtnode::worker
