// The kernel's tracers of noise and their settings, which belong to everybody. The files of tracefs are a stand-in.
#include "folder_machine.hpp"
#include "latency/machine/noise.hpp"
#include "latency/machine/tracer.hpp"
#include "state/error.hpp"
#include "state/file_text.hpp"

#include <gmock/gmock.h>

namespace rtnode::latency {
namespace {

using ::testing::HasSubstr;

/// As Linux 6.1.192 has it.
class NoiseTest : public FolderMachine {
  protected:
    NoiseTest() {
        put("available_tracers", "timerlat osnoise hwlat blk function_graph wakeup function nop\n");
        put("current_tracer", "nop\n");
        put("osnoise/cpus", "0-3\n");
        put("osnoise/options", "DEFAULTS OSNOISE_WORKLOAD NO_PANIC_ON_STOP NO_OSNOISE_PREEMPT_DISABLE \n");
        put("osnoise/timerlat_period_us", "1000\n");
        put("osnoise/stop_tracing_us", "50\n");
        put("osnoise/stop_tracing_total_us", "0\n");
        put("osnoise/print_stack", "0\n");
        std::filesystem::create_directories(tracing() + "/instances");
    }

    std::string tracing() const { return root + "/sys/kernel/tracing"; }
    void put(const std::string& file, const std::string& text) { write("sys/kernel/tracing/" + file, text); }
    std::string content(const std::string& file) const { return file_text(tracing() + "/" + file); }
    /// An instance in which another tracer runs.
    void somebody_runs(const std::string& tracer) { put("instances/theirs/current_tracer", tracer + "\n"); }
    std::string why_not(const std::string& tracer) const { return NoiseTracer(tracer, {1, 2}, tracing()).why_not(); }
    /// What it is when a tracer starts in an instance of ours.
    void start(const std::string& tracer) {
        put("instances/ours/current_tracer", "nop\n");
        const NoiseTracer noise(tracer, {1, 2}, tracing());
        ASSERT_EQ(noise.why_not(), "");
        kept = noise.kept();
        ASSERT_EQ(noise.start(tracing() + "/instances/ours"), "");
        EXPECT_EQ(content("instances/ours/current_tracer"), tracer);
    }
    /// As rmdir of tracefs does, which takes a folder with its files.
    void remove_ours() const { std::filesystem::remove_all(tracing() + "/instances/ours"); }

    std::string kept;
};

TEST_F(NoiseTest, OsnoiseRunsOnTheMeasuredCpusAndWithoutAThreadOfItsOwn) {
    start("osnoise");
    EXPECT_EQ(content("osnoise/cpus"), "1-2");
    EXPECT_EQ(content("osnoise/options"), "NO_OSNOISE_WORKLOAD");
    EXPECT_EQ(content("osnoise/stop_tracing_us"), "50\n") << "only its workload stops there";
}

TEST_F(NoiseTest, TimerlatWakesAsRarelyAsItCanAndStopsNothing) {
    start("timerlat");
    EXPECT_EQ(content("osnoise/cpus"), "1-2");
    EXPECT_EQ(content("osnoise/timerlat_period_us"), "1000000");
    EXPECT_EQ(content("osnoise/stop_tracing_us"), "0");
    EXPECT_EQ(kept, ":cpus=0-3:timerlat_period_us=1000:stop_tracing_us=50") << "what is as wanted is left alone";
}

TEST_F(NoiseTest, SetsBackWhatStoodThere) {
    for (const auto* tracer : {"osnoise", "timerlat"}) {
        start(tracer);
        remove_ours();
        NoiseTracer::restore(tracing(), "rtnode-1" + kept);
        EXPECT_EQ(content("osnoise/cpus"), "0-3") << tracer;
    }
    EXPECT_EQ(content("osnoise/options"), "OSNOISE_WORKLOAD");
    EXPECT_EQ(content("osnoise/timerlat_period_us"), "1000");
    EXPECT_EQ(content("osnoise/stop_tracing_us"), "50");
}

TEST_F(NoiseTest, IsSetBackByTheNextDaemonWhenOneIsKilled) {
    start("osnoise");
    remove_ours();
    ASSERT_EQ(kept, ":cpus=0-3:options=OSNOISE_WORKLOAD");
    std::filesystem::create_directory(tracing() + "/instances/rtnode-1" + kept); // left behind
    std::filesystem::create_directory(tracing() + "/instances/theirs");
    Tracer::clean(root);
    EXPECT_EQ(content("osnoise/cpus"), "0-3");
    EXPECT_EQ(content("osnoise/options"), "OSNOISE_WORKLOAD");
    EXPECT_TRUE(std::filesystem::exists(tracing() + "/instances/theirs"));
    EXPECT_FALSE(std::filesystem::exists(tracing() + "/instances/rtnode-1" + kept));
}

TEST_F(NoiseTest, StopsAlsoWhereTheInstanceCannotGoYet) {
    // The kernel keeps an instance while somebody has one of its files open; here a file keeps the folder.
    start("osnoise");
    const auto left = "instances/rtnode-1" + kept + "/current_tracer";
    remove_ours();
    put(left, "osnoise\n");
    Tracer::clean(root);
    EXPECT_EQ(content(left), "nop");
    EXPECT_EQ(content("osnoise/options"), "OSNOISE_WORKLOAD");
}

TEST_F(NoiseTest, IsNotTakenFromSomebodyElse) {
    somebody_runs("timerlat");
    for (const auto* tracer : {"osnoise", "timerlat"})
        EXPECT_EQ(why_not(tracer), "the tracer timerlat runs already, in tracefs' instance theirs");
    somebody_runs("function");
    EXPECT_EQ(why_not("osnoise"), "");
    put("current_tracer", "osnoise\n");
    EXPECT_EQ(why_not("osnoise"), "the tracer osnoise runs already");
    EXPECT_EQ(content("osnoise/cpus"), "0-3\n") << "looking changes nothing";
}

TEST_F(NoiseTest, SetsNothingBackUnderSomebodyWhoHasStartedMeanwhile) {
    start("osnoise");
    remove_ours();
    somebody_runs("osnoise");
    put("osnoise/cpus", "5\n");
    NoiseTracer::restore(tracing(), "rtnode-1" + kept);
    EXPECT_EQ(content("osnoise/cpus"), "5\n");
}

TEST_F(NoiseTest, SetsNothingBackThatANameDoesNotSay) {
    for (const auto* name :
         {"rtnode-1", "rtnode-1:", "rtnode-1:cpus", "rtnode-1:../current_tracer=function", "rtnode-1:period_us=1"})
        NoiseTracer::restore(tracing(), name);
    EXPECT_EQ(content("osnoise/cpus"), "0-3\n");
    EXPECT_EQ(content("current_tracer"), "nop\n");
}

TEST_F(NoiseTest, OlderKernelsHaveTimerlatAlone) {
    std::filesystem::remove(tracing() + "/osnoise/options");
    EXPECT_THAT(why_not("osnoise"), HasSubstr("can't run without a thread of its own"));
    EXPECT_EQ(why_not("timerlat"), "");
}

TEST_F(NoiseTest, SomeKernelsHaveNeither) {
    put("available_tracers", "blk function nop\n");
    EXPECT_EQ(why_not("osnoise"), "this kernel has no tracer osnoise");
    EXPECT_EQ(why_not("timerlat"), "this kernel has no tracer timerlat");
}

TEST_F(NoiseTest, IsLeftAloneWhereTheNameOfAnInstanceHasNoRoomForWhatStoodThere) {
    std::string list = "0";
    for (int cpu = 2; cpu < 200; cpu += 2)
        list += "," + std::to_string(cpu);
    put("osnoise/cpus", list + "\n");
    EXPECT_THAT(why_not("osnoise"), HasSubstr("too long"));
}

TEST_F(NoiseTest, IsRefusedWithTheReasonWhereItWasAskedFor) {
    somebody_runs("osnoise");
    try {
        const Tracer tracer({1}, TraceBy::Timerlat, root);
        ADD_FAILURE() << "traced by timerlat beside osnoise";
    } catch (const Error& e) {
        EXPECT_EQ(e.reason(), Reason::InvalidArgument);
        EXPECT_THAT(e.what(), HasSubstr("can't be traced by timerlat: the tracer osnoise runs already"));
    }
}

} // namespace
} // namespace rtnode::latency
