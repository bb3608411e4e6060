#include "bus/measurement_object.hpp"

#include "latency/report/page.hpp"
#include "latency/report/report.hpp"
#include "loop/journal.hpp"
#include "state/memory_file.hpp"

#include <sys/epoll.h>

#include <algorithm>

namespace rtnode::bus {
namespace {

using namespace std::chrono_literals;
using sdbus::Variant;

latency::Result without_histograms(latency::Result result) {
    for (auto& cpu : result.cpus) {
        cpu.histogram_us = {};
        cpu.overflow_cycles = {};
        cpu.histogram_ns = cpu.corrected_ns = {};
        cpu.windows = {};
    }
    return result;
}

std::uint64_t micros(auto duration) {
    return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::microseconds>(duration).count());
}

Dictionary overall(const latency::Result& result, const std::vector<std::string>& files) {
    std::int64_t min = 0, max = 0, p99999 = 0, corrected = 0;
    double sum = 0;
    std::uint64_t cycles = 0, missed = 0, spikes = 0;
    CpuList cpus;
    for (const auto& cpu : result.cpus) {
        const auto& s = cpu.statistics;
        cpus.push_back(s.cpu);
        missed += s.missed;
        spikes += s.spikes;
        if (s.cycles == 0) continue;
        min = cycles == 0 ? s.min_ns : std::min(min, s.min_ns);
        max = std::max(max, s.max_ns);
        p99999 = std::max(p99999, s.percentiles_ns[5]);
        corrected = std::max(corrected, s.corrected_percentiles_ns[5]);
        sum += s.avg_ns * static_cast<double>(s.cycles);
        cycles += s.cycles;
    }
    const auto unsigned_of = [](std::int64_t ns) {
        return Variant(static_cast<std::uint64_t>(std::max<std::int64_t>(ns, 0)));
    };
    return {{"end", Variant(std::string(name_of(result.end)))},
            {"valid", Variant(result.valid())},
            {"invalid", Variant(result.invalid)},
            {"notes", Variant(result.notes)},
            {"cpus", Variant(format_cpu_list(cpus))},
            {"load", Variant(result.load)},
            {"cycles", Variant(cycles)},
            {"missed", Variant(missed)},
            {"spikes", Variant(spikes)},
            {"min-ns", unsigned_of(min)},
            {"max-ns", unsigned_of(max)},
            {"avg-ns", Variant(cycles == 0 ? 0.0 : sum / static_cast<double>(cycles))},
            {"p99.999-ns", unsigned_of(p99999)},
            {"corrected-p99.999-ns", unsigned_of(corrected)},
            {"files", Variant(files)}};
}

} // namespace

std::string MeasurementObject::path_of(std::uint64_t number) {
    return fmt::format("/org/rtnode1/measurement/{}", number);
}

MeasurementObject::MeasurementObject(sdbus::IConnection& connection, EventLoop& loop, Authority& authority,
                                     std::uint64_t number, latency::Purpose purpose,
                                     std::unique_ptr<latency::Measurement> run, std::unique_ptr<bus::Load> load,
                                     latency::Store store, std::function<void()> ended)
    : AdaptorInterfaces(connection, path_of(number)), loop_(&loop), authority_(authority), number_(number),
      purpose_(purpose), store_(std::move(store)), started_(std::chrono::system_clock::now()), run_(std::move(run)),
      load_(std::move(load)), ended_(std::move(ended)) {
    if (load_) {
        load_text_ = describe(load_->options());
        load_->on_end([this] { on_load_ended(); });
    }
    finished_ = loop.io(run_->finished_fd(), EPOLLIN, [this](std::uint32_t) { on_finished(); });
    second_ = loop.timer(1s, [this] { observe(); });
    registerAdaptor();
    announce([&] { emitInterfacesAddedSignal(); });
}

MeasurementObject::MeasurementObject(sdbus::IConnection& connection, Authority& authority, std::uint64_t number,
                                     latency::Purpose purpose, latency::Store store)
    : AdaptorInterfaces(connection, path_of(number)), authority_(authority), number_(number), purpose_(purpose),
      store_(std::move(store)) {
    registerAdaptor();
    announce([&] { emitInterfacesAddedSignal(); });
}

MeasurementObject::~MeasurementObject() {
    announce([&] { emitInterfacesRemovedSignal(); });
    unregisterAdaptor();
}

void MeasurementObject::observe() {
    tell_spikes();
    second_ = loop_->timer(1s, [this] { observe(); });
}

void MeasurementObject::tell_spikes() {
    for (const auto& spike : run_->observe())
        announce([&] {
            emitSpike(spike.cpu, spike.cycle, spike.late_ns, spike.monotonic_ns, spike.realtime_ns, spike.hints);
        });
}

void MeasurementObject::on_load_ended() {
    const auto after = std::chrono::duration_cast<std::chrono::seconds>(std::chrono::steady_clock::now() - begun_);
    load_end_ = fmt::format("the load ended by itself after {} s, so the rest was measured without it; see "
                            "`journalctl -u {}`",
                            after.count(), load_->unit());
    load_.reset();
    journal::log(journal::Priority::warning, fmt::format("measurement {}: {}", number_, load_end_));
    announce([&] { emitPropertiesChangedSignal(Measurement_adaptor::INTERFACE_NAME, {"Invalid"}); });
}

/// The numbers claim that there was a load; where it wasn't they are too good, so they are not to be trusted.
latency::Result MeasurementObject::with_load(latency::Result result) const {
    result.load = load_text_;
    if (!load_end_.empty()) result.invalid.push_back(load_end_);
    if (!cut_short_.empty() && result.end == latency::End::Stopped) result.invalid.push_back(cut_short_);
    return result;
}

void MeasurementObject::on_finished() {
    load_.reset(); // at once: nobody needs it any more
    finished_.stop();
    second_.stop();
    tell_spikes();
    auto result = with_load(run_->result());
    try {
        const auto saved = store_.save(number_, result, purpose_);
        text_taken_from_ = saved.text_taken_from;
        if (!saved.text_error.empty())
            journal::log(
                journal::Priority::warning,
                fmt::format("cyclictest's text of measurement {} could not be written; the result is stored: {}",
                            number_, saved.text_error));
    } catch (const std::exception& e) { // whatever it is, who waits must be answered
        const auto* ours = dynamic_cast<const Error*>(&e);
        store_error_ = fail(ours != nullptr ? ours->reason() : Reason::Internal,
                            "the measurement could not be stored, but is reported until the daemon ends: {}", e.what());
        journal::log(journal::Priority::error,
                     fmt::format("measurement {} could not be stored: {}", number_, e.what()));
    }
    if (!store_error_) result = without_histograms(std::move(result));
    summary_ = std::make_unique<latency::Result>(std::move(result));
    run_.reset();
    journal::log(
        journal::Priority::notice,
        fmt::format("measurement {} ended ({}){}", number_, name_of(summary_->end),
                    summary_->valid()
                        ? ""
                        : fmt::format("; its numbers are not to be trusted: {}", fmt::join(summary_->invalid, "; "))),
        {{"MESSAGE_ID", std::string(journal::measurement_ended)}, {"RTNODE_MEASUREMENT", std::to_string(number_)}});
    announce([&] {
        emitPropertiesChangedSignal(Measurement_adaptor::INTERFACE_NAME, {"State", "End", "Invalid", "Files"});
    });
    for (const auto& reply : std::exchange(waiting_, {}))
        reply.guard([&] { answer(reply); });
    if (ended_) ended_();
}

void MeasurementObject::cut_short() {
    if (run_->finished()) return; // it only isn't stored yet
    // Nobody chose that, so nothing may be accepted or compared by what a part of the run shows.
    cut_short_ = fmt::format(
        "the daemon was stopped after {} of {}, so the rest was not measured",
        latency::format_duration(std::chrono::floor<std::chrono::seconds>(std::chrono::steady_clock::now() - begun_)),
        latency::format_duration(run_->options().duration));
    journal::log(journal::Priority::warning, fmt::format("measurement {}: {}", number_, cut_short_));
    run_->stop();
}

void MeasurementObject::end_now() {
    run_->stop();
    on_finished();
}

void MeasurementObject::files_changed() {
    announce([&] { emitPropertiesChangedSignal(Measurement_adaptor::INTERFACE_NAME, {"Files"}); });
}

void MeasurementObject::must_have_ended() const {
    if (run_) throw fail(Reason::InvalidArgument, "measurement {} still runs; wait for it, or stop it", number_);
}

const latency::Result& MeasurementObject::summary() {
    must_have_ended();
    if (!summary_) summary_ = std::make_unique<latency::Result>(without_histograms(store_.load(number_)));
    return *summary_;
}

const latency::Result* MeasurementObject::if_done() {
    if (run_ || store_error_) return nullptr;
    try {
        const auto& result = summary();
        return result.end == latency::End::Overloaded ? nullptr : &result;
    } catch (const Error& e) {
        if (!std::exchange(damage_told_, true))
            journal::log(journal::Priority::warning,
                         fmt::format("measurement {} is passed over: {}", number_, e.what()));
        return nullptr;
    }
}

latency::Result MeasurementObject::result() {
    must_have_ended();
    return so_far();
}

latency::Result MeasurementObject::so_far() {
    if (run_) return with_load(run_->so_far());
    return store_error_ ? *summary_ : store_.load(number_);
}

const latency::Options& MeasurementObject::options() {
    return run_ ? run_->options() : summary().options;
}

const std::vector<latency::CpuStatistics>& MeasurementObject::statistics() {
    const auto now = std::chrono::steady_clock::now();
    if (run_ && now - looked_ < 1ms) return statistics_;
    if (run_) {
        statistics_ = run_->snapshot().cpus;
    } else {
        statistics_.clear();
        for (const auto& cpu : summary().cpus)
            statistics_.push_back(cpu.statistics);
    }
    looked_ = now;
    return statistics_;
}

void MeasurementObject::Stop(sdbus::Result<>&& result) {
    const Reply<> reply(std::move(result));
    reply.guard([&] {
        authority_.ask(
            Authority::question(*getObject().getCurrentlyProcessedMessage(), {action_measure}),
            [this, alive = std::weak_ptr(alive_), reply](const Caller&) {
                // The question may have taken minutes: the run may have ended and been forgotten meanwhile.
                if (!alive.expired() && run_) run_->stop();
                reply();
            },
            [reply](const std::exception& e) { reply.error(e); });
    });
}

void MeasurementObject::Wait(sdbus::Result<std::string, Dictionary>&& result) {
    const WaitReply reply(std::move(result));
    reply.guard([&] {
        if (run_)
            waiting_.push_back(reply);
        else
            answer(reply);
    });
}

void MeasurementObject::answer(const WaitReply& reply) {
    const auto& result = summary();
    if (store_error_) throw *store_error_;
    if (result.end == latency::End::Overloaded)
        throw fail(Reason::Overloaded, "the measurement stopped itself: {}; use a longer interval, or free that CPU",
                   latency::why_overloaded(result));
    reply(State(), overall(result, Files()));
}

std::string MeasurementObject::GetReport(const std::string& format) {
    return guarded([&] { return format == "html" ? page() : latency::report(so_far(), format); });
}

std::string MeasurementObject::page() {
    const auto result = so_far();
    auto* baseline = baseline_ && if_done() != nullptr ? baseline_(*this) : nullptr;
    if (baseline == nullptr) return latency::report_html(result);
    std::optional<latency::Comparison> comparison;
    try {
        comparison = latency::compare(baseline->result(), result);
    } catch (const Error& e) { // its file went since its summary was read; the page is of this run
        journal::log(journal::Priority::warning,
                     fmt::format("measurement {} is passed over: {}", baseline->number(), e.what()));
        return latency::report_html(result);
    }
    return latency::report_html(result, &*comparison, fmt::format("measurement {}", baseline->number()));
}

sdbus::UnixFd MeasurementObject::Snapshot() {
    return guarded([&] {
        const auto file = sealed_memory_file("rtnode-measurement.json", latency::report_json(so_far()));
        return sdbus::UnixFd(file.get()); // duplicates it
    });
}

template <typename T, typename F>
std::vector<T> MeasurementObject::each_cpu(F value) {
    return guarded([&] {
        std::vector<T> values;
        for (const auto& cpu : statistics())
            values.push_back(static_cast<T>(value(cpu)));
        return values;
    });
}

std::string MeasurementObject::Name() {
    return guarded([&] { return options().name; });
}
std::string MeasurementObject::State() {
    return guarded([&] {
        if (run_) return std::string("running");
        return std::string(summary().end == latency::End::Overloaded || store_error_ ? "failed" : "done");
    });
}
std::string MeasurementObject::End() {
    return guarded([&] { return run_ ? std::string() : std::string(name_of(summary().end)); });
}
std::vector<std::string> MeasurementObject::Invalid() {
    return guarded([&] {
        if (!run_) return summary().invalid;
        return load_end_.empty() ? std::vector<std::string>() : std::vector{load_end_};
    });
}
std::vector<std::string> MeasurementObject::Files() {
    return guarded([&] { return run_ || store_error_ ? std::vector<std::string>() : store_.files(number_); });
}
std::string MeasurementObject::Load() {
    return guarded([&] { return run_ ? load_text_ : summary().load; });
}
std::uint64_t MeasurementObject::Started() {
    return guarded([&] { return micros((run_ ? started_ : summary().started).time_since_epoch()); });
}
std::uint64_t MeasurementObject::Duration() {
    return guarded([&] { return micros(options().duration); });
}
std::uint32_t MeasurementObject::Resolution() {
    return guarded([&] { return options().nanoseconds ? 1U : 1000U; });
}
std::uint32_t MeasurementObject::Interval() {
    return guarded([&] { return static_cast<std::uint32_t>(options().interval.count()); });
}
std::string MeasurementObject::Policy() {
    return guarded([&] { return std::string(name_of(options().policy)); });
}
std::uint32_t MeasurementObject::Priority() {
    return guarded([&] { return static_cast<std::uint32_t>(options().priority); });
}
std::vector<std::uint32_t> MeasurementObject::Cpus() {
    return each_cpu<std::uint32_t>([](const auto& s) { return s.cpu; });
}
std::vector<std::uint64_t> MeasurementObject::Cycles() {
    return each_cpu<std::uint64_t>([](const auto& s) { return s.cycles; });
}
std::vector<std::uint64_t> MeasurementObject::Missed() {
    return each_cpu<std::uint64_t>([](const auto& s) { return s.missed; });
}
std::vector<std::int64_t> MeasurementObject::Minimum() {
    return each_cpu<std::int64_t>([](const auto& s) { return s.min_ns; });
}
std::vector<double> MeasurementObject::Average() {
    return each_cpu<double>([](const auto& s) { return s.avg_ns; });
}
std::vector<std::int64_t> MeasurementObject::Maximum() {
    return each_cpu<std::int64_t>([](const auto& s) { return s.max_ns; });
}
std::vector<std::int64_t> MeasurementObject::Last() {
    return each_cpu<std::int64_t>([](const auto& s) { return s.last_ns; });
}
std::vector<std::uint64_t> MeasurementObject::Overflows() {
    return each_cpu<std::uint64_t>([](const auto& s) { return s.overflows; });
}
std::vector<std::uint64_t> MeasurementObject::Spikes() {
    return each_cpu<std::uint64_t>([](const auto& s) { return s.spikes; });
}
std::vector<std::uint64_t> MeasurementObject::Faults() {
    return each_cpu<std::uint64_t>([](const auto& s) { return s.minor_faults + s.major_faults; });
}
std::vector<Dictionary>
MeasurementObject::percentiles(decltype(latency::CpuStatistics::percentiles_ns) latency::CpuStatistics::*values) {
    return guarded([&] {
        std::vector<Dictionary> rows;
        for (const auto& cpu : statistics()) {
            Dictionary row;
            for (std::size_t i = 0; i < latency::percentile_names.size(); ++i)
                row.emplace(latency::percentile_names[i], Variant((cpu.*values)[i]));
            rows.push_back(std::move(row));
        }
        return rows;
    });
}
std::vector<Dictionary> MeasurementObject::Percentiles() {
    return percentiles(&latency::CpuStatistics::percentiles_ns);
}
std::vector<Dictionary> MeasurementObject::CorrectedPercentiles() {
    return percentiles(&latency::CpuStatistics::corrected_percentiles_ns);
}

} // namespace rtnode::bus
