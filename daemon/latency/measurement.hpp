#pragma once
// One measurement: a thread per CPU that sleeps until absolute deadlines and notes how late it wakes. In the process of
// the daemon, without any other thread, lock, allocation or system call beside the sleep while it runs.

#include "latency/options.hpp"
#include "latency/result.hpp"

#include <sys/types.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace rtnode::latency {

/// Where a measurement runs. The defaults are the machine itself.
struct Host {
    Topology topology = Topology::read();
    Limits limits;
    /// The thread to keep off measured CPUs while any measurement runs (the daemon's loop); its affinity is restored
    /// after the last. Nothing = leave everybody where they are.
    std::optional<pid_t> housekeeping_thread;
    std::string dma_latency_path = "/dev/cpu_dma_latency";
    std::string trace_root = "/"; ///< tracefs is at sys/kernel/tracing below it
    /// What this process itself is doing that may disturb, for people; "" or nothing = nothing.
    std::function<std::string()> activity;
};

/// Live state; takes no lock that a measuring thread could wait for, and makes no system call that looks at one. Page
/// faults are of the last Measurement::observe().
struct Snapshot {
    bool running = false;
    std::vector<CpuStatistics> cpus;
};

class Measurement {
  public:
    /// Validates, claims the CPUs, locks memory, starts the threads and verifies what they got.
    /// Blocks until every thread stands at its start (milliseconds; at most 2 s).
    /// @throws Error{InvalidArgument, CpuUnavailable, CpuBusy, IntervalTooShort, RealTimeDenied, Internal}; nothing is
    ///         left behind then.
    static std::unique_ptr<Measurement> start(const Options& options, const Host& host = {});

    /// Stops, if it runs, and waits for the threads (at most one interval).
    ~Measurement();
    Measurement(const Measurement&) = delete;
    Measurement& operator=(const Measurement&) = delete;

    /// Asks the threads to end; they do within one interval. Returns at once; harmless when ended.
    void stop() noexcept;

    /// To be called about once a second while it runs, from a thread off the measured CPUs: keeps the time series,
    /// gathers hints for spikes, counts page faults, and pins threads again whose affinity was taken away. @returns the
    /// new spikes
    std::vector<Spike> observe();

    /// Readable (and stays so) once every thread has left its loop: for an event loop. Owned by this object.
    int finished_fd() const noexcept;
    bool finished() const noexcept;

    Snapshot snapshot() const;
    const Options& options() const noexcept;
    /// The result as far as it has come, with End::Running, without audit and verdict; after the end the whole result.
    Result so_far() const;

    /// The result. The first call, to be made when finished_fd() is readable, joins the threads and releases CPUs,
    /// memory lock, /dev/cpu_dma_latency and the housekeeping thread; called earlier it waits for the end.
    const Result& result();

  private:
    struct Private;
    explicit Measurement(std::unique_ptr<Private> p);
    std::unique_ptr<Private> p_;
};

/// Why a run with End::Overloaded ended itself, without what to do: it may have had either cause.
std::string why_overloaded(const Result& result);

/// CPUs on which a measurement of this process runs now.
CpuList measured_cpus();

} // namespace rtnode::latency
