#pragma once
// Runs to draw: what a node measures in an hour, made up in a moment and the same each time.

#include "latency/compare/compare.hpp"
#include "latency/histogram.hpp"
#include "latency/result.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

namespace rtnode::latency {

/// How a CPU behaves in a run that is made up.
struct Behaviour {
    double typical_us = 6;           ///< the median wake-up
    std::int64_t stall_ms = 0;       ///< something of higher priority takes the CPU for so long …
    std::int64_t every_ms = 0;       ///< … so often; 0 = never
    std::int64_t worse_from_ms = -1; ///< from then on everything takes twice as long; -1 = never
};

/// A CPU that was measured every `interval_us` for `seconds`, with a window each second.
class MadeUpCpu {
  public:
    MadeUpCpu(unsigned cpu, const Behaviour& behaviour, std::int64_t interval_us, std::int64_t seconds,
              std::uint32_t spike_us, std::chrono::nanoseconds started)
        : behaviour_(behaviour), interval_(interval_us * 1000), end_(seconds * second), started_(started.count()),
          random_(cpu + 1), recorder_(400, spike_us) {
        run();
        result_.statistics = recorder_.statistics(cpu);
        result_.histogram_us = recorder_.histogram_us();
        result_.overflow_cycles = recorder_.overflow_cycles();
        result_.histogram_ns = recorder_.histogram_ns();
        result_.corrected_ns = recorder_.corrected_ns();
        result_.audit = {.thread = 4000 + static_cast<int>(cpu),
                         .policy = "fifo",
                         .priority = 95,
                         .affinity = {cpu},
                         .voluntary_switches = result_.statistics.cycles,
                         .cpu_time_ns = result_.statistics.cycles * 8'300};
        spikes_ = recorder_.spikes(cpu).kept;
        for (auto& spike : spikes_)
            spike.realtime_ns = started_ + spike.monotonic_ns;
    }

    const CpuResult& result() const { return result_; }
    const std::vector<Spike>& spikes() const { return spikes_; }

  private:
    static constexpr std::int64_t second = 1'000'000'000;

    /// A wake-up's latency when nothing else has the CPU.
    std::int64_t latency(std::int64_t at) {
        std::normal_distribution<double> shape(0, 0.18);
        std::uniform_real_distribution<double> chance(0, 1);
        double us = behaviour_.typical_us * std::exp(shape(random_));
        if (chance(random_) < 0.004) us += 3 + 6 * chance(random_); // the tick, now and then
        if (chance(random_) < 0.00002) us += 12 * chance(random_);
        if (behaviour_.worse_from_ms >= 0 && at >= behaviour_.worse_from_ms * 1'000'000) us *= 2;
        return static_cast<std::int64_t>(us * 1000);
    }

    /// When a thread that is to wake at `at` can have the CPU.
    std::int64_t free_at(std::int64_t at) const {
        if (behaviour_.every_ms == 0) return at;
        const auto every = behaviour_.every_ms * 1'000'000, stall = behaviour_.stall_ms * 1'000'000;
        const auto into = at % every;
        return into < stall ? at - into + stall : at;
    }

    void run() {
        std::vector<std::int64_t> in_window;
        std::uint64_t missed_before = 0;
        std::int64_t window = 0;
        for (std::int64_t deadline = interval_; deadline < end_;) {
            if (deadline / second != window) {
                close(window, in_window, recorder_.missed() - missed_before);
                missed_before = recorder_.missed();
                window = deadline / second;
                in_window.clear();
            }
            const auto woke = free_at(deadline) + latency(deadline);
            recorder_.record(woke - deadline, woke);
            in_window.push_back(woke - deadline);
            deadline += interval_;
            if (woke > deadline) {
                const auto passed = (woke - deadline) / interval_ + 1;
                recorder_.miss(static_cast<std::uint64_t>(passed), woke - deadline, interval_);
                deadline += passed * interval_;
            }
        }
        close(window, in_window, recorder_.missed() - missed_before);
    }

    void close(std::int64_t window, std::vector<std::int64_t>& latencies, std::uint64_t missed) {
        if (latencies.empty()) return;
        std::sort(latencies.begin(), latencies.end());
        result_.windows.push_back({.start_ms = window * 1000,
                                   .length_ms = 1000,
                                   .cycles = latencies.size(),
                                   .missed = missed,
                                   .p50_ns = latencies[latencies.size() / 2],
                                   .p99_ns = latencies[latencies.size() * 99 / 100],
                                   .max_ns = latencies.back()});
    }

    const Behaviour behaviour_;
    const std::int64_t interval_, end_, started_;
    std::mt19937 random_;
    Recorder recorder_;
    CpuResult result_;
    std::vector<Spike> spikes_;
};

/// A valid run on a PREEMPT_RT node, one CPU for each behaviour.
inline Result made_up_run(const std::vector<Behaviour>& behaviours, std::int64_t seconds, std::int64_t interval_us,
                          std::uint32_t spike_us = 0) {
    Result result;
    result.options.duration = std::chrono::seconds(seconds);
    result.options.interval = std::chrono::microseconds(interval_us);
    result.options.spike_us = spike_us;
    result.options.name = "nightly";
    result.environment = {.sysname = "Linux",
                          .nodename = "worker-3",
                          .release = "5.14.0-427.13.1.el9_4.x86_64+rt",
                          .version = "#1 SMP PREEMPT_RT Wed Apr 10 10:29:16 EDT 2024",
                          .machine = "x86_64",
                          .realtime = true,
                          .command_line =
                              "BOOT_IMAGE=(hd0,gpt3)/ostree/vmlinuz root=UUID=5f3c ostree=/ostree/boot.1/x/0 "
                              "isolcpus=managed_irq,domain,2-5 nohz_full=2-5 rcu_nocbs=2-5 tsc=reliable",
                          .clocksource = "tsc",
                          .cpus_online = "0-63",
                          .microcode = "0x2b000603",
                          .bios = "Example Systems 2.4.1 2026-03-02",
                          .cpu_model = "Example(R) Processor 6438N @ 2.00GHz",
                          .deployment = "7f1d6c0d9b4d40ad4d6f0b3c4be3bd3bdb5e42c0d4dbb4dbd0cf0c5be14a88d5"};
    result.environment.findings = {
        {.check = "preemption", .state = "good", .actual = "PREEMPT_RT", .remedy = ""},
        {.check = "clocksource", .state = "good", .actual = "tsc", .remedy = ""},
        {.check = "isolation", .state = "good", .actual = "the measured CPUs are isolated", .remedy = ""},
        {.check = "smt-siblings",
         .state = "note",
         .actual = "CPU 2 shares its core with CPU 34, which is online",
         .remedy = "switch hyper-threading off, or keep the sibling idle"}};
    result.started = std::chrono::system_clock::time_point(std::chrono::seconds(1'795'472'790)); // 2026-11-23 22:26:30
    result.ended = result.started + result.options.duration;
    result.dma_latency_held = result.memory_locked = true;
    for (unsigned i = 0; i < behaviours.size(); ++i) {
        const MadeUpCpu cpu(i + 2, behaviours[i], interval_us, seconds, spike_us,
                            std::chrono::duration_cast<std::chrono::nanoseconds>(result.started.time_since_epoch()));
        result.options.cpus.push_back(i + 2);
        result.cpus.push_back(cpu.result());
        result.spikes.insert(result.spikes.end(), cpu.spikes().begin(), cpu.spikes().end());
    }
    std::stable_sort(result.spikes.begin(), result.spikes.end(),
                     [](const Spike& a, const Spike& b) { return a.monotonic_ns < b.monotonic_ns; });
    return result;
}

/// Three CPUs on which nothing happens, and one that something has for 5 ms of each 100 ms.
inline Result run_with_a_stall(std::int64_t seconds = 60) {
    auto result = made_up_run({{.typical_us = 5.5},
                               {.typical_us = 6},
                               {.typical_us = 7, .stall_ms = 5, .every_ms = 100},
                               {.typical_us = 5.8}},
                              seconds, 200, 1000);
    for (auto& spike : result.spikes)
        spike.hints = {"the thread waited 4.9 ms for the CPU", "41 interrupts of nvme0q3"};
    const auto& stalled = result.cpus[2].statistics;
    result.notes = {fmt::format("CPU {}: {} deadlines missed of {}; only the corrected percentiles count them",
                                stalled.cpu, stalled.missed, stalled.cycles + stalled.missed)};
    return result;
}

inline Result run_on_many_cpus(unsigned cpus = 64, std::int64_t seconds = 20) {
    std::vector<Behaviour> behaviours(cpus);
    for (unsigned i = 0; i < cpus; ++i)
        behaviours[i].typical_us = 4 + (i % 7) * 0.7;
    behaviours[cpus / 3] = {.typical_us = 6, .worse_from_ms = seconds * 600};
    behaviours[cpus / 2] = {.typical_us = 9, .stall_ms = 2, .every_ms = 1000};
    return made_up_run(behaviours, seconds, 1000, 100);
}

/// Stopped before its first deadline.
inline Result empty_run() {
    auto result = made_up_run({{}, {}}, 0, 1000);
    result.options.duration = std::chrono::minutes(10);
    result.end = End::Stopped;
    result.invalid = {"CPU 2: nothing was measured", "CPU 3: nothing was measured"};
    return result;
}

/// Everything that can be wrong, and strings that would be markup.
inline Result spoilt_run() {
    auto result = made_up_run({{.typical_us = 30, .stall_ms = 3, .every_ms = 2500}, {.typical_us = 24}}, 30, 1000, 150);
    result.options.name = "a <b>\"bold\"</b> & 'quoted' name";
    result.options.break_us = 100'000;
    result.environment.realtime = false;
    result.environment.release = "6.1.0-56-amd64";
    result.environment.version = "#1 SMP PREEMPT_DYNAMIC";
    result.environment.nodename = "node</title><script>alert(1)</script>";
    result.environment.command_line = "root=/dev/vda quiet bytes=\xff\xfe tab=\t bell=\a url=http://example.org/?a&b";
    result.environment.findings = {
        {.check = "preemption",
         .state = "bad",
         .actual = "PREEMPT_DYNAMIC, in mode full",
         .remedy = "boot the real-time kernel (option kernel=rt of Override)"},
        {.check = "clocksource", .state = "bad", .actual = "hpet", .remedy = "boot with tsc=reliable, if the TSC is"},
        {.check = "interrupts",
         .state = "note",
         .actual = "IRQ 31 (<nvme0q3>) may run on CPU 2",
         .remedy = "write 1 to /proc/irq/31/smp_affinity"},
        {.check = "microcode", .state = "unknown", .actual = "a guest has no microcode of its own", .remedy = ""},
        {.check = "rt-throttling", .state = "good", .actual = "sched_rt_runtime_us is -1", .remedy = ""}};
    for (std::size_t i = 0; i < result.spikes.size(); ++i)
        if (i % 3 != 1)
            result.spikes[i].hints = {fmt::format("{} interrupts of <virtio2-input.0>", 40 + i), "steal time: 4 ms",
                                      "process \"kworker/2:1 & friends\""};
    auto& cpu = result.cpus[0];
    cpu.statistics.minor_faults = 12;
    cpu.statistics.early = 3;
    cpu.audit.policy = "other";
    cpu.audit.priority = 0;
    cpu.audit.migrated = true;
    cpu.audit.affinity = {0, 1, 2};
    cpu.audit.involuntary_switches = 421;
    result.dma_latency_held = result.memory_locked = false;
    result.invalid = {
        "CPU 2: 12 page faults in the measuring loop",
        "CPU 2: the measuring thread was moved away (CPU went offline, or a cpuset was rewritten); at the "
        "end it could run on 0-2"};
    result.notes = {"the running kernel is not a PREEMPT_RT kernel", "a note with <angle brackets> & an ampersand"};
    return result;
}

inline Comparison made_up_comparison() {
    return {
        .verdict = "regression",
        .reasons = {"p99 of CPU 4 is 34.0 % higher (+21.0 to +50.0 %)",
                    "the maximum was 21.0 µs and is 43.0 µs: one wake-up of each run, which doesn't decide"},
        .figures =
            {{.name = "avg", .a_ns = 5'800, .b_ns = 5'900},
             {.name = "p50",
              .a_ns = 5'700,
              .b_ns = 5'750,
              .ratio = 1.009,
              .low = 0.982,
              .high = 1.017,
              .decides = true},
             {.name = "p99", .a_ns = 11'600, .b_ns = 15'500, .ratio = 1.34, .low = 1.21, .high = 1.5, .decides = true},
             {.name = "window-max",
              .a_ns = 16'000,
              .b_ns = 14'500,
              .ratio = 0.9,
              .low = 0.81,
              .high = 0.97,
              .decides = true},
             {.name = "max", .a_ns = 21'000, .b_ns = 43'000}},
        .changes = {"microcode 0x2b000590 -> 0x2b000603", "kernel argument added: mitigations=<auto>"}};
}

} // namespace rtnode::latency
