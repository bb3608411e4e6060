#include "profile/gate/acceptance_record.hpp"

#include "profile/gate/record_file.hpp"
#include "state/error.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <utility>

namespace rtnode::profile {
namespace {

constexpr std::array<std::pair<Outcome, std::string_view>, 3> outcomes{{
    {Outcome::accepted, "accepted"},
    {Outcome::failed, "failed"},
    {Outcome::rolled_back, "rolled-back"},
}};

PinnedDeployment place_of(const Deployment& deployment) {
    return {deployment.stateroot, deployment.checksum, deployment.serial};
}

bool is_at(const PinnedDeployment& place, const std::vector<Deployment>& deployments) {
    return std::ranges::find(deployments, place, place_of) != deployments.end();
}

} // namespace

NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(PinnedDeployment, stateroot, checksum, serial)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Baseline, measurement, key)

std::string_view name_of(Outcome outcome) {
    for (const auto& [value, name] : outcomes)
        if (value == outcome) return name;
    return "unknown";
}

void to_json(nlohmann::json& json, const AcceptanceEntry& entry) {
    json = {{"plan", entry.plan},
            {"profile", entry.profile},
            {"deployment", entry.deployment},
            {"verdict", name_of(entry.outcome)},
            {"reasons", entry.reasons},
            {"measurement", entry.measurement},
            {"boot-id", entry.boot_id},
            {"time-us", entry.time_us}};
}

void from_json(const nlohmann::json& json, AcceptanceEntry& entry) {
    json.at("plan").get_to(entry.plan);
    json.at("profile").get_to(entry.profile);
    json.at("deployment").get_to(entry.deployment);
    json.at("reasons").get_to(entry.reasons);
    json.at("measurement").get_to(entry.measurement);
    json.at("boot-id").get_to(entry.boot_id);
    json.at("time-us").get_to(entry.time_us);
    const auto verdict = json.at("verdict").get<std::string>();
    const auto* found =
        std::find_if(outcomes.begin(), outcomes.end(), [&](const auto& outcome) { return outcome.second == verdict; });
    if (found == outcomes.end()) throw fail(Reason::Internal, "'{}' is no verdict", verdict);
    entry.outcome = found->first;
}

AcceptanceRecord AcceptanceRecord::load(const std::filesystem::path& state_dir, std::vector<std::string>& warnings) {
    AcceptanceRecord record;
    read_record(state_dir / file_name, warnings, [&](const nlohmann::json& json) {
        AcceptanceRecord read;
        json.at("plans").get_to(read.entries_);
        json.at("pinned").get_to(read.pinned_);
        json.at("baseline").get_to(read.baseline_);
        record = std::move(read);
    });
    return record;
}

void AcceptanceRecord::save(const std::filesystem::path& state_dir) const {
    write_record(state_dir / file_name, {{"plans", entries_}, {"pinned", pinned_}, {"baseline", baseline_}});
}

void AcceptanceRecord::add(AcceptanceEntry entry) {
    std::erase_if(entries_, [&](const AcceptanceEntry& older) { return older.plan == entry.plan; });
    entries_.push_back(std::move(entry));
    if (entries_.size() > most_entries)
        entries_.erase(entries_.begin(), entries_.end() - static_cast<std::ptrdiff_t>(most_entries));
}

std::optional<AcceptanceEntry> AcceptanceRecord::failed_before(const std::string& plan) const {
    for (const auto& entry : entries_)
        if (entry.plan == plan && entry.outcome != Outcome::accepted) return entry;
    return std::nullopt;
}

bool AcceptanceRecord::may_try_again(const std::string& plan) {
    return std::erase_if(entries_, [&](const AcceptanceEntry& entry) {
               return entry.plan == plan && entry.outcome != Outcome::accepted;
           }) > 0;
}

void AcceptanceRecord::note_pin(const Deployment& deployment) {
    if (deployment.pinned) return;
    note_unpinned(deployment); // of one that had this place before
    pinned_.push_back(place_of(deployment));
}

void AcceptanceRecord::note_unpinned(const Deployment& deployment) {
    std::erase(pinned_, place_of(deployment));
}

void AcceptanceRecord::forget_pins_except(const std::vector<Deployment>& deployments) {
    std::erase_if(pinned_, [&](const PinnedDeployment& place) { return !is_at(place, deployments); });
}

std::vector<Deployment> AcceptanceRecord::to_unpin(const std::vector<Deployment>& deployments,
                                                   const Deployment& good) const {
    std::vector<Deployment> ours;
    for (const auto& deployment : deployments) {
        const auto place = place_of(deployment);
        if (deployment.pinned && place != place_of(good) && std::ranges::find(pinned_, place) != pinned_.end())
            ours.push_back(deployment);
    }
    return ours;
}

std::optional<Deployment> AcceptanceRecord::way_back(const std::vector<Deployment>& deployments) const {
    for (auto place = pinned_.rbegin(); place != pinned_.rend(); ++place)
        for (const auto& deployment : deployments)
            if (deployment.pinned && !deployment.booted && place_of(deployment) == *place) return deployment;
    return std::nullopt;
}

} // namespace rtnode::profile
