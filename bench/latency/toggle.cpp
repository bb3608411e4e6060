// Whether asking the daemon disturbs what it measures: one run of its real loop, while a disturber is switched on and
// off every 200 ms. The run's own samples are split by the switch, so both sides see the same machine, which two runs
// one after the other would not. Of each two stretches in a row one is on, drawn by lot, and the ratio is the median of
// the pairs': a hypervisor's CPU wakes in 4 µs for some seconds and in 6 µs for the next ones. At each end of a stretch
// the daemon is asked for a snapshot of the run so far (in both states alike); the difference of two is what happened
// in between. Page faults are those of the whole run.
//
// Disturbers: all properties of the measurement read 100 and 1000 times a second; dry runs of jobs, one after another,
// for each of which the daemon starts a worker; 20,000 messages a second to a journald, which would let a service write
// 333, and as many as it takes. And to hold them against, since CPUs of one machine share more than they should:
// nothing, which shows what the ratio of two equals looks like here; a thread that uses the other CPUs; two that wake
// each other there, as daemons do all the time. Those have no verdict: nothing of ours is in them.
//
//     ninja -C build bench/latency/toggle daemon/rtnoded && bench/latency/toggle
//
// The script of the same name starts bus, journald and daemon for it. Neither maximum nor p99.9: on a shared machine
// they say nothing.

#include "latency/compare/statistics.hpp"
#include "latency/histogram.hpp"
#include "latency/housekeeping.hpp"
#include "latency/report/report.hpp"
#include "state/error.hpp"

#include <sdbus-c++/sdbus-c++.h>
#include <semaphore.h>
#include <sys/stat.h>
#include <systemd/sd-journal.h>
#include <unistd.h>

#include <algorithm>
#include <condition_variable>
#include <cstdlib>
#include <functional>
#include <mutex>
#include <random>
#include <thread>

namespace {

using namespace rtnode;
using namespace rtnode::latency;
using namespace std::chrono_literals;

using Dictionary = std::map<std::string, sdbus::Variant>;
using Clock = std::chrono::steady_clock;

constexpr auto stretch = 200ms;
constexpr double goal = 0.05; // of p50

struct Settings {
    std::string address;
    unsigned cpu = 1;
    unsigned seconds = 50; ///< for each disturber, both states together
    std::uint32_t interval_us = 200;
    std::string only; ///< part of the names of the disturbers that are wanted; "" = all
};

/// A connection of its own for each thread; objects of the daemon on it.
class Bus {
  public:
    explicit Bus(const std::string& address) : connection_(sdbus::createSessionBusConnectionWithAddress(address)) {}

    std::unique_ptr<sdbus::IProxy> object(const sdbus::ObjectPath& path) {
        return sdbus::createProxy(*connection_, "org.rtnode1", path);
    }

  private:
    std::unique_ptr<sdbus::IConnection> connection_;
};

/// What a disturber does.
struct Kind {
    const char* name;
    std::chrono::nanoseconds period;         ///< 0: one after another
    std::function<void(sdbus::IProxy&)> act; ///< gets the measurement
    bool judged = true;
};

/// A thread that acts, once a period or (0) without a pause, while it is switched on.
class Disturber {
  public:
    Disturber(std::function<void()> act, std::chrono::nanoseconds period)
        : act_(std::move(act)), period_(period), thread_([this](const std::stop_token& stop) { run(stop); }) {}

    void on() {
        const std::lock_guard lock(mutex_);
        on_ = true;
        resting_ = false;
        changed_.notify_all();
    }

    /// Returns when it rests. @throws what it failed with
    void off() {
        std::unique_lock lock(mutex_);
        on_ = false;
        changed_.notify_all();
        changed_.wait(lock, [this] { return resting_; });
        if (failure_) std::rethrow_exception(failure_);
    }

    std::uint64_t acts() {
        const std::lock_guard lock(mutex_);
        return acts_;
    }

  private:
    void run(const std::stop_token& stop) {
        std::unique_lock lock(mutex_);
        while (changed_.wait(lock, stop, [this] { return !resting_; }))
            act_while_on(lock, stop);
    }

    void act_while_on(std::unique_lock<std::mutex>& lock, const std::stop_token& stop) {
        for (auto next = Clock::now(); on_ && !stop.stop_requested();) {
            lock.unlock();
            std::exception_ptr failure;
            try {
                act_();
            } catch (...) {
                failure = std::current_exception();
            }
            lock.lock();
            ++acts_;
            if (failure) {
                failure_ = failure;
                on_ = false;
            }
            // A period that was too short is not made up for.
            next = std::max(next + period_, Clock::now());
            if (period_ > 0ns) changed_.wait_until(lock, stop, next, [this] { return !on_; });
        }
        resting_ = true;
        changed_.notify_all();
    }

    std::function<void()> act_;
    std::chrono::nanoseconds period_;
    std::mutex mutex_;
    std::condition_variable_any changed_;
    bool on_ = false, resting_ = true;
    std::uint64_t acts_ = 0;
    std::exception_ptr failure_;
    std::jthread thread_; // last, so that it ends before what it uses
};

/// The run so far.
Result snapshot_of(sdbus::IProxy& measurement) {
    sdbus::UnixFd file;
    measurement.callMethod("Snapshot").onInterface("org.rtnode1.Measurement").storeResultsTo(file);
    struct stat status {};
    ::fstat(file.get(), &status);
    std::string text(static_cast<std::size_t>(status.st_size), '\0');
    if (::pread(file.get(), text.data(), text.size(), 0) != static_cast<ssize_t>(text.size()))
        throw fail(Reason::Internal, "the daemon's snapshot of {} bytes could not be read", text.size());
    return from_json(text);
}

/// What the stretches of one state add up to.
struct State {
    std::vector<std::uint64_t> counts = std::vector<std::uint64_t>(LogLinear::buckets);
    std::vector<double> medians; ///< of the stretches; 0 where nothing woke
    std::uint64_t missed = 0;

    void add(const CpuResult& from, const CpuResult& to) {
        std::vector<std::uint64_t> between(LogLinear::buckets);
        for (const auto& [edge, count] : to.histogram_ns)
            between[LogLinear::index_of(static_cast<std::uint64_t>(edge))] += count;
        for (const auto& [edge, count] : from.histogram_ns)
            between[LogLinear::index_of(static_cast<std::uint64_t>(edge))] -= count;
        for (std::size_t i = 0; i < between.size(); ++i)
            counts[i] += between[i];
        medians.push_back(static_cast<double>(percentiles_of(between, INT64_MAX)[0]));
        missed += to.statistics.missed - from.statistics.missed;
    }
    /// p50 and p99, ns.
    std::pair<std::int64_t, std::int64_t> percentiles() const {
        const auto all = percentiles_of(counts, INT64_MAX);
        return {all[0], all[2]};
    }
};

/// Of each pair of stretches, on to off.
std::vector<double> ratios_of(const State& off, const State& on) {
    std::vector<double> ratios;
    for (std::size_t i = 0; i < off.medians.size(); ++i)
        if (off.medians[i] > 0 && on.medians[i] > 0) ratios.push_back(on.medians[i] / off.medians[i]);
    return ratios;
}

void print(const Kind& kind, const State& off, const State& on, double acts_a_second, std::uint64_t faults) {
    const auto ratio = median_interval(ratios_of(off, on), 1);
    const auto [off_p50, off_p99] = off.percentiles();
    const auto [on_p50, on_p99] = on.percentiles();
    const bool met = std::abs(ratio.value - 1) <= goal && faults == 0;
    const auto both = [](std::uint64_t without, std::uint64_t with) { return fmt::format("{} {}", without, with); };
    fmt::print("{:<28} {:>6.0f} {:>15}  {:.3f} [{:.3f}, {:.3f}] {:>15} {:>11} {:>6}  {}\n", kind.name, acts_a_second,
               fmt::format("{} {}", off_p50, on_p50), ratio.value, ratio.low, ratio.high,
               fmt::format("{} {}", off_p99, on_p99), both(off.missed, on.missed), faults,
               !kind.judged ? ""
               : met        ? "yes"
                            : "NO");
}

/// One run of the daemon's loop with one disturber.
class Toggled {
  public:
    Toggled(Bus& bus, const Settings& settings) : settings_(settings) {
        const Dictionary options{{"duration", sdbus::Variant(std::string("1h"))},
                                 {"cpus", sdbus::Variant(std::to_string(settings.cpu))},
                                 {"interval", sdbus::Variant(settings.interval_us)},
                                 {"priority", sdbus::Variant(std::uint32_t{90})},
                                 {"name", sdbus::Variant(std::string("toggle"))}};
        bus.object("/org/rtnode1/latency")
            ->callMethod("Start")
            .onInterface("org.rtnode1.Latency")
            .withArguments(options)
            .storeResultsTo(path_);
        measurement_ = bus.object(path_);
    }
    ~Toggled() {
        try {
            stop();
        } catch (const sdbus::Error& e) {
            fmt::print(stderr, "the measurement {} could not be stopped: {}\n", path_.c_str(), e.what());
        }
    }
    Toggled(const Toggled&) = delete;
    Toggled& operator=(const Toggled&) = delete;

    const sdbus::ObjectPath& path() const { return path_; }

    /// @param object the measurement, on a connection for the disturber's thread
    void run(const Kind& kind, sdbus::IProxy& object) {
        // In an order that nothing periodic can follow.
        std::mt19937 random(std::random_device{}());
        std::vector<bool> switches;
        for (auto pairs = std::chrono::seconds(settings_.seconds) / (2 * stretch); pairs > 0; --pairs) {
            const bool first = std::bernoulli_distribution()(random);
            switches.insert(switches.end(), {first, !first});
        }
        State off, on;
        std::chrono::duration<double> seconds_on{};
        Disturber disturber([&] { kind.act(object); }, kind.period);
        for (const bool is_on : switches) {
            const auto switched_on = Clock::now();
            if (is_on) disturber.on();
            const auto from = snapshot_of(*measurement_);
            std::this_thread::sleep_for(stretch);
            const auto to = snapshot_of(*measurement_);
            if (is_on) {
                disturber.off();
                seconds_on += Clock::now() - switched_on;
            }
            (is_on ? on : off).add(from.cpus.at(0), to.cpus.at(0));
        }
        stop();
        const auto whole = snapshot_of(*measurement_).cpus.at(0).statistics;
        print(kind, off, on, static_cast<double>(disturber.acts()) / seconds_on.count(),
              whole.minor_faults + whole.major_faults);
    }

  private:
    /// When this returns its CPU is free for the next one. Harmless when it has ended.
    void stop() {
        std::string state;
        Dictionary result;
        measurement_->callMethod("Stop").onInterface("org.rtnode1.Measurement").storeResultsTo();
        measurement_->callMethod("Wait").onInterface("org.rtnode1.Measurement").storeResultsTo(state, result);
    }

    const Settings& settings_;
    sdbus::ObjectPath path_;
    std::unique_ptr<sdbus::IProxy> measurement_;
};

void read_properties(sdbus::IProxy& measurement) {
    Dictionary all;
    measurement.callMethod("GetAll")
        .onInterface("org.freedesktop.DBus.Properties")
        .withArguments(std::string("org.rtnode1.Measurement"))
        .storeResultsTo(all);
}

void run_job(Bus& bus) {
    sdbus::ObjectPath job;
    bus.object("/org/rtnode1")
        ->callMethod("SetKernelArguments")
        .onInterface("org.rtnode1.Manager")
        .withArguments(std::vector<std::string>{"nohz=on"}, std::vector<std::string>{},
                       Dictionary{{"dry-run", sdbus::Variant(true)}})
        .storeResultsTo(job);
    std::string state;
    Dictionary result;
    bus.object(job)->callMethod("Wait").onInterface("org.rtnode1.Job").withTimeout(1min).storeResultsTo(state, result);
}

void flood_journal(sdbus::IProxy&) {
    for (int i = 0; i < 100; ++i)
        if (const int error = ::sd_journal_send("MESSAGE=message %d of a flood", i, "PRIORITY=6", nullptr); error < 0)
            throw std::system_error(-error, std::system_category(), "the journal takes no message");
}

/// A thread that waits for its turn and gives it back.
class Partner {
  public:
    Partner() : thread_([this](const std::stop_token& stop) { run(stop); }) {}
    ~Partner() {
        thread_.request_stop();
        ::sem_post(&turn_.value);
    }
    Partner(const Partner&) = delete;
    Partner& operator=(const Partner&) = delete;

    void there_and_back() {
        ::sem_post(&turn_.value);
        ::sem_wait(&back_.value);
    }

  private:
    struct Semaphore {
        Semaphore() { ::sem_init(&value, 0, 0); }
        sem_t value;
    };
    void run(const std::stop_token& stop) {
        for (::sem_wait(&turn_.value); !stop.stop_requested(); ::sem_wait(&turn_.value))
            ::sem_post(&back_.value);
    }
    Semaphore turn_, back_;
    std::jthread thread_;
};

void spin(sdbus::IProxy&) {
    for (const auto end = Clock::now() + 10ms; Clock::now() < end;) {
    }
}

Settings parse(int argc, char** argv) {
    Settings settings;
    for (int i = 1; i + 1 < argc; i += 2) {
        const std::string_view option = argv[i];
        const auto value = static_cast<unsigned>(std::strtoul(argv[i + 1], nullptr, 10));
        if (option == "--address") settings.address = argv[i + 1];
        if (option == "--cpu") settings.cpu = value;
        if (option == "--seconds") settings.seconds = std::max(5u, value);
        if (option == "--only") settings.only = argv[i + 1];
        if (option == "--interval") settings.interval_us = value;
    }
    if (settings.address.empty())
        throw fail(Reason::InvalidArgument, "--address of a bus with rtnoded is needed; the script starts both");
    return settings;
}

void run(const Settings& settings) {
    // The daemon's callers are no part of what is measured; it moves off the measured CPU itself.
    set_affinity(0, housekeeping_cpus(affinity_of(0), {settings.cpu}).cpus);
    fmt::print("CPU {}, every {} µs, {} s for each, switched every {} ms; ns\n", settings.cpu, settings.interval_us,
               settings.seconds, stretch.count());
    fmt::print("{:<28} {:>6} {:>15}  {:<20} {:>15} {:>11} {:>6}  {}\n", "disturber off, on", "acts/s", "p50",
               "p50 on/off [95 %]", "p99", "missed", "faults", "|Δp50| ≤ 5 %, 0 faults");
    Bus bus(settings.address), of_disturber(settings.address);
    Partner partner;
    const auto wake_each_other = [&](sdbus::IProxy&) {
        for (int i = 0; i < 100; ++i)
            partner.there_and_back();
    };
    const Kind kinds[] = {{"nothing", 10ms, [](sdbus::IProxy&) {}, false},
                          {"100 Hz of properties", 10ms, read_properties},
                          {"1 kHz of properties", 1ms, read_properties},
                          {"jobs (dry run)", 0ns, [&](sdbus::IProxy&) { run_job(of_disturber); }},
                          {"journal, 20,000 messages/s", 5ms, flood_journal}, // 100 an act
                          {"journal, all that it takes", 0ns, flood_journal},
                          {"another CPU is busy", 0ns, spin, false},
                          {"its threads wake each other", 0ns, wake_each_other, false}}; // 100 times an act
    for (const auto& kind : kinds) {
        if (std::string_view(kind.name).find(settings.only) == std::string_view::npos) continue;
        Toggled toggled(bus, settings);
        const auto measurement = of_disturber.object(toggled.path());
        toggled.run(kind, *measurement);
    }
}

} // namespace

int main(int argc, char** argv) {
    try {
        run(parse(argc, argv));
    } catch (const std::exception& e) {
        fmt::print(stderr, "{}\n", e.what());
        return 1;
    }
}
