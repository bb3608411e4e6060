// A measurement as a whole: what it accounts for, what it holds and gives back, and what it refuses.

#include "latency/permission.hpp"
#include "measuring.hpp"
#include "state/error.hpp"

#include <signal.h>
#include <sys/wait.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>

namespace rtnode::latency {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

TEST_F(MeasurementTest, AccountsForEveryDeadlineOfItsDuration) {
    options.cpus = usable_cpus();
    auto measurement = Measurement::start(options, host);
    EXPECT_EQ(measured_cpus(), options.cpus);
    wait_for(*measurement);
    EXPECT_TRUE(measurement->finished());
    const auto& result = measurement->result();
    EXPECT_EQ(result.end, End::Duration);
    EXPECT_LE(result.started, result.ended);
    ASSERT_EQ(result.cpus.size(), options.cpus.size());
    for (std::size_t i = 0; i < result.cpus.size(); ++i) {
        const auto& cpu = result.cpus[i];
        EXPECT_EQ(cpu.statistics.cpu, options.cpus[i]);
        EXPECT_EQ(cpu.statistics.cycles + cpu.statistics.missed, 200u);
        ASSERT_GT(cpu.statistics.cycles, 0u);
        EXPECT_LE(cpu.statistics.min_ns, cpu.statistics.avg_ns);
        EXPECT_LE(cpu.statistics.avg_ns, cpu.statistics.max_ns);
        std::uint64_t columns = cpu.statistics.overflows, buckets = 0;
        for (const auto count : cpu.histogram_us)
            columns += count;
        for (const auto& [edge, count] : cpu.histogram_ns)
            buckets += count;
        EXPECT_EQ(columns, cpu.statistics.cycles);
        EXPECT_EQ(buckets, cpu.statistics.cycles);
    }
    EXPECT_TRUE(measured_cpus().empty()) << "released with the result";
}

TEST_F(MeasurementTest, SaysWhatItsThreadsReallyWere) {
    auto measurement = Measurement::start(options, host);
    const auto& result = measurement->result(); // waits
    const auto& audit = result.cpus.at(0).audit;
    EXPECT_EQ(audit.policy, name_of(options.policy));
    EXPECT_EQ(audit.priority, options.policy == Policy::Fifo ? options.priority : 0);
    EXPECT_EQ(audit.affinity, options.cpus);
    EXPECT_FALSE(audit.migrated);
    EXPECT_NE(audit.thread, ::gettid());
    EXPECT_GT(audit.voluntary_switches, 0u) << "it sleeps";
    EXPECT_EQ(audit.allocations, 0U);
    const auto other = HasSubstr("measured with policy other");
    if (options.policy == Policy::Other)
        EXPECT_THAT(result.notes, Contains(other));
    else
        EXPECT_THAT(result.notes, Not(Contains(other)));
}

TEST_F(MeasurementTest, FaultsNoPageInItsLoop) {
    auto measurement = Measurement::start(options, host);
    const auto& result = measurement->result();
    if (!result.memory_locked) {
        // Without the lock a fault can't be ruled out, but the result must then not claim to be valid.
        EXPECT_FALSE(result.valid());
        EXPECT_THAT(result.invalid, Contains(HasSubstr("LimitMEMLOCK")));
        return;
    }
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    // mlockall() does nothing under a sanitizer, whose own memory faults: what is left is that faults spoil a result.
    EXPECT_EQ(result.valid(), result.cpus[0].statistics.minor_faults + result.cpus[0].statistics.major_faults == 0);
#else
    EXPECT_EQ(result.cpus[0].statistics.minor_faults, 0u);
    EXPECT_EQ(result.cpus[0].statistics.major_faults, 0u);
    EXPECT_THAT(result.invalid, ElementsAre()) << "on a machine that calls nothing away from the CPU";
#endif
}

/// System calls of this thread that read something.
std::uint64_t reads_so_far() {
    std::ifstream file(fmt::format("/proc/self/task/{}/io", ::gettid()));
    std::string name;
    for (std::uint64_t value = 0; file >> name >> value;)
        if (name == "syscr:") return value;
    ADD_FAILURE() << "this kernel does not account for input and output (CONFIG_TASK_IO_ACCOUNTING)";
    return 0;
}

// Whoever opens the thread's files in /proc moves its record to another CPU, and its next wake-up is late by that.
TEST_F(MeasurementTest, IsReadWithoutAskingTheKernelAboutItsThread) {
    options.duration = 1h;
    auto measurement = Measurement::start(options, host);
    while (measurement->snapshot().cpus.at(0).cycles == 0)
        ::sched_yield();
    reads_so_far(); // what one such reading costs
    const auto before = reads_so_far();
    const auto cost = reads_so_far() - before;
    for (int i = 0; i < 100; ++i)
        measurement->snapshot();
    EXPECT_EQ(reads_so_far() - before, 2 * cost);
}

// A fork makes every page one to be copied at the next write, locked or not: the stack of the thread, to begin with.
TEST_F(MeasurementTest, TellsPageFaultsAsOfTheLastLook) {
    options.duration = 1h;
    auto measurement = Measurement::start(options, host);
    const auto run_on = [&] {
        const auto from = measurement->snapshot().cpus.at(0).cycles;
        while (measurement->snapshot().cpus.at(0).cycles < from + 3)
            ::sched_yield();
    };
    const auto faults = [&] {
        const auto statistics = measurement->snapshot().cpus.at(0);
        return statistics.minor_faults + statistics.major_faults;
    };
    run_on();
    const auto child = ::fork();
    if (child == 0)
        for (;;)
            ::pause(); // keeps the pages shared
    run_on();
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
    EXPECT_EQ(faults(), 0U) << "nobody has looked yet";
    measurement->observe();
    EXPECT_GT(faults(), 0U);
    const auto seen = faults();
    measurement->stop();
    wait_for(*measurement);
    const auto& result = measurement->result();
    EXPECT_GE(result.cpus[0].statistics.minor_faults + result.cpus[0].statistics.major_faults, seen);
    EXPECT_THAT(result.invalid, Contains(HasSubstr("in the measuring loop")));
}

TEST_F(MeasurementTest, StopsWhenAskedAndAccountsForWhatItDid) {
    options.duration = 1h;
    auto measurement = Measurement::start(options, host);
    auto snapshot = measurement->snapshot();
    while (snapshot.cpus.at(0).cycles < 20) { // live values advance by themselves
        EXPECT_TRUE(snapshot.running);
        ::sched_yield();
        snapshot = measurement->snapshot();
    }
    EXPECT_GT(snapshot.cpus[0].percentiles_ns[0], 0);
    measurement->stop();
    measurement->stop();
    wait_for(*measurement);
    const auto& result = measurement->result();
    EXPECT_EQ(result.end, End::Stopped);
    EXPECT_EQ(result.end_cpu, -1);
    EXPECT_GE(result.cpus[0].statistics.cycles, 20u);
    EXPECT_FALSE(measurement->snapshot().running);
    EXPECT_EQ(measurement->snapshot().cpus[0].cycles, result.cpus[0].statistics.cycles);
}

TEST_F(MeasurementTest, IsStoppedByBeingDestroyed) {
    options.duration = 1h;
    Measurement::start(options, host).reset();
    EXPECT_TRUE(measured_cpus().empty());
}

TEST_F(MeasurementTest, EndsAtTheFirstLatencyAboveTheThreshold) {
    options.duration = 1h;
    options.break_us = 1; // no kernel wakes a thread 3,600,000 times in 2 µs without an exception
    auto measurement = Measurement::start(options, host);
    wait_for(*measurement);
    const auto& result = measurement->result();
    EXPECT_EQ(result.end, End::Break);
    EXPECT_EQ(result.end_cpu, static_cast<int>(options.cpus[0]));
    EXPECT_GE(result.cpus[0].statistics.max_ns, 2000);
}

TEST_F(MeasurementTest, HasACpuToItself) {
    options.duration = 1h;
    const auto first = Measurement::start(options, host);
    try {
        Measurement::start(options, host);
        ADD_FAILURE() << "two measurements on one CPU";
    } catch (const Error& e) {
        EXPECT_EQ(e.reason(), Reason::CpuBusy);
        EXPECT_THAT(e.what(), HasSubstr("CPU " + format_cpu_list(options.cpus) + " is being measured already"));
    }
    EXPECT_EQ(measured_cpus(), options.cpus) << "the refused one leaves the other alone";
}

TEST_F(MeasurementTest, RunsBesideAnotherOnOtherCpus) {
    const auto cpus = usable_cpus();
    if (cpus.size() < 2) {
        std::cout << "[ one CPU  ] two measurements one after the other instead\n";
        Measurement::start(options, host)->result();
        EXPECT_EQ(Measurement::start(options, host)->result().end, End::Duration);
        return;
    }
    auto first = Measurement::start(options, host);
    options.cpus = {cpus[1]};
    auto second = Measurement::start(options, host);
    EXPECT_EQ(first->result().end, End::Duration);
    EXPECT_EQ(measured_cpus(), CpuList{cpus[1]});
    EXPECT_EQ(second->result().end, End::Duration);
    EXPECT_TRUE(measured_cpus().empty());
}

TEST_F(MeasurementTest, KeepsTheHousekeepingThreadOffTheMeasuredCpus) {
    const auto before = affinity_of(::gettid());
    host.housekeeping_thread = ::gettid();
    auto measurement = Measurement::start(options, host);
    const auto during = affinity_of(::gettid());
    const auto& result = measurement->result();
    EXPECT_EQ(affinity_of(::gettid()), before) << "restored";
    const auto expected = housekeeping_cpus(before, options.cpus);
    EXPECT_EQ(during, expected.cpus);
    const auto note = Contains(HasSubstr("every CPU is measured"));
    if (expected.shared)
        EXPECT_THAT(result.notes, note);
    else
        EXPECT_THAT(result.notes, Not(note));
}

TEST_F(MeasurementTest, SaysWhenEveryCpuIsMeasured) {
    const auto before = affinity_of(::gettid());
    host.housekeeping_thread = ::gettid();
    options.cpus = before;
    auto measurement = Measurement::start(options, host);
    EXPECT_EQ(affinity_of(::gettid()), CpuList{before.front()}) << "the lowest";
    EXPECT_THAT(measurement->result().notes, Contains(HasSubstr("every CPU is measured")));
    EXPECT_EQ(affinity_of(::gettid()), before);
}

TEST_F(MeasurementTest, HoldsDmaLatencyAtZeroUntilItEnds) {
    const auto path = ::testing::TempDir() + "/rtnode-dma-latency-" + std::to_string(::getpid());
    std::ofstream(path) << "xxxxxxxx";
    host.dma_latency_path = path;
    auto measurement = Measurement::start(options, host);
    std::string written(4, 'x');
    std::ifstream(path).read(written.data(), 4);
    EXPECT_EQ(written, std::string(4, '\0')) << "a 32-bit 0, as the kernel wants it";
    const auto holders = [&] {
        std::size_t count = 0;
        for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
            std::error_code gone; // the iterator's own descriptor
            if (std::filesystem::read_symlink(entry, gone) == std::filesystem::canonical(path)) ++count;
        }
        return count;
    };
    EXPECT_EQ(holders(), 1u);
    EXPECT_TRUE(measurement->result().dma_latency_held);
    EXPECT_EQ(holders(), 0u);
    std::filesystem::remove(path);
}

TEST_F(MeasurementTest, NotesThatDmaLatencyIsAbsentAndMeasuresAllTheSame) {
    host.dma_latency_path = "/nonexistent/cpu_dma_latency";
    const auto measurement = Measurement::start(options, host);
    const auto& result = measurement->result();
    EXPECT_FALSE(result.dma_latency_held);
    EXPECT_THAT(result.notes, Contains(HasSubstr("/nonexistent/cpu_dma_latency is not held at 0 µs (No such file")));
    EXPECT_EQ(result.end, End::Duration);
}

TEST_F(MeasurementTest, RefusesACpuThatTheKernelDoesNotHave) {
    options.cpus = {8000};
    host.topology.online.push_back(8000); // as if it went offline after validation
    try {
        Measurement::start(options, host);
        ADD_FAILURE() << "measured a CPU that isn't there";
    } catch (const Error& e) {
        EXPECT_EQ(e.reason(), Reason::CpuUnavailable);
        EXPECT_THAT(e.what(), HasSubstr("cannot pin a thread to CPU 8000"));
    }
    EXPECT_TRUE(measured_cpus().empty()) << "nothing is left behind";
}

TEST_F(MeasurementTest, TellsWhyRealTimeIsDenied) {
    if (options.policy == Policy::Other) {
        options.policy = Policy::Fifo;
        try {
            Measurement::start(options, host);
            ADD_FAILURE() << "policy fifo without permission";
        } catch (const Error& e) {
            EXPECT_EQ(e.reason(), Reason::RealTimeDenied);
            EXPECT_THAT(e.what(), HasSubstr("refuses scheduling policy fifo with priority 95"));
        }
        EXPECT_TRUE(measured_cpus().empty());
    } else {
        options.policy = Policy::RoundRobin;
        EXPECT_EQ(Measurement::start(options, host)->result().cpus[0].audit.policy, "rr");
    }
}

TEST_F(MeasurementTest, KeepsATimeSeriesThatMissesNothing) {
    options.duration = 2300ms;
    auto measurement = Measurement::start(options, host);
    observe_to_the_end(*measurement);
    const auto& cpu = measurement->result().cpus.at(0);
    ASSERT_GE(cpu.windows.size(), 2u);
    std::uint64_t cycles = 0, missed = 0;
    std::int64_t end = 0;
    for (const auto& window : cpu.windows) {
        EXPECT_EQ(window.start_ms, end) << "without gaps";
        end += window.length_ms;
        cycles += window.cycles;
        missed += window.missed;
        EXPECT_LE(window.p50_ns, window.p99_ns);
        EXPECT_LE(window.p99_ns, window.max_ns);
        EXPECT_LE(window.max_ns, cpu.statistics.max_ns) << "though windows know latencies by buckets only";
    }
    EXPECT_EQ(cycles, cpu.statistics.cycles);
    EXPECT_EQ(missed, cpu.statistics.missed);
}

TEST_F(MeasurementTest, HasOneWindowWhenNobodyLookedOn) {
    auto measurement = Measurement::start(options, host);
    wait_for(*measurement);
    const auto& cpu = measurement->result().cpus.at(0);
    ASSERT_EQ(cpu.windows.size(), 1u);
    EXPECT_EQ(cpu.windows[0].cycles, cpu.statistics.cycles);
}

TEST_F(MeasurementTest, KeepsTheWorstSpikesOfMoreThanItKeeps) {
    options.spike_us = 1; // no machine wakes within that
    options.interval = 100us;
    options.duration = 500ms;
    auto measurement = Measurement::start(options, host);
    observe_to_the_end(*measurement);
    const auto& result = measurement->result();
    const auto& statistics = result.cpus.at(0).statistics;
    ASSERT_GT(statistics.spikes, max_spikes);
    ASSERT_EQ(result.spikes.size(), max_spikes);
    std::int64_t worst = 0, last = 0;
    for (const auto& spike : result.spikes) {
        worst = std::max(worst, spike.late_ns);
        EXPECT_GT(spike.monotonic_ns, last) << "in the order of time, none twice";
        last = spike.monotonic_ns;
    }
    EXPECT_EQ(worst, statistics.max_ns) << "the worst latency of the run has its record";
    EXPECT_THAT(result.notes, Contains(HasSubstr("the worst 256 are kept")));
}

TEST_F(MeasurementTest, TellsSpikesWithTheTimeOfBothClocks) {
    options.spike_us = 1; // no machine wakes within that
    auto measurement = Measurement::start(options, host);
    std::vector<Spike> told;
    pollfd fd{.fd = measurement->finished_fd(), .events = POLLIN, .revents = 0};
    do
        for (const auto& spike : measurement->observe())
            told.push_back(spike);
    while (::poll(&fd, 1, 20) == 0);
    for (const auto& spike : measurement->observe())
        told.push_back(spike);
    const auto& result = measurement->result();
    ASSERT_FALSE(told.empty());
    EXPECT_EQ(result.cpus[0].statistics.spikes, told.size());
    EXPECT_EQ(result.spikes.size(), told.size()) << "each is told once";
    const auto started = std::chrono::duration_cast<std::chrono::nanoseconds>(result.started.time_since_epoch());
    for (const auto& spike : told) {
        EXPECT_EQ(spike.cpu, options.cpus[0]);
        EXPECT_GT(spike.late_ns, 1000);
        EXPECT_GE(spike.realtime_ns, started.count() - 1'000'000);
        EXPECT_LE(spike.realtime_ns, (started + 60s).count());
    }
}

TEST_F(MeasurementTest, WakesInThePhaseThatWasAskedFor) {
    options.spike_us = 1;
    options.phase = 250us;
    auto measurement = Measurement::start(options, host);
    wait_for(*measurement);
    const auto& spikes = measurement->result().spikes;
    ASSERT_FALSE(spikes.empty());
    for (const auto& spike : spikes)
        EXPECT_EQ((spike.monotonic_ns - spike.late_ns) % 500'000, 250'000) << "the deadline";
}

TEST_F(MeasurementTest, EndsAfterItsLoopsAtEachCpusOwnInterval) {
    options.cpus = usable_cpus();
    options.duration = 0s;
    options.loops = 40;
    options.distance = 500us;
    auto measurement = Measurement::start(options, host);
    wait_for(*measurement);
    for (const auto& cpu : measurement->result().cpus)
        EXPECT_EQ(cpu.statistics.cycles + cpu.statistics.missed, 40u) << "CPU " << cpu.statistics.cpu;
}

TEST_F(MeasurementTest, PinsAThreadAgainWhoseAffinityWasTakenAwayAndSaysSo) {
    if (usable_cpus().size() < 2) GTEST_SKIP() << "one CPU only";
    options.duration = 1h;
    auto measurement = Measurement::start(options, host);
    const pid_t thread = measurement->so_far().cpus.at(0).audit.thread;
    set_affinity(thread, usable_cpus()); // what kubelet's rewriting of a cpuset comes down to
    measurement->observe();
    EXPECT_EQ(affinity_of(thread), options.cpus);
    measurement->stop();
    wait_for(*measurement);
    EXPECT_THAT(measurement->result().invalid, Contains(HasSubstr("affinity was changed to")));
    EXPECT_TRUE(measurement->result().cpus[0].audit.migrated) << "also when it is back at the end";
}

TEST_F(MeasurementTest, ShowsHowFarItHasCome) {
    options.duration = 1h;
    auto measurement = Measurement::start(options, host);
    while (measurement->snapshot().cpus[0].cycles < 10)
        std::this_thread::yield();
    const auto so_far = measurement->so_far();
    EXPECT_EQ(so_far.end, End::Running);
    EXPECT_GE(so_far.cpus.at(0).statistics.cycles, 10u);
    EXPECT_FALSE(so_far.cpus[0].histogram_ns.empty());
}

} // namespace
} // namespace rtnode::latency
