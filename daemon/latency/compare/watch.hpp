#pragma once
// The regression watch: what short runs on a timer say together, each of them compared with one baseline.

#include "latency/compare/compare.hpp"

#include <nlohmann/json_fwd.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace rtnode::latency {

/// Where the watch stands after its last run.
struct WatchRecord {
    std::string conditions;           ///< conditions_key() of its runs; under others it says nothing
    std::uint64_t baseline = 0;       ///< number of the measurement that they are compared with
    std::uint64_t measurement = 0;    ///< of the last run; 0 = there was none
    std::uint64_t ended_us = 0;       ///< when that ended, µs since the epoch
    Comparison comparison;            ///< of it with the baseline
    bool regression = false;          ///< the node is said to be slower than its baseline
    unsigned contrary = 0;            ///< runs in a row, up to the last, that say otherwise than `regression`
    std::vector<std::string> reasons; ///< of the run that brought the regression; none without
};

/// One run of the watch.
struct WatchedRun {
    std::string conditions;
    std::uint64_t baseline = 0, measurement = 0, ended_us = 0;
    Comparison comparison;
};

enum class Turn { none, regression, recovery };

/// Takes a run in. What one run says may be a neighbour on the host, or what else ran just then, and is gone with the
/// next; so the word changes, to the worse and to the better, when `confirmations` runs in a row say so. A run that
/// can't be compared, or is too short to tell, says nothing. Under other conditions, or with another baseline, it all
/// begins anew, without a regression.
/// @param confirmations at least 1
Turn take_in(WatchRecord& record, WatchedRun run, unsigned confirmations);

/// "latency is worse than in measurement 3, as runs of the regression watch agree: …"; "" without a regression.
std::string in_words(const WatchRecord& record);

void to_json(nlohmann::json& json, const WatchRecord& record);
void from_json(const nlohmann::json& json, WatchRecord& record); ///< @throws nlohmann::json::exception

} // namespace rtnode::latency
