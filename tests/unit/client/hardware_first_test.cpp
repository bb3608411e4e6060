// What rtnodectl makes of a run of the hardware alone, before the measurement that was asked for.

#include "client/hardware_first.hpp"

#include <gmock/gmock.h>

using namespace rtnode::client;
using ::testing::AllOf;
using ::testing::HasSubstr;

namespace {

const HardwareFirst ten_seconds{.duration = "10s", .limit_us = 20};

Json measured(double worst_ns, const std::string& end = "duration") {
    return {{"Path", "/org/rtnode1/measurement/12"},
            {"State", "done"},
            {"End", end},
            {"Cpus", Json::array({0, 3})},
            {"Maximum", Json::array({1'200, worst_ns})},
            {"Invalid", Json::array()}};
}

/// What is said of a step that came out so; nothing when the user left.
std::optional<std::string> said_of(const Json& measurement) {
    return measure_hardware({}, ten_seconds, [&](const Options&) { return measurement; });
}

} // namespace

TEST(HardwareFirst, MeasuresTheCpusOfTheRunAndBreaksAtTheLimit) {
    const Options run{{"cpus", "2-3"},     {"duration", "1h"}, {"interval", 200u}, {"histogram", 30u},
                      {"policy", "other"}, {"force", true},    {"phase", 100u},    {"break", 50u},
                      {"name", "before"},  {"loops", 9u},      {"tracemark", true}};
    EXPECT_EQ(hardware_options(run, ten_seconds), (Options{{"mode", "hardware"},
                                                           {"duration", "10s"},
                                                           {"break", 20u},
                                                           {"cpus", "2-3"},
                                                           {"policy", "other"},
                                                           {"force", true},
                                                           {"name", "before"}}));
}

TEST(HardwareFirst, GoesOnWhereTheHardwareIsQuick) {
    EXPECT_EQ(judge_hardware(measured(3'400)), Hardware::good);
    EXPECT_EQ(said_of(measured(3'400)), "Hardware: passed, at worst 3.4 µs on CPU 3, within 20 µs");
}

TEST(HardwareFirst, EndsWhereTheHardwareIsSlowAndSaysThatTuningDoesNotHelp) {
    EXPECT_EQ(judge_hardware(measured(143'000, "break")), Hardware::bad);
    try {
        said_of(measured(143'000, "break"));
        ADD_FAILURE() << "went on";
    } catch (const ClientError& error) {
        EXPECT_EQ(static_cast<int>(error.exit()), 5) << "no other failure has it";
        EXPECT_THAT(error.what(),
                    AllOf(HasSubstr("the hardware took CPU 3 for 143.0 µs, above the limit of 20 µs"),
                          HasSubstr("no kernel, kernel argument or tuning of this node changes it"),
                          HasSubstr("leave out --hardware-first"), HasSubstr("rtnodectl latency report 12")));
    }
}

TEST(HardwareFirst, HasNoVerdictWhereTheKernelMayHaveHadTheCpu) {
    auto measurement = measured(143'000);
    measurement["Invalid"] = Json::array({"CPU 3: 7 gaps above 10 µs may be the kernel's"});
    EXPECT_EQ(judge_hardware(measurement), Hardware::unknown);
    EXPECT_THAT(said_of(measurement).value(),
                AllOf(HasSubstr("no verdict, at worst 143.0 µs on CPU 3"), HasSubstr("may be the kernel's")));
}

TEST(HardwareFirst, HasNoVerdictOnARunThatWasCutShort) {
    EXPECT_THAT(said_of(measured(3'400, "stopped")).value(), HasSubstr("it ended before its time (stopped)"));
    auto failed = measured(3'400, "");
    failed["State"] = "failed";
    EXPECT_THAT(said_of(failed).value(), HasSubstr("it failed"));
}

TEST(HardwareFirst, LeavesItToAUserWhoDidNotWait) {
    EXPECT_EQ(said_of(Json()), std::nullopt);
}

TEST(HardwareFirst, PassesOnWhatTheDaemonRefuses) {
    const auto refused = [](const Options&) -> Json {
        throw ClientError(Exit::failed, "org.rtnode1.Error.CpuBusy", "CPU 3 is being measured already");
    };
    EXPECT_THROW(measure_hardware({}, ten_seconds, refused), ClientError);
}
