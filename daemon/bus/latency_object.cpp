#include "bus/latency_object.hpp"

#include "loop/journal.hpp"

#include <limits>
#include <unistd.h>

namespace rtnode::bus {
namespace {

latency::Store store_of(const LatencySettings& settings) {
    return latency::Store(settings.folder, settings.text_folder.empty() ? settings.folder : settings.text_folder);
}

latency::Options parse(const Dictionary& dictionary) {
    Options values(dictionary);
    const auto cpus = values.text("cpus");
    const auto duration = values.text("duration");
    const auto policy = values.text("policy", "fifo");
    latency::Options options;
    options.interval = std::chrono::microseconds(values.number("interval", 1000));
    const auto priority = values.number("priority", 95);
    options.histogram_us = values.number("histogram", options.histogram_us);
    options.break_us = values.number("break", 0);
    options.force = values.flag("force");
    options.name = values.text("name");
    values.finish();
    if (duration.empty())
        throw fail(Reason::InvalidArgument, "option 'duration' is missing; give it as \"10s\" or \"10m\"");
    options.cpus = latency::parse_cpu_list(cpus);
    options.duration = latency::parse_duration(duration);
    options.policy = latency::parse_policy(policy);
    options.priority = static_cast<int>(std::min<std::uint32_t>(priority, std::numeric_limits<int>::max()));
    return options;
}

} // namespace

LatencyObject::LatencyObject(sdbus::IConnection& connection, EventLoop& loop, Authority& authority,
                             std::function<LatencySettings()> settings)
    : AdaptorInterfaces(connection, "/org/rtnode1/latency"), connection_(connection), loop_(loop),
      authority_(authority), settings_(std::move(settings)) {
    try {
        const auto store = store_of(settings_());
        store.prune(settings_().keep);
        for (const auto& stored : store.list())
            measurements_.emplace(stored.number,
                                  std::make_unique<MeasurementObject>(connection_, authority_, stored.number, store));
        next_ = store.next_number();
    } catch (const Error& e) {
        journal::log(journal::Priority::warning, fmt::format("earlier measurements can't be shown: {}", e.what()));
    }
    registerAdaptor();
    announce([&] { emitInterfacesAddedSignal(); });
}

LatencyObject::~LatencyObject() {
    measurements_.clear();
    unregisterAdaptor();
}

void LatencyObject::Start(sdbus::Result<sdbus::ObjectPath>&& result, Dictionary options) {
    const Reply<sdbus::ObjectPath> reply(std::move(result));
    reply.guard([&] {
        authority_.ask(
            Authority::question(*getObject().getCurrentlyProcessedMessage(), {action_measure}),
            [this, reply, asked = parse(options)](const Caller&) {
                reply.guard([&] { reply(sdbus::ObjectPath(MeasurementObject::path_of(start(asked)))); });
            },
            [reply](const std::exception& e) { reply.error(e); });
    });
}

std::uint64_t LatencyObject::start(const latency::Options& options) {
    const auto settings = settings_();
    auto store = store_of(settings); // first: an unsafe folder is told before the run, not after it
    latency::Host host;
    host.limits.max_duration = settings.max_duration;
    host.housekeeping_thread = ::gettid();
    auto run = latency::Measurement::start(options, host);
    const auto number = next_ = std::max(next_, store.next_number());
    ++next_;
    measurements_.emplace(number, std::make_unique<MeasurementObject>(
                                      connection_, loop_, authority_, number, std::move(run), std::move(store),
                                      [this] { loop_.post([this] { forget_old(); }); }));
    return number;
}

void LatencyObject::forget_old() {
    const auto settings = settings_();
    store_of(settings).prune(settings.keep);
    for (auto at = measurements_.begin(); measurements_.size() > settings.keep && at != measurements_.end();)
        at = at->second->State() == "running" ? std::next(at) : measurements_.erase(at);
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
