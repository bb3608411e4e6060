// The regression watch of org.rtnode1.Latency: a short run, as its baseline was measured, and what it says of the node.

#include "bus/latency_object.hpp"
#include "bus/records.hpp"
#include "bus/values.hpp"
#include "latency/exclusive_cpus.hpp"
#include "loop/journal.hpp"
#include "metrics/watch.hpp"
#include "profile/gate/acceptance_record.hpp"
#include "profile/gate/record_file.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <iterator>

namespace rtnode::bus {
namespace {

using namespace std::chrono_literals;

constexpr auto shortest = 10s, longest = 60s; // of a watch; comparing needs eight windows of a second
constexpr const char* baseline_name = "baseline";
constexpr const char* record_name = "latency-watch.json";

/// As the baseline was measured, so that nothing but the node may differ.
latency::Options like(latency::Options options, std::chrono::nanoseconds duration) {
    options.duration = duration;
    options.loops = 0;
    options.tracemark = options.trace = options.force = false;
    options.tracer = latency::TraceBy::Auto;
    options.name = "regression watch";
    return options;
}

/// Without those that a container has for itself. @throws Error{CpuBusy} when none is left
CpuList free_cpus(const CpuList& wanted) {
    std::string doubt; // the measurement tells of it itself
    CpuList left = wanted;
    const auto taken = latency::owned_cpus(wanted, doubt);
    for (const auto& exclusive : taken)
        left = cpus_without(left, exclusive.cpus);
    if (left.empty())
        throw fail(Reason::CpuBusy, "the regression watch stays away: {}, and no other CPU of the baseline is left",
                   latency::describe(taken.front()));
    return left;
}

sdbus::ObjectPath object_path(std::uint64_t number) {
    return sdbus::ObjectPath(MeasurementObject::path_of(number));
}

} // namespace

void LatencyObject::load_watch() {
    std::vector<std::string> damaged;
    profile::read_record(settings_().state_dir / record_name, damaged,
                         [this](const nlohmann::json& json) { watch_ = json.get<latency::WatchRecord>(); });
    tell_damage(damaged);
    // Where none ever ran, a start needn't read all of the machine for that.
    if (watch_.measurement != 0 && watch_.conditions != latency::conditions_key(latency::Environment::read()))
        watch_ = {};
    if (const auto tell = settings_().regressed) tell(latency::in_words(watch_));
}

std::set<std::uint64_t> LatencyObject::accepted() const {
    const auto record = load_record<profile::AcceptanceRecord>(settings_().state_dir);
    std::set<std::uint64_t> numbers{record.baseline().measurement};
    for (const auto& entry : record.entries())
        if (entry.outcome == profile::Outcome::accepted) numbers.insert(entry.measurement);
    numbers.erase(0); // none was made
    return numbers;
}

bool LatencyObject::is_named_baseline(MeasurementObject& measurement) {
    if (measurement.purpose() != latency::Purpose::request) return false;
    const auto* result = measurement.if_done();
    return result != nullptr && result->options.name == baseline_name && result->valid() && result->load.empty();
}

std::set<std::uint64_t> LatencyObject::named_baselines(const std::vector<std::uint64_t>& going) {
    std::set<std::uint64_t> stay;
    for (const auto number : going)
        if (is_named_baseline(existing(number))) stay.insert(number);
    if (stay.empty()) return stay; // then the others, of which many were not read yet, needn't be looked at
    std::set<std::string> conditions;
    for (auto at = measurements_.rbegin(); at != measurements_.rend(); ++at)
        if (is_named_baseline(*at->second) &&
            !conditions.insert(latency::conditions_key(at->second->summary().environment)).second)
            stay.erase(at->first);
    return stay;
}

MeasurementObject& LatencyObject::watch_baseline(const std::string& conditions) {
    const auto by_acceptance = accepted();
    for (auto at = measurements_.rbegin(); at != measurements_.rend(); ++at) {
        auto& [number, candidate] = *at;
        if (candidate->purpose() != latency::Purpose::request || candidate->running()) continue;
        try {
            const auto& result = candidate->summary();
            if ((by_acceptance.contains(number) || result.options.name == baseline_name) && result.valid() &&
                result.load.empty() && latency::conditions_key(result.environment) == conditions)
                return *candidate;
        } catch (const Error&) {
            continue; // damaged or gone: List says so
        }
    }
    throw fail(
        Reason::NoSuchMeasurement,
        "the regression watch has nothing to compare with: since the node has its deployment, kernel, microcode, "
        "BIOS and kernel arguments, no valid measurement was accepted ('rtnodectl accept') or made with the name "
        "\"{}\" ('rtnodectl latency run --duration 10m --name {}')",
        baseline_name, baseline_name);
}

void LatencyObject::Watch(sdbus::Result<sdbus::ObjectPath>&& result, Dictionary options) {
    const Reply<sdbus::ObjectPath> reply(std::move(result));
    reply.guard([&] {
        Options values(options);
        const auto text = values.text("duration", "10s");
        values.finish();
        const auto duration = latency::parse_duration(text);
        if (duration < shortest || duration > longest)
            throw fail(Reason::InvalidArgument,
                       "a duration of {} is out of range for the regression watch; give 10s to 1m, or measure with "
                       "Start",
                       text);
        authority_.ask(
            Authority::question(*getObject().getCurrentlyProcessedMessage(), {action_measure}),
            [this, reply, duration](const Caller&) { reply.guard([&] { reply(start_watch(duration)); }); },
            [reply](const std::exception& e) { reply.error(e); });
    });
}

sdbus::ObjectPath LatencyObject::start_watch(std::chrono::nanoseconds duration) {
    if (const auto busy = settings_().busy; busy && busy())
        throw fail(Reason::CpuBusy,
                   "the regression watch stays away: a job is queued or running, which would disturb it");
    if (!latency::measured_cpus().empty() || !starting_.empty())
        throw fail(Reason::CpuBusy, "the regression watch stays away: another measurement is running");
    const auto conditions = latency::conditions_key(latency::Environment::read());
    auto& baseline = watch_baseline(conditions);
    auto options = like(baseline.summary().options, duration);
    options.cpus = free_cpus(options.cpus);
    const auto where = host();
    const auto number = take_number();
    run(number, latency::validated(options, where.topology, where.limits), nullptr, latency::Purpose::watch);
    watch_baseline_ = baseline.number();
    return object_path(number);
}

CpuList LatencyObject::watched_cpus() {
    CpuList cpus;
    for (const auto& [number, measurement] : measurements_)
        if (measurement->running() && measurement->purpose() == latency::Purpose::watch)
            cpus = cpus_in_either(cpus, measurement->options().cpus);
    return cpus;
}

void LatencyObject::end_watch() {
    for (const auto& [number, measurement] : measurements_)
        if (measurement->running() && measurement->purpose() == latency::Purpose::watch) measurement->end_now();
}

void LatencyObject::judge_watch(MeasurementObject& run) {
    const auto compared_with = std::exchange(watch_baseline_, 0);
    try {
        const auto result = run.result();
        if (result.end == latency::End::Stopped) return; // it made way for somebody
        const auto settings = settings_();
        const auto turn = latency::take_in(
            watch_,
            {.conditions = latency::conditions_key(result.environment),
             .baseline = compared_with,
             .measurement = run.number(),
             .ended_us = static_cast<std::uint64_t>(
                 std::chrono::duration_cast<std::chrono::microseconds>(result.ended.time_since_epoch()).count()),
             .comparison = latency::compare(existing(compared_with).result(), result, settings.watch_tolerance)},
            settings.watch_confirmations);
        tell_turn(turn);
        profile::write_record(settings.state_dir / record_name, watch_);
    } catch (const std::exception& e) { // whatever it is, the run itself is stored and told
        journal::log(journal::Priority::error,
                     fmt::format("measurement {} of the regression watch could not be judged or noted: {}",
                                 run.number(), e.what()));
    }
}

void LatencyObject::tell_turn(latency::Turn turn) {
    const auto log = [this](journal::Priority priority, const std::string& text, std::string_view id) {
        journal::log(priority, text,
                     {{"MESSAGE_ID", std::string(id)},
                      {"RTNODE_MEASUREMENT", std::to_string(watch_.measurement)},
                      {"RTNODE_BASELINE", std::to_string(watch_.baseline)}});
    };
    journal::log(journal::Priority::info,
                 fmt::format("the regression watch: measurement {} against {}: {}{}{}", watch_.measurement,
                             watch_.baseline, watch_.comparison.verdict, watch_.comparison.reasons.empty() ? "" : "; ",
                             fmt::join(watch_.comparison.reasons, "; ")));
    if (turn == latency::Turn::regression)
        log(journal::Priority::warning, latency::in_words(watch_), journal::latency_regressed);
    if (turn == latency::Turn::recovery)
        log(journal::Priority::notice,
            fmt::format("latency is as in measurement {} again, as runs of the regression watch agree",
                        watch_.baseline),
            journal::latency_recovered);
    announce([&] {
        if (turn == latency::Turn::regression)
            emitRegression(object_path(watch_.measurement), object_path(watch_.baseline),
                           dictionary_of(watch_.comparison));
        emitPropertiesChangedSignal(Latency_adaptor::INTERFACE_NAME, {"LastWatch"});
    });
    if (const auto tell = settings_().regressed) tell(latency::in_words(watch_));
}

Dictionary LatencyObject::LastWatch() {
    return guarded([&] {
        if (watch_.measurement == 0) return Dictionary();
        auto last = dictionary_of(watch_.comparison);
        last.emplace("measurement", sdbus::Variant(object_path(watch_.measurement)));
        last.emplace("baseline", sdbus::Variant(object_path(watch_.baseline)));
        last.emplace("ended", sdbus::Variant(watch_.ended_us));
        last.emplace("regression", sdbus::Variant(watch_.regression));
        last.emplace("why", sdbus::Variant(latency::in_words(watch_)));
        return last;
    });
}

std::string LatencyObject::watch_metrics() const {
    if (watch_.measurement == 0) return {};
    metrics::Watch watch{.regression = watch_.regression, .ended_us = watch_.ended_us, .figures = {}};
    for (const auto& figure : watch_.comparison.figures)
        watch.figures.push_back({.name = figure.name,
                                 .baseline_ns = figure.a_ns,
                                 .watch_ns = figure.b_ns,
                                 .ratio = figure.ratio,
                                 .low = figure.low,
                                 .high = figure.high});
    return metrics::of_watch(watch);
}

} // namespace rtnode::bus
