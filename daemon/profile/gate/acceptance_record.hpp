#pragma once
// What became of the plans that were booted: accepted, failed, gone back from. A plan that failed is not tried again
// by itself, also not after a restart or a power cut, so this is written before anything is done about a verdict.

#include "state/deployment.hpp"

#include <nlohmann/json_fwd.hpp>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace rtnode::profile {

enum class Outcome { accepted, failed, rolled_back };

/// "accepted", "failed", "rolled-back".
std::string_view name_of(Outcome outcome);

struct AcceptanceEntry {
    std::string plan;       ///< Plan::hash()
    std::string profile;    ///< its name
    std::string deployment; ///< checksum of what was judged
    Outcome outcome = Outcome::accepted;
    std::vector<std::string> reasons; ///< for people
    std::uint64_t measurement = 0;    ///< number of the measurement that was judged; 0 = none was
    std::string boot_id;              ///< of the boot that was judged
    std::uint64_t time_us = 0;        ///< of the verdict, µs since the epoch

    bool operator==(const AcceptanceEntry&) const = default;
};

void to_json(nlohmann::json& json, const AcceptanceEntry& entry);
void from_json(const nlohmann::json& json, AcceptanceEntry& entry); ///< @throws Error{Internal}

/// A deployment by what names it in the sysroot.
struct PinnedDeployment {
    std::string stateroot, checksum;
    unsigned serial = 0;

    bool operator==(const PinnedDeployment&) const = default;
};

/// What a later measurement is compared with.
struct Baseline {
    std::uint64_t measurement = 0; ///< number; 0 = there is none
    std::string key;               ///< latency::baseline_key() of it

    bool operator==(const Baseline&) const = default;
};

/// STATE/acceptance.json, the daemon's alone.
class AcceptanceRecord {
  public:
    static constexpr std::size_t most_entries = 32; ///< the oldest go
    static constexpr const char* file_name = "acceptance.json";

    /// A missing file is an empty record; so is a damaged one, which is put aside with a warning.
    /// @throws Error{Internal} when the file can't be read
    static AcceptanceRecord load(const std::filesystem::path& state_dir, std::vector<std::string>& warnings);

    /// On disk when it returns. @throws Error{NoSpace, Internal}
    void save(const std::filesystem::path& state_dir) const;

    void add(AcceptanceEntry entry);                                         ///< in place of what was known of its plan
    const std::vector<AcceptanceEntry>& entries() const { return entries_; } ///< the newest last

    /// What is known of the plan, when that is that it failed or that the node went back from it.
    std::optional<AcceptanceEntry> failed_before(const std::string& plan) const;

    /// Somebody asks for the plan again: forgets that it failed. @returns whether it had
    bool may_try_again(const std::string& plan);

    /// To be saved before the deployment is pinned, so that a crash in between leaves no pin that nobody takes away.
    /// One that is pinned already is somebody else's and stays so: nothing is noted then.
    void note_pin(const Deployment& deployment);
    void note_unpinned(const Deployment& deployment);
    void forget_pins_except(const std::vector<Deployment>& deployments); ///< of what is gone

    /// Those pinned by us, but for `good`: one way back is enough. What others pinned is never among them.
    std::vector<Deployment> to_unpin(const std::vector<Deployment>& deployments, const Deployment& good) const;

    /// The deployment to go back to: pinned by us as good, still there, and not the booted one; the newest of them.
    std::optional<Deployment> way_back(const std::vector<Deployment>& deployments) const;

    const Baseline& baseline() const { return baseline_; }
    void set_baseline(Baseline baseline) { baseline_ = std::move(baseline); }

  private:
    std::vector<AcceptanceEntry> entries_;
    std::vector<PinnedDeployment> pinned_; ///< the newest last
    Baseline baseline_;
};

} // namespace rtnode::profile
