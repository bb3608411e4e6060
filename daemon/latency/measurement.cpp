#include "latency/measurement.hpp"

#include "latency/exclusive_cpus.hpp"
#include "latency/housekeeping.hpp"
#include "latency/machine/environment.hpp"
#include "latency/memory_lock.hpp"
#include "latency/observer.hpp"
#include "latency/thread.hpp"
#include "state/error.hpp"
#include "state/numbers.hpp"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <iterator>

namespace rtnode::latency {
namespace {

using namespace std::chrono_literals;

/// Keeps the CPUs out of deep idle states while open (Documentation/admin-guide/pm/cpuidle.rst): the kernel forgets the
/// request when the descriptor is closed, also by a crash.
class DmaLatency {
  public:
    explicit DmaLatency(const std::string& path) : fd_(::open(path.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW)) {
        constexpr std::int32_t microseconds = 0;
        if (fd_ >= 0 && ::write(fd_, &microseconds, sizeof microseconds) == sizeof microseconds) return;
        why_not_ = fmt::format("{} is not held at 0 µs ({}): waking from deep idle states may count as latency", path,
                               std::strerror(errno));
    }
    ~DmaLatency() {
        if (fd_ >= 0) ::close(fd_);
    }
    DmaLatency(const DmaLatency&) = delete;
    DmaLatency& operator=(const DmaLatency&) = delete;

    const std::string& why_not() const { return why_not_; }

  private:
    int fd_;
    std::string why_not_;
};

/// Fills in the verdict: what spoils the numbers, and what only explains them.
void judge(Result& result, const std::string& memory, const std::string& dma, bool shared) {
    auto& invalid = result.invalid;
    auto& notes = result.notes;
    if (!memory.empty()) invalid.push_back(memory);
    if (result.end == End::Overloaded)
        invalid.push_back(why_overloaded(result) + ", so the run ended itself; that is too short here");
    for (const auto& cpu : result.cpus) {
        const auto& s = cpu.statistics;
        if (s.cycles == 0) invalid.push_back(fmt::format("CPU {}: nothing was measured", s.cpu));
        if (s.minor_faults + s.major_faults > 0)
            invalid.push_back(fmt::format("CPU {}: {} in the measuring loop", s.cpu,
                                          counted(s.minor_faults + s.major_faults, "page fault")));
        if (cpu.audit.allocations > 0)
            invalid.push_back(fmt::format("CPU {}: {} of memory in the measuring loop", s.cpu,
                                          counted(cpu.audit.allocations, "allocation")));
        if (s.early > 0)
            invalid.push_back(fmt::format("CPU {}: {} before the deadline; the clock is not monotonic across CPUs",
                                          s.cpu, counted(s.early, "wake-up")));
        if (cpu.audit.migrated)
            invalid.push_back(fmt::format("CPU {}: the measuring thread was moved away (CPU went offline, or a cpuset "
                                          "was rewritten); at the end it could run on {}",
                                          s.cpu, format_cpu_list(cpu.audit.affinity)));
        if (s.missed > 0)
            notes.push_back(fmt::format("CPU {}: {} missed of {}; only the corrected percentiles count them", s.cpu,
                                        counted(s.missed, "deadline"), s.cycles + s.missed));
        if (cpu.smis.value_or(0) > 0)
            notes.push_back(fmt::format("CPU {}: {} during the run: firmware had the CPU, unseen by the kernel", s.cpu,
                                        counted(*cpu.smis, "SMI")));
        if (cpu.stolen_ms > 0)
            notes.push_back(fmt::format("CPU {}: the hypervisor gave {} ms of the run to others (steal), which counts "
                                        "as latency",
                                        s.cpu, cpu.stolen_ms));
        if (s.spikes > max_spikes)
            notes.push_back(fmt::format("CPU {}: {} above {} µs; the worst {} are kept", s.cpu,
                                        counted(s.spikes, "spike"), result.options.spike_us, max_spikes));
    }
    if (!dma.empty()) notes.push_back(dma);
    if (shared) notes.push_back("every CPU is measured, so the daemon itself runs on the lowest of them");
    // What the kernel has no part in is the same for every policy and kernel.
    const bool of_kernel = result.options.mode != Mode::Hardware;
    if (of_kernel && result.options.policy == Policy::Other)
        notes.push_back("measured with policy other: says nothing of real-time threads");
    if (of_kernel && !result.environment.realtime) notes.push_back("the running kernel is not a PREEMPT_RT kernel");
    const auto& clock = result.environment.clocksource;
    if (clock == "hpet" || clock == "acpi_pm" || clock == "jiffies")
        notes.push_back(fmt::format("the clock source is {}: reading the clock takes microseconds itself", clock));
}

} // namespace

std::string_view name_of(End end) {
    switch (end) {
    case End::Duration:
        return "duration";
    case End::Stopped:
        return "stopped";
    case End::Break:
        return "break";
    case End::Overloaded:
        return "overloaded";
    case End::Running:
        return "running";
    }
    return "unknown";
}

std::string why_overloaded(const Result& result) {
    return fmt::format("CPU {} missed more than half of its deadlines, or was taken up to more than nine tenths by the "
                       "loop, for 3 s at an interval of {} µs",
                       result.end_cpu, result.options.interval.count());
}

struct Measurement::Private {
    Private(const Options& o, const Host& host)
        : options(o), online(host.topology.online), activity(host.activity), trace_root(host.trace_root),
          claim(std::in_place, o.cpus, host.housekeeping_thread,
                o.mode == Mode::Busy ? host.topology.online : CpuList{}),
          memory(std::in_place), dma(std::in_place, host.dma_latency_path),
          control(static_cast<unsigned>(o.cpus.size())) {
        result.options = options;
        if (!options.force) respect_owners();
        result.environment = Environment::read();
        result.environment.findings = findings_of("/", options.cpus, options);
        if (options.tracemark) control.trace.emplace(trace_root);
        for (const auto cpu : options.cpus) {
            try {
                threads.push_back(std::make_unique<MeasuringThread>(cpu, options, control));
            } catch (...) {
                abandon();
                throw;
            }
        }
    }

    void respect_owners() {
        std::string doubt;
        if (const auto owned = owned_cpus(options.cpus, doubt); !owned.empty())
            throw fail(Reason::CpuBusy,
                       "{}, and a measurement would disturb it; choose other CPUs, or force it with the option 'force'",
                       describe(owned.front()));
        if (!doubt.empty()) result.notes.push_back(doubt);
    }

    /// Ends threads that wait for their start, also those that can't run on their CPU.
    void abandon() noexcept {
        control.flags.abandon = true;
        control.flags.stop = true;
        for (const auto& thread : threads)
            thread->unpin(online);
        for (std::size_t i = 0; i < threads.size(); ++i)
            ::sem_post(&control.go);
        for (const auto& thread : threads)
            thread->join();
    }

    void begin() {
        timespec until;
        ::clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_sec += 2;
        for (std::size_t i = 0; i < threads.size(); ++i)
            while (::sem_clockwait(&control.ready, CLOCK_MONOTONIC, &until) != 0)
                if (errno != EINTR)
                    throw fail(Reason::CpuUnavailable,
                               "a measuring thread on CPU {} got no time to run within 2 s: something of higher "
                               "priority has the CPU to itself",
                               format_cpu_list(options.cpus));
        for (const auto& thread : threads)
            thread->verify();

        observer.emplace(options, threads, activity, trace_root); // before the time is taken: it reads a lot
        const std::int64_t interval = std::chrono::nanoseconds(options.interval).count();
        // Over one turn of each CPU, so that CPUs don't wake each other's memory bus in step; and in mode hardware, so
        // that some have time for others while the rest is looked at, and there is always one that looks.
        const auto turn = options.mode == Mode::Hardware ? hardware_window_ns : interval;
        const auto now = MonotonicClock().now();
        auto first = now + std::max<std::int64_t>(interval, 1'000'000);
        if (options.phase) {
            constexpr std::int64_t second = 1'000'000'000;
            first = (first / second + 1) * second + std::chrono::nanoseconds(*options.phase).count();
        }
        const auto count = threads.size();
        for (std::size_t i = 0; i < count; ++i) {
            const auto offset =
                options.phase ? 0 : turn * static_cast<std::int64_t>(i) / static_cast<std::int64_t>(count);
            threads[i]->set_pace(first + offset, std::chrono::nanoseconds(options.interval_of(i)).count(),
                                 options.deadlines_of(i));
        }
        observer->begin(first);
        first_ns = first;
        result.started = std::chrono::system_clock::now() + std::chrono::nanoseconds(first - now);
        result.started_monotonic_ns = first;
        for (std::size_t i = 0; i < threads.size(); ++i)
            ::sem_post(&control.go);
    }

    bool wait(std::chrono::milliseconds most) const noexcept {
        pollfd fd{.fd = control.finished_fd, .events = POLLIN, .revents = 0};
        int ready;
        do
            ready = ::poll(&fd, 1, static_cast<int>(most.count()));
        while (ready < 0 && errno == EINTR);
        return ready > 0;
    }

    /// @param most_wait until they have left their loops; negative = for ever
    void join(std::chrono::milliseconds most_wait) noexcept {
        // One that something of higher priority keeps from running must not keep the daemon waiting.
        if (!wait(most_wait))
            for (const auto& thread : threads)
                thread->unpin(online);
        for (const auto& thread : threads)
            thread->join();
    }

    void finish() {
        join(control.flags.stop ? 2s : -1ms);
        observer->finish(MonotonicClock().now());
        end_if_broken();
        auto& flags = control.flags;
        result.end_cpu = flags.end_cpu;
        result.end = result.end_cpu >= 0 ? flags.end.load() : flags.stop ? End::Stopped : End::Duration;
        result.ended = time_of(flags.ended_at);
        fill(result);
        judge(result, memory->why_not(), dma->why_not(), claim->shared());
        result.invalid.insert(result.invalid.end(), observer->taints().begin(), observer->taints().end());
        for (const auto& note : observer->notes())
            result.notes.push_back(note);
        collected = true;
        dma.reset();
        memory.reset();
        claim.reset();
    }

    /// Where only the observer can tell a latency, it can't be the measuring thread that ends the run.
    void end_if_broken() noexcept {
        const auto cpu = observer->broken();
        if (!cpu) return;
        auto& flags = control.flags;
        if (int nobody = -1; flags.end_cpu.compare_exchange_strong(nobody, static_cast<int>(*cpu)))
            flags.end = End::Break;
        flags.stop = true;
    }

    /// By the wall clock as it was at the start: one that is set in mid-run makes no run longer or shorter.
    std::chrono::system_clock::time_point time_of(std::int64_t monotonic_ns) const {
        return result.started + std::chrono::nanoseconds(monotonic_ns - first_ns);
    }

    /// What the threads and their observer have.
    void fill(Result& into) const {
        for (std::size_t i = 0; i < threads.size(); ++i) {
            into.cpus.push_back(threads[i]->result());
            auto& cpu = into.cpus.back();
            cpu.windows = observer->windows(i);
            cpu.audit.migrated = cpu.audit.migrated || observer->moved(i);
            const auto totals = observer->witness().totals(cpu.statistics.cpu);
            cpu.smis = totals.smis;
            cpu.stolen_ms = totals.stolen_ms;
        }
        into.spikes = observer->spikes();
        into.memory_locked = memory->held();
        into.dma_latency_held = dma->why_not().empty();
    }

    const Options options;
    const CpuList online;
    const std::function<std::string()> activity;
    const std::string trace_root;
    std::optional<Claim> claim;
    std::optional<MemoryLock> memory;
    std::optional<DmaLatency> dma;
    Control control;
    Observer::Threads threads;
    std::optional<Observer> observer;
    Result result;
    std::int64_t first_ns = 0; ///< the first deadline, CLOCK_MONOTONIC
    bool collected = false;
};

std::unique_ptr<Measurement> Measurement::start(const Options& options, const Host& host) {
    auto p = std::make_unique<Private>(validated(options, host.topology, host.limits), host);
    try {
        p->begin();
    } catch (...) {
        p->abandon();
        throw;
    }
    return std::unique_ptr<Measurement>(new Measurement(std::move(p)));
}

Measurement::Measurement(std::unique_ptr<Private> p) : p_(std::move(p)) {}

Measurement::~Measurement() {
    if (p_->collected) return;
    stop();
    p_->join(2s);
}

void Measurement::stop() noexcept {
    p_->control.flags.stop = true;
}

int Measurement::finished_fd() const noexcept {
    return p_->control.finished_fd;
}

bool Measurement::finished() const noexcept {
    return p_->wait(0ms);
}

Snapshot Measurement::snapshot() const {
    Snapshot snapshot;
    snapshot.running = !finished();
    for (const auto& thread : p_->threads)
        snapshot.cpus.push_back(thread->statistics());
    return snapshot;
}

std::vector<Spike> Measurement::observe() {
    if (p_->collected) return {};
    auto spikes = p_->observer->look(MonotonicClock().now());
    if (p_->observer->lost()) stop();
    p_->end_if_broken();
    return spikes;
}

Result Measurement::so_far() const {
    if (p_->collected) return p_->result;
    auto result = p_->result;
    result.end = End::Running;
    result.ended = p_->time_of(MonotonicClock().now());
    p_->fill(result);
    return result;
}

const Options& Measurement::options() const noexcept {
    return p_->options;
}

const Result& Measurement::result() {
    if (!p_->collected) p_->finish();
    return p_->result;
}

} // namespace rtnode::latency
