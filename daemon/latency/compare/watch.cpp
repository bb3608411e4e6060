#include "latency/compare/watch.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <utility>

namespace rtnode::latency {
namespace {

bool says_something(const Comparison& comparison) {
    return comparison.verdict == "regression" || std::ranges::any_of(comparison.figures, &ComparedFigure::decides);
}

} // namespace

NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(ComparedFigure, name, a_ns, b_ns, ratio, low, high, decides)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Comparison, verdict, reasons, figures, changes)

void to_json(nlohmann::json& json, const WatchRecord& record) {
    json = {{"conditions", record.conditions}, {"baseline", record.baseline},     {"measurement", record.measurement},
            {"ended-us", record.ended_us},     {"comparison", record.comparison}, {"regression", record.regression},
            {"contrary", record.contrary},     {"reasons", record.reasons}};
}

void from_json(const nlohmann::json& json, WatchRecord& record) {
    json.at("conditions").get_to(record.conditions);
    json.at("baseline").get_to(record.baseline);
    json.at("measurement").get_to(record.measurement);
    json.at("ended-us").get_to(record.ended_us);
    json.at("comparison").get_to(record.comparison);
    json.at("regression").get_to(record.regression);
    json.at("contrary").get_to(record.contrary);
    json.at("reasons").get_to(record.reasons);
}

Turn take_in(WatchRecord& record, WatchedRun run, unsigned confirmations) {
    const bool anew = record.conditions != run.conditions || record.baseline != run.baseline;
    if (anew) record = {};
    record.conditions = std::move(run.conditions);
    record.baseline = run.baseline;
    record.measurement = run.measurement;
    record.ended_us = run.ended_us;
    record.comparison = std::move(run.comparison);
    if (!says_something(record.comparison)) return Turn::none;
    const bool worse = record.comparison.verdict == "regression";
    record.contrary = worse == record.regression ? 0 : record.contrary + 1;
    if (record.contrary < std::max(confirmations, 1U)) return Turn::none;
    record.contrary = 0;
    record.regression = worse;
    record.reasons = worse ? record.comparison.reasons : std::vector<std::string>();
    return worse ? Turn::regression : Turn::recovery;
}

std::string in_words(const WatchRecord& record) {
    if (!record.regression) return {};
    return fmt::format("latency is worse than in measurement {}, as runs of the regression watch agree: {}",
                       record.baseline, fmt::join(record.reasons, "; "));
}

} // namespace rtnode::latency
