#include "plan/package_pool.hpp"

#include "state/edit_distance.hpp"

#include <algorithm>

namespace rtnode::plan {

std::string did_you_mean(std::string_view name, const std::vector<std::string>& names) {
    std::vector<std::pair<std::size_t, std::string_view>> near;
    const std::size_t limit = std::max<std::size_t>(2, name.size() / 4);
    for (const std::string_view other : names) {
        const auto longer = std::max(name.size(), other.size()), shorter = std::min(name.size(), other.size());
        if (shorter >= 4 && (other.starts_with(name) || name.starts_with(other)))
            near.emplace_back(limit, other);
        else if (longer - shorter <= limit)
            if (const auto apart = edit_distance(name, other); apart <= limit) near.emplace_back(apart, other);
    }
    std::stable_sort(near.begin(), near.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
    std::string hint;
    for (std::size_t i = 0; i < near.size() && i < 3; ++i)
        hint += (i == 0 ? "; did you mean '" : "', '") + std::string(near[i].second);
    return hint.empty() ? hint : hint + "'?";
}

} // namespace rtnode::plan
