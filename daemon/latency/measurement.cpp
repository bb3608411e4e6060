#include "latency/measurement.hpp"

#include "latency/housekeeping.hpp"
#include "latency/memory_lock.hpp"
#include "latency/thread.hpp"
#include "state/error.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
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

std::string first_line(const std::string& path) {
    std::ifstream file(path);
    std::string line;
    std::getline(file, line);
    return line;
}

std::string numbered(std::uint64_t count, std::string_view what) {
    return fmt::format("{} {}{}", count, what, count == 1 ? "" : "s");
}

/// Fills in the verdict: what spoils the numbers, and what only explains them.
void judge(Result& result, const std::string& memory, const std::string& dma, bool shared) {
    auto& invalid = result.invalid;
    auto& notes = result.notes;
    if (!memory.empty()) invalid.push_back(memory);
    if (result.end == End::Overloaded)
        invalid.push_back(fmt::format("CPU {} missed more than half of its deadlines for 3 s, so the run ended itself; "
                                      "the interval of {} µs is too short here",
                                      result.end_cpu, result.options.interval.count()));
    for (const auto& cpu : result.cpus) {
        const auto& s = cpu.statistics;
        if (s.cycles == 0) invalid.push_back(fmt::format("CPU {}: nothing was measured", s.cpu));
        if (s.minor_faults + s.major_faults > 0)
            invalid.push_back(fmt::format("CPU {}: {} in the measuring loop", s.cpu,
                                          numbered(s.minor_faults + s.major_faults, "page fault")));
        if (s.early > 0)
            invalid.push_back(fmt::format("CPU {}: {} before the deadline; the clock is not monotonic across CPUs",
                                          s.cpu, numbered(s.early, "wake-up")));
        if (cpu.audit.migrated)
            invalid.push_back(fmt::format("CPU {}: the measuring thread was moved away (CPU went offline, or a cpuset "
                                          "was rewritten); at the end it could run on {}",
                                          s.cpu, format_cpu_list(cpu.audit.affinity)));
        if (s.missed > 0)
            notes.push_back(fmt::format("CPU {}: {} missed of {}; percentiles count only the others", s.cpu,
                                        numbered(s.missed, "deadline"), s.cycles + s.missed));
    }
    if (!dma.empty()) notes.push_back(dma);
    if (shared) notes.push_back("every CPU is measured, so the daemon itself runs on the lowest of them");
    if (result.options.policy == Policy::Other)
        notes.push_back("measured with policy other: says nothing of real-time threads");
    if (!result.environment.realtime) notes.push_back("the running kernel is not a PREEMPT_RT kernel");
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
    }
    return "unknown";
}

Environment Environment::read(const std::string& root) {
    Environment environment;
    if (utsname name{}; ::uname(&name) == 0) {
        environment.sysname = name.sysname;
        environment.nodename = name.nodename;
        environment.release = name.release;
        environment.version = name.version;
        environment.machine = name.machine;
    }
    environment.realtime = first_line(root + "/sys/kernel/realtime") == "1";
    environment.command_line = first_line(root + "/proc/cmdline");
    environment.clocksource = first_line(root + "/sys/devices/system/clocksource/clocksource0/current_clocksource");
    environment.cpus_online = first_line(root + "/sys/devices/system/cpu/online");
    return environment;
}

struct Measurement::Private {
    Private(const Options& o, const Host& host)
        : options(o), online(host.topology.online), claim(std::in_place, o.cpus, host.housekeeping_thread),
          memory(std::in_place), dma(std::in_place, host.dma_latency_path),
          control(static_cast<unsigned>(o.cpus.size())) {
        result.options = options;
        result.environment = Environment::read();
        for (const auto cpu : options.cpus) {
            try {
                threads.push_back(std::make_unique<MeasuringThread>(cpu, options, control));
            } catch (...) {
                abandon();
                throw;
            }
        }
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
        until.tv_sec += 5;
        for (std::size_t i = 0; i < threads.size(); ++i)
            while (::sem_clockwait(&control.ready, CLOCK_MONOTONIC, &until) != 0)
                if (errno != EINTR)
                    throw fail(Reason::CpuUnavailable,
                               "a measuring thread on CPU {} got no time to run within 5 s: something of higher "
                               "priority has the CPU to itself",
                               format_cpu_list(options.cpus));
        for (const auto& thread : threads)
            thread->verify();

        // Spread over one interval, so that CPUs don't wake each other's memory bus in step.
        const std::int64_t interval = std::chrono::nanoseconds(options.interval).count();
        const auto first = MonotonicClock().now() + std::max<std::int64_t>(interval, 1'000'000);
        const auto count = static_cast<std::int64_t>(threads.size());
        for (std::int64_t i = 0; i < count; ++i)
            threads[static_cast<std::size_t>(i)]->set_first_deadline(first + interval * i / count);
        result.started = std::chrono::system_clock::now();
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

    void finish() {
        for (const auto& thread : threads)
            thread->join();
        auto& flags = control.flags;
        result.end_cpu = flags.end_cpu;
        result.end = result.end_cpu >= 0 ? flags.end.load() : flags.stop ? End::Stopped : End::Duration;
        const std::chrono::nanoseconds ended{flags.ended_at.load()};
        result.ended = std::chrono::system_clock::time_point(
            std::chrono::duration_cast<std::chrono::system_clock::duration>(ended));
        for (const auto& thread : threads)
            result.cpus.push_back(thread->result());
        result.memory_locked = memory->held();
        result.dma_latency_held = dma->why_not().empty();
        judge(result, memory->why_not(), dma->why_not(), claim->shared());
        collected = true;
        dma.reset();
        memory.reset();
        claim.reset();
    }

    const Options options;
    const CpuList online;
    std::optional<Claim> claim;
    std::optional<MemoryLock> memory;
    std::optional<DmaLatency> dma;
    Control control;
    std::vector<std::unique_ptr<MeasuringThread>> threads;
    Result result;
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
    // A thread that something of higher priority keeps from running must not keep the daemon from ending.
    if (!p_->wait(2s))
        for (const auto& thread : p_->threads)
            thread->unpin(p_->online);
    for (const auto& thread : p_->threads)
        thread->join();
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

const Options& Measurement::options() const noexcept {
    return p_->options;
}

const Result& Measurement::result() {
    if (!p_->collected) p_->finish();
    return p_->result;
}

} // namespace rtnode::latency
