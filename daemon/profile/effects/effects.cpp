#include "profile/effects/effects.hpp"

#include "profile/arguments/table.hpp"
#include "profile/effects/parts.hpp"

#include <algorithm>
#include <utility>

namespace rtnode::profile {

std::optional<std::string> Subject::argument(std::string_view name) const {
    const auto found = std::find_if(arguments.rbegin(), arguments.rend(),
                                    [&](const auto& token) { return name_of_argument(token) == name; });
    if (found == arguments.rend()) return std::nullopt;
    return std::string(value_of_argument(*found));
}

CpuList Subject::housekeeping() const {
    return cpus_without(node.present, sets.isolated);
}

bool Subject::isolates() const {
    return !sets.isolated.empty() && (profile.housekeeping_workqueues || profile.housekeeping_interrupts ||
                                      argument("nohz_full") || argument("isolcpus"));
}

Check judged(std::string name, bool good, std::string expected, std::string actual, std::string remedy) {
    return {std::move(name), good ? CheckState::ok : CheckState::failed, std::move(expected), std::move(actual),
            good ? std::string() : std::move(remedy)};
}

Check unknown(std::string name, std::string expected, std::string why) {
    return {std::move(name), CheckState::unknown, std::move(expected), {}, std::move(why)};
}

Check fact(std::string name, std::string actual, std::string meaning) {
    return {std::move(name), CheckState::not_applicable, {}, std::move(actual), std::move(meaning)};
}

std::vector<Check> check_effects(const Profile& profile, const CpuSets& sets, const std::vector<std::string>& arguments,
                                 const NodeTopology& node, const std::filesystem::path& root) {
    const Subject subject{profile, sets, arguments, node, root};
    Checks all;
    for (const auto part : {check_kernel, check_memory, check_settings, check_isolation, check_kubelet})
        for (auto& check : part(subject))
            all.push_back(std::move(check));
    return all;
}

} // namespace rtnode::profile
