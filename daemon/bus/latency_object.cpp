#include "bus/latency_object.hpp"

#include "bus/values.hpp"
#include "latency/compare/compare.hpp"
#include "latency/exclusive_cpus.hpp"
#include "latency/machine/tracer.hpp"
#include "latency/report/report.hpp"
#include "latency/store/results_folder.hpp"
#include "loop/journal.hpp"
#include "state/numbers.hpp"

#include <limits>
#include <unistd.h>

namespace rtnode::bus {
namespace {

/// Where a load would spoil what somebody does.
std::vector<latency::TakenCpus> taken_cpus(const CpuList& online, const CpuList& measured) {
    std::vector<latency::TakenCpus> taken{{measured, "another measurement runs there"}};
    std::string doubt; // about the measured ones the measurement tells of it itself
    for (const auto& exclusive : latency::owned_cpus(online, doubt))
        taken.push_back({exclusive.cpus, latency::describe(exclusive)});
    return taken;
}

/// "12" or an object path. @throws Error{InvalidArgument}
std::uint64_t number_of(std::string_view text) {
    constexpr std::string_view folder = "/org/rtnode1/measurement/";
    auto digits = text;
    if (digits.starts_with(folder)) digits.remove_prefix(folder.size());
    const auto number = whole_number<std::uint64_t>(digits);
    if (!number)
        throw fail(Reason::InvalidArgument,
                   "'{}' is not a measurement; give its number, its object path, \"baseline\" or \"previous\"", text);
    return *number;
}

} // namespace

LatencyObject::LatencyObject(sdbus::IConnection& connection, EventLoop& loop, Authority& authority,
                             std::function<LatencySettings()> settings)
    : AdaptorInterfaces(connection, "/org/rtnode1/latency"), connection_(connection), loop_(loop),
      authority_(authority), settings_(std::move(settings)) {
    latency::Tracer::clean();
    try {
        load_watch();
        const latency::Store store(settings_().folder); // whatever the folder for texts is like now
        for (const auto& stored : store.list())
            add(std::make_unique<MeasurementObject>(connection_, authority_, stored.number, stored.purpose, store));
        forget_old();
        clean_texts();
    } catch (const Error& e) {
        journal::log(journal::Priority::warning, fmt::format("earlier measurements can't be shown: {}", e.what()));
    }
    registerAdaptor();
    announce([&] { emitInterfacesAddedSignal(); });
}

void LatencyObject::shut_down() {
    shut_down_ = true;
    starting_.clear(); // their loads end, and who waits for them learns from the bus that nobody answers
    std::vector<MeasurementObject*> running;
    for (const auto& [number, measurement] : measurements_)
        if (measurement->running()) running.push_back(measurement.get());
    for (auto* measurement : running)
        measurement->cut_short(); // all at once, so that their last intervals pass together
    for (auto* measurement : running)
        measurement->end_now();
}

LatencyObject::~LatencyObject() {
    measurements_.clear();
    unregisterAdaptor();
}

latency::Store LatencyObject::store_of(const LatencySettings& settings) {
    return latency::Store(settings.folder, settings.text_folder.empty() ? settings.folder : settings.text_folder);
}

LatencyObject::Asked LatencyObject::parse(const Dictionary& dictionary) {
    Options values(dictionary);
    const auto cpus = values.text("cpus");
    const auto duration = values.text("duration");
    const auto mode = values.text("mode", "cyclic");
    const auto policy = values.text("policy", "fifo");
    Asked asked;
    auto& options = asked.options;
    options.interval = std::chrono::microseconds(values.number("interval", 1000));
    options.distance = std::chrono::microseconds(values.number("distance", 0));
    options.loops = values.number("loops", 0);
    if (const auto phase = values.number("phase", 0); values.given("phase"))
        options.phase = std::chrono::microseconds(phase);
    const auto priority = values.number("priority", 95);
    options.histogram_us = values.number("histogram", options.histogram_us);
    options.nanoseconds = values.flag("nanoseconds");
    options.break_us = values.number("break", 0);
    options.tracemark = values.flag("tracemark");
    options.spike_us = values.number("spike", 0);
    options.trace = values.flag("trace");
    const auto tracer = values.text("tracer", "auto");
    options.force = values.flag("force");
    options.name = values.text("name");
    asked.load.workers = values.number("load", 0);
    const auto load_cpus = values.text("load-cpus");
    values.finish();
    if (duration.empty() && options.loops == 0)
        throw fail(Reason::InvalidArgument, "option 'duration' is missing; give it as \"10s\" or \"10m\"");
    options.cpus = parse_cpu_list(cpus);
    asked.load.cpus = parse_cpu_list(load_cpus);
    if (!duration.empty()) options.duration = latency::parse_duration(duration);
    options.mode = latency::parse_mode(mode);
    options.policy = latency::parse_policy(policy);
    options.tracer = latency::parse_trace_by(tracer);
    options.priority = static_cast<int>(std::min<std::uint32_t>(priority, std::numeric_limits<int>::max()));
    return asked;
}

void LatencyObject::Start(sdbus::Result<sdbus::ObjectPath>&& result, Dictionary options) {
    const Reply<sdbus::ObjectPath> reply(std::move(result));
    reply.guard([&] {
        authority_.ask(
            Authority::question(*getObject().getCurrentlyProcessedMessage(), {action_measure}),
            [this, reply, asked = parse(options)](const Caller&) { reply.guard([&] { start(asked, reply); }); },
            [reply](const std::exception& e) { reply.error(e); });
    });
}

latency::Host LatencyObject::host() const {
    const auto settings = settings_();
    latency::Host host;
    host.limits.max_duration = settings.max_duration;
    host.housekeeping_thread = ::gettid();
    host.activity = settings.activity;
    return host;
}

void LatencyObject::start(const Asked& asked, const Reply<sdbus::ObjectPath>& reply) {
    const auto where = host();
    const auto options = latency::validated(asked.options, where.topology, where.limits);
    // The watch makes way, but only for what is not refused; until then its CPUs count as free.
    const auto measured = cpus_without(latency::measured_cpus(), watched_cpus());
    auto taken = taken_cpus(where.topology.online, measured);
    for (const auto& [number, starting] : starting_)
        taken.push_back({starting.cpus, "another measurement starts there"});
    const auto load = latency::validated_load(asked.load, options, where.topology, taken);
    respect_others(options, measured, load.workers > 0);
    // An unsafe or full folder for results is told here, before the run and not after it.
    const auto number = take_number();
    const auto begin = [this, number, options, reply](std::unique_ptr<Load> beside) {
        reply.guard([&] {
            run(number, options, std::move(beside));
            reply(sdbus::ObjectPath(MeasurementObject::path_of(number)));
        });
    };
    if (load.workers == 0) {
        end_watch();
        return begin(nullptr);
    }
    auto ordered = std::make_unique<Load>(
        connection_, loop_,
        Load::Order{
            .measurement = number, .options = load, .isolated = where.topology.isolated, .duration = options.duration},
        [this, number, reply, begin](const std::exception* error) {
            auto started = std::move(starting_.extract(number).mapped());
            if (error != nullptr) return reply.error(*error);
            begin(std::move(started.load));
        });
    end_watch();
    starting_.emplace(number, Starting{options.cpus, std::move(ordered)});
}

std::uint64_t LatencyObject::take_number() {
    if (shut_down_) throw fail(Reason::QueueFull, "the daemon is stopping; ask again when it runs");
    // Also when somebody emptied the folder meanwhile.
    const auto number = store_of(settings_()).take_number(next_);
    next_ = number + 1;
    return number;
}

void LatencyObject::respect_others(const latency::Options& options, const CpuList& measured, bool with_load) const {
    // The measurement would find that out itself, but after its load was made, and there may be many who ask.
    auto busy = with_load ? measured : CpuList();
    for (const auto& [number, starting] : starting_)
        busy = cpus_in_either(busy, starting.cpus);
    if (const auto both = cpus_in_both(options.cpus, busy); !both.empty())
        throw fail(Reason::CpuBusy,
                   "CPU {} is being measured already; wait for that measurement, stop it, or choose other CPUs",
                   format_cpu_list(both));
    if (options.force) return;
    const auto respect = [&](std::uint64_t number, const Load* load) {
        const auto loaded = load == nullptr ? CpuList() : cpus_in_both(options.cpus, load->options().cpus);
        if (loaded.empty()) return;
        throw fail(
            Reason::CpuBusy,
            "the load of measurement {} runs on CPU {}; wait for its end, stop it, choose other CPUs, or force it "
            "with the option 'force'",
            number, format_cpu_list(loaded));
    };
    for (const auto& [number, starting] : starting_)
        respect(number, starting.load.get());
    for (const auto& [number, measurement] : measurements_)
        respect(number, measurement->load());
}

void LatencyObject::run(std::uint64_t number, const latency::Options& options, std::unique_ptr<Load> load,
                        latency::Purpose purpose) {
    auto store = store_of(settings_());
    auto measurement = latency::Measurement::start(options, host());
    const auto ended = [this, number, purpose] {
        auto& run = *measurements_.at(number);
        if (purpose == latency::Purpose::watch) judge_watch(run);
        if (const auto before = measurements_.find(run.text_taken_from()); before != measurements_.end())
            before->second->files_changed();
        if (const auto tell = settings_().ended) tell();
        loop_.post([this] { forget_old(); });
    };
    add(std::make_unique<MeasurementObject>(connection_, loop_, authority_, number, purpose, std::move(measurement),
                                            std::move(load), std::move(store), ended));
}

void LatencyObject::add(std::unique_ptr<MeasurementObject> measurement) {
    measurement->set_baseline([this](MeasurementObject& judged) { return find_earlier(judged, true); });
    const auto number = measurement->number();
    measurements_.emplace(number, std::move(measurement));
}

std::vector<latency::Stored> LatencyObject::ended() const {
    std::vector<latency::Stored> ended;
    for (const auto& [number, measurement] : measurements_)
        if (!measurement->running()) ended.push_back({.number = number, .path = {}, .purpose = measurement->purpose()});
    return ended;
}

latency::Keep LatencyObject::keep() {
    const auto settings = settings_();
    latency::Keep keep{.requested = settings.keep, .watched = settings.watch_keep, .always = accepted()};
    keep.always.insert({watch_.baseline, watch_baseline_});
    keep.always.merge(named_baselines(latency::outdated(ended(), keep)));
    return keep;
}

void LatencyObject::clean_texts() {
    const auto folder = settings_().text_folder;
    if (folder.empty()) return;
    try {
        latency::NewFile::remove_unfinished(folder);
    } catch (const Error& e) {
        journal::log(journal::Priority::warning, e.what()); // a Start is refused for that; results are readable
    }
}

void LatencyObject::forget_old() {
    const auto which = keep();
    latency::Store(settings_().folder).prune(which);
    for (const auto number : latency::outdated(ended(), which))
        measurements_.erase(number);
}

Dictionary LatencyObject::Compare(const std::string& a, const std::string& b, const Dictionary& options) {
    return guarded([&] {
        Options values(options);
        const auto tolerance = values.real("tolerance", 0.03);
        values.finish();
        if (!(tolerance >= 0 && tolerance <= 1))
            throw fail(Reason::InvalidArgument, "a tolerance of {} is out of range; give 0 to 1 (usual is 0.03)",
                       tolerance);
        auto& judged = b.empty() ? newest_ended() : existing(number_of(b));
        auto& other = a == "baseline" || a == "previous" ? earlier(judged, a == "baseline") : existing(number_of(a));
        auto comparison = dictionary_of(latency::compare(other.result(), judged.result(), tolerance));
        comparison.emplace("a", sdbus::Variant(sdbus::ObjectPath(MeasurementObject::path_of(other.number()))));
        comparison.emplace("b", sdbus::Variant(sdbus::ObjectPath(MeasurementObject::path_of(judged.number()))));
        return comparison;
    });
}

std::string LatencyObject::metrics() {
    for (auto at = measurements_.rbegin(); at != measurements_.rend(); ++at) {
        if (at->second->purpose() != latency::Purpose::request) continue;
        try {
            return latency::report_prometheus(at->second->so_far()) + watch_metrics();
        } catch (const Error&) {
            // Damaged or gone: List says so; the one before is the newest then.
        }
    }
    return watch_metrics();
}

MeasurementObject& LatencyObject::existing(std::uint64_t number) {
    const auto found = measurements_.find(number);
    if (found == measurements_.end())
        throw fail(Reason::NoSuchMeasurement, "there is no measurement {}; List shows which there are", number);
    return *found->second;
}

MeasurementObject& LatencyObject::newest_ended() {
    for (auto at = measurements_.rbegin(); at != measurements_.rend(); ++at)
        if (at->second->purpose() == latency::Purpose::request && at->second->if_done() != nullptr) return *at->second;
    throw fail(Reason::NoSuchMeasurement, "there is no measurement that has ended; Start one");
}

MeasurementObject* LatencyObject::find_earlier(MeasurementObject& judged, bool same_conditions) {
    const auto options = latency::options_key(judged.summary().options);
    const auto key = latency::baseline_key(judged.summary());
    for (auto at = std::make_reverse_iterator(measurements_.find(judged.number())); at != measurements_.rend(); ++at) {
        auto& candidate = *at->second;
        const auto* result = candidate.purpose() == latency::Purpose::request ? candidate.if_done() : nullptr;
        if (result == nullptr || !result->valid() || latency::options_key(result->options) != options) continue;
        if (result->load != judged.summary().load) continue;
        if ((latency::baseline_key(*result) == key) == same_conditions) return &candidate;
    }
    return nullptr;
}

MeasurementObject& LatencyObject::earlier(MeasurementObject& judged, bool same_conditions) {
    if (auto* found = find_earlier(judged, same_conditions)) return *found;
    throw fail(Reason::NoSuchMeasurement,
               "before measurement {} there is no valid one with the same options and load {}; measure "
               "again, or name one to compare with",
               judged.number(),
               same_conditions ? "under the same conditions"
                               : "under other conditions (deployment, kernel, arguments)");
}

std::vector<LatencyObject::Row> LatencyObject::List() {
    return guarded([&] {
        std::vector<Row> rows;
        for (const auto& [number, measurement] : measurements_) {
            try {
                rows.emplace_back(sdbus::ObjectPath(MeasurementObject::path_of(number)), measurement->Name(),
                                  measurement->State());
            } catch (const sdbus::Error& e) {
                rows.emplace_back(sdbus::ObjectPath(MeasurementObject::path_of(number)), e.getMessage(), "failed");
            }
        }
        return rows;
    });
}

} // namespace rtnode::bus
