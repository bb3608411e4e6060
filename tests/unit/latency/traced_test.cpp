// What only the kernel's trace can tell: who made a spike, and what the hardware took and no thread or interrupt.

#include "measuring.hpp"
#include "state/error.hpp"

#include <algorithm>

namespace rtnode::latency {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;

TEST_F(MeasurementTest, NamesTheThreadThatMadeASpike) {
    const Tracefs tracefs;
    if (!tracefs.mounted()) GTEST_SKIP() << "no permission to mount tracefs";
    host.trace_root = tracefs.root.string();
    if (options.policy != Policy::Fifo) GTEST_SKIP() << "no permission for SCHED_FIFO";
    options.duration = 1h;
    options.priority = 90;
    options.spike_us = 3000;
    options.trace = true;
    auto measurement = Measurement::start(options, host);
    const Hog hog(options.cpus[0]);
    // Others, the hypervisor first, may make spikes here too.
    const auto named = [](const Spike& spike) {
        return std::any_of(spike.hints.begin(), spike.hints.end(), [](const std::string& hint) {
            return hint.find("thread rtnode-hog:") != std::string::npos &&
                   hint.find("(real-time priority 99)") != std::string::npos;
        });
    };
    bool found = false;
    pollfd fd{.fd = measurement->finished_fd(), .events = POLLIN, .revents = 0};
    for (int i = 0; i < 100 && !found; ++i) {
        ::poll(&fd, 1, 100);
        const auto spikes = measurement->observe();
        found = std::any_of(spikes.begin(), spikes.end(), named);
    }
    measurement->stop();
    wait_for(*measurement);
    measurement->result();
    EXPECT_TRUE(found) << "in 10 s with a stall of 5 ms in every 50";
    EXPECT_THAT(measurement->result().notes, Contains(HasSubstr("was traced by the kernel's")));
    measurement.reset();
    EXPECT_TRUE(std::filesystem::is_empty(tracefs.folder() / "instances")) << "our instance is gone";
}

class HardwareTest : public MeasurementTest {
  protected:
    HardwareTest() {
        options.mode = Mode::Hardware;
        options.policy = Policy::Other; // leaves the machine that tests run on to others
        options.duration = 1s;
        host.trace_root = "/nonexistent";
    }
};

TEST_F(HardwareTest, CannotTellTheKernelsGapsWithoutATraceAndSaysSo) {
    options.spike_us = 1; // no kernel's clock ticks in that, while it is measured
    auto measurement = Measurement::start(options, host);
    observe_to_the_end(*measurement);
    const auto& result = measurement->result();
    EXPECT_EQ(result.end, End::Duration);
    ASSERT_GT(result.cpus.at(0).statistics.cycles, 0u);
    EXPECT_GT(result.cpus[0].statistics.spikes, 0u);
    EXPECT_GT(result.cpus[0].statistics.max_ns, 1000);
    EXPECT_THAT(result.notes, Contains(HasSubstr("could not be told from what the hardware did: the measured CPUs")));
    EXPECT_THAT(result.invalid, Contains(HasSubstr("above 1 µs may be the kernel's as well as the hardware's")));
    EXPECT_THAT(result.notes, Not(Contains(HasSubstr("PREEMPT_RT")))) << "firmware doesn't care";
}

TEST_F(HardwareTest, IsNotSpoiltByALackingTraceWhereThereWasNoGap) {
    options.spike_us = 60'000'000; // a minute
    auto measurement = Measurement::start(options, host);
    observe_to_the_end(*measurement);
    const auto& result = measurement->result();
    EXPECT_EQ(result.cpus.at(0).statistics.spikes, 0u);
    EXPECT_THAT(result.invalid, Not(Contains(HasSubstr("may be the kernel's"))));
}

TEST_F(HardwareTest, IsRefusedWithoutATraceThatWasAskedFor) {
    options.trace = true;
    try {
        Measurement::start(options, host);
        ADD_FAILURE() << "traced where nothing can be";
    } catch (const Error& e) {
        EXPECT_EQ(e.reason(), Reason::InvalidArgument);
        EXPECT_THAT(e.what(), HasSubstr("the measured CPUs can't be traced"));
    }
    EXPECT_TRUE(measured_cpus().empty());
}

TEST_F(HardwareTest, LeavesOutWhatAThreadTook) {
    const Tracefs tracefs;
    if (!tracefs.mounted()) GTEST_SKIP() << "no permission to mount tracefs";
    if (!fifo_permitted()) GTEST_SKIP() << "no permission for SCHED_FIFO";
    host.trace_root = tracefs.root.string();
    options.duration = 2s;
    options.spike_us = 3000;
    auto measurement = Measurement::start(options, host);
    {
        const Hog hog(options.cpus[0]);
        observe_to_the_end(*measurement);
    }
    const auto& result = measurement->result();
    EXPECT_THAT(result.notes, Contains(HasSubstr("above 3000 µs made by the kernel and left out")))
        << "5 ms in every 50";
    // A hypervisor may have taken as much; then this is said.
    for (const auto& spike : result.spikes) {
        EXPECT_GT(spike.late_ns, 3'000'000);
        EXPECT_THAT(spike.hints, Contains(::testing::AnyOf(HasSubstr("nothing of the kernel had the CPU for "),
                                                           HasSubstr("had the CPU can't be told"))));
    }
    EXPECT_EQ(result.cpus.at(0).statistics.spikes, result.spikes.size());
    measurement.reset();
    EXPECT_TRUE(std::filesystem::is_empty(tracefs.folder() / "instances")) << "our instance is gone";
}

TEST_F(HardwareTest, EndsAtTheFirstGapThatTheKernelHadNoPartIn) {
    const Tracefs tracefs;
    if (!tracefs.mounted()) GTEST_SKIP() << "no permission to mount tracefs";
    host.trace_root = tracefs.root.string();
    options.duration = 60s;
    options.break_us = 1; // more than that of some interrupt's way in or out isn't traced
    auto measurement = Measurement::start(options, host);
    observe_to_the_end(*measurement);
    const auto& result = measurement->result();
    EXPECT_EQ(result.end, End::Break);
    EXPECT_EQ(result.end_cpu, static_cast<int>(options.cpus[0]));
    EXPECT_GE(result.cpus.at(0).statistics.max_ns, 2000);
}

TEST_F(HardwareTest, StopsWhenAsked) {
    options.duration = 1h;
    auto measurement = Measurement::start(options, host);
    measurement->stop();
    wait_for(*measurement);
    EXPECT_EQ(measurement->result().end, End::Stopped);
}

} // namespace
} // namespace rtnode::latency
