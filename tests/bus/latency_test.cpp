// Measurements over the bus. Policy "other": these tests also run where no real-time priority is to be had.

#include "fixture.hpp"

using namespace rtnode::test;
using testing::HasSubstr;

namespace {

class LatencyTest : public BusTest {
  protected:
    LatencyTest() { begin(); }
    void begin() {
        start_daemon();
        latency = std::make_unique<Latency>(*connection);
    }
    ~LatencyTest() override { latency.reset(); }

    static Dictionary options(const char* duration, Dictionary more = {}) {
        more.emplace("duration", Variant(duration));
        more.emplace("policy", Variant("other"));
        return more;
    }
    std::string refusal(const Dictionary& asked) {
        return error_of([&] { latency->Start(asked); }).getName();
    }

    std::unique_ptr<Latency> latency;
};

} // namespace

TEST_F(LatencyTest, AMeasurementRunsAndIsReported) {
    Measurement run(*connection,
                    latency->Start(options("200ms", {{"cpus", Variant("0")}, {"name", Variant("a try")}})));
    EXPECT_EQ(run.Cpus(), std::vector<std::uint32_t>{0});
    EXPECT_EQ(run.Name(), "a try");
    const auto answer = run.wait();
    EXPECT_EQ(answer.state, "done") << answer.error_message;
    EXPECT_EQ(answer.result.at("end").get<std::string>(), "duration");
    EXPECT_GT(answer.result.at("cycles").get<std::uint64_t>(), 0U);
    EXPECT_THAT(run.GetReport("cyclictest-2.4"), HasSubstr("# Min Latencies:"));
    EXPECT_THAT(run.GetReport("json"), HasSubstr("{"));
    ASSERT_EQ(run.Files().size(), 2U);
    EXPECT_THAT(run.Files()[1], HasSubstr("cyclictest_200ms.out"));
    EXPECT_EQ(error_of([&] { run.GetReport("pdf"); }).getName(), "org.rtnode1.Error.InvalidArgument");
}

TEST_F(LatencyTest, ARunIsSeenLiveAndStopped) {
    Measurement run(*connection, latency->Start(options("1h", {{"cpus", Variant("0")}})));
    EXPECT_EQ(run.State(), "running");
    EXPECT_EQ(run.Cycles().size(), 1U);
    EXPECT_EQ(error_of([&] { run.GetReport("json"); }).getName(), "org.rtnode1.Error.InvalidArgument");
    EXPECT_EQ(refusal(options("1s", {{"cpus", Variant("0")}})), "org.rtnode1.Error.CpuBusy");
    run.Stop();
    EXPECT_EQ(run.wait().result.at("end").get<std::string>(), "stopped");
}

TEST_F(LatencyTest, ResultsStayReadableAfterARestart) {
    const auto path = latency->Start(options("50ms", {{"cpus", Variant("0")}}));
    Measurement(*connection, path).wait();
    latency.reset();
    EXPECT_EQ(stop_daemon(), 0);
    begin();
    Measurement run(*connection, path);
    EXPECT_EQ(run.State(), "done");
    EXPECT_EQ(run.Duration(), 50'000U);
    EXPECT_THAT(run.GetReport("cyclictest-2.4"), HasSubstr("# Max Latencies:"));
    EXPECT_EQ(latency->List().size(), 1U);
    EXPECT_EQ(latency->Start(options("50ms", {{"cpus", Variant("0")}})), "/org/rtnode1/measurement/2");
}

TEST_F(LatencyTest, BadOptionsAreRefused) {
    EXPECT_EQ(refusal({}), "org.rtnode1.Error.InvalidArgument");
    EXPECT_EQ(refusal(options("10")), "org.rtnode1.Error.InvalidArgument");
    EXPECT_EQ(refusal(options("25h")), "org.rtnode1.Error.InvalidArgument");
    EXPECT_EQ(refusal(options("1s", {{"cpus", Variant("4000")}})), "org.rtnode1.Error.CpuUnavailable");
    EXPECT_EQ(refusal(options("1s", {{"cpus", Variant("x")}})), "org.rtnode1.Error.InvalidArgument");
    EXPECT_EQ(refusal(options("1s", {{"interval", Variant(std::uint32_t{0})}})), "org.rtnode1.Error.InvalidArgument");
    EXPECT_EQ(refusal(options("1s", {{"interval", Variant(std::uint32_t{10})}})), "org.rtnode1.Error.IntervalTooShort");
    EXPECT_EQ(refusal(options("1s", {{"interval", Variant("1")}})), "org.freedesktop.DBus.Error.InvalidArgs");
    EXPECT_EQ(refusal(options("1s", {{"intervall", Variant("1")}})), "org.rtnode1.Error.UnknownOption");
    EXPECT_EQ(refusal({{"duration", Variant("1s")}, {"priority", Variant(std::uint32_t{99})}}),
              "org.rtnode1.Error.InvalidArgument");
    EXPECT_TRUE(latency->List().empty());
}
