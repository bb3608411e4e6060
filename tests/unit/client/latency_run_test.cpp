// What of `rtnodectl latency run`'s command line gets to the daemon.

#include "client/latency_run.hpp"

#include <gmock/gmock.h>

using namespace rtnode::client;
using ::testing::HasSubstr;

namespace {

LatencyRun parsed(std::vector<std::string> words) {
    CLI::App app;
    LatencyRun run;
    run.declare(app);
    std::reverse(words.begin(), words.end()); // as CLI11 wants them
    app.parse(words);
    return run;
}

/// @p words must be refused.
std::string said_of(const std::vector<std::string>& words) {
    try {
        parsed(words);
        return "";
    } catch (const CLI::ParseError& error) {
        return error.what();
    }
}

} // namespace

TEST(LatencyRun, TakesTenSecondsWhereNothingWasSaidOfHowLong) {
    EXPECT_EQ(parsed({}).options(), (Options{{"duration", "10s"}}));
    EXPECT_EQ(parsed({"--loops", "100"}).options(), (Options{{"loops", 100u}}));
    EXPECT_EQ(parsed({"--loops", "0"}).options(), (Options{{"loops", 0u}})) << "which the daemon refuses";
    EXPECT_EQ(parsed({"--duration", "1h"}).options(), (Options{{"duration", "1h"}}));
}

TEST(LatencyRun, PassesOnWhatWasGivenAlsoZero) {
    EXPECT_EQ(parsed({"--interval", "0", "--distance", "0", "--phase", "0", "--priority", "0", "--histogram", "0",
                      "--break", "0", "--spike", "0", "--load", "0", "--duration", "1s"})
                  .options(),
              (Options{{"interval", 0u},
                       {"distance", 0u},
                       {"phase", 0u},
                       {"priority", 0u},
                       {"histogram", 0u},
                       {"break", 0u},
                       {"spike", 0u},
                       {"load", 0u},
                       {"duration", "1s"}}));
    EXPECT_EQ(parsed({"--cpus", "1", "--mode", "busy", "--policy", "rr", "--tracer", "events", "--load-cpus", "0",
                      "--name", "a", "--loops", "1", "--nanoseconds", "--trace", "--tracemark", "--force"})
                  .options(),
              (Options{{"cpus", "1"},
                       {"mode", "busy"},
                       {"policy", "rr"},
                       {"tracer", "events"},
                       {"load-cpus", "0"},
                       {"name", "a"},
                       {"loops", 1u},
                       {"nanoseconds", true},
                       {"trace", true},
                       {"tracemark", true},
                       {"force", true}}));
}

TEST(LatencyRun, RefusesWhatAScriptForgotToSet) {
    for (const char* option :
         {"--cpus", "--mode", "--duration", "--policy", "--tracer", "--load-cpus", "--hardware-first", "--name"})
        EXPECT_EQ(said_of({option, ""}), std::string(option) + ": it is empty; give a value, or leave it out");
    for (const char* option : {"--loops", "--interval", "--distance", "--phase", "--priority", "--histogram", "--spike",
                               "--break", "--load"})
        EXPECT_THAT(said_of({option, ""}), HasSubstr(std::string(option) + ": '' is wrong, it must be a whole number"));
}

TEST(LatencyRun, HasAStepBeforeItOnlyWhereOneWasAskedFor) {
    EXPECT_EQ(parsed({}).hardware(), std::nullopt);
    EXPECT_EQ(parsed({"--hardware-first", "5s"}).hardware().value().duration, "5s");
}

TEST(LatencyRun, LimitsTheStepBeforeItByWhatIsAskedFor) {
    EXPECT_EQ(parsed({"--hardware-first", "5s"}).hardware().value().limit_us, 20u) << "as cluster tests do";
    EXPECT_EQ(parsed({"--hardware-first", "5s", "--hardware-limit", "50"}).hardware().value().limit_us, 50u);
    EXPECT_THAT(said_of({"--hardware-limit", "50"}), HasSubstr("--hardware-limit requires --hardware-first"));
    EXPECT_THAT(said_of({"--hardware-first", "5s", "--hardware-limit", "0"}),
                HasSubstr("it must be a whole number, 1 to 4294967295"))
        << "0 would be no limit";
}
