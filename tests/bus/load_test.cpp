// A load beside a measurement. systemd is a stand-in, so that no test loads this machine.

#include "fixture.hpp"

#include <algorithm>
#include <atomic>
#include <fstream>

using namespace rtnode::test;
using testing::AllOf;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

namespace {

constexpr const char *systemd_name = "org.freedesktop.systemd1", *systemd_path = "/org/freedesktop/systemd1",
                     *systemd_interface = "org.freedesktop.systemd1.Manager", *load_unit = "rtnode-load-1.service";

/// Stands in for systemd's manager: keeps what it is asked for, starts nothing, and says what the test wants.
class StandInSystemd {
  public:
    using Property = sdbus::Struct<std::string, Variant>;
    using Auxiliary = sdbus::Struct<std::string, std::vector<Property>>;
    using Command = sdbus::Struct<std::string, std::vector<std::string>, bool>;

    explicit StandInSystemd(const std::string& address)
        : connection_(sdbus::createSessionBusConnectionWithAddress(address)),
          manager_(sdbus::createObject(*connection_, systemd_path)) {
        manager_->registerMethod("Subscribe").onInterface(systemd_interface).implementedAs([] {});
        manager_->registerMethod("StartTransientUnit")
            .onInterface(systemd_interface)
            .implementedAs([this](sdbus::Result<ObjectPath>&& reply, std::string unit, std::string,
                                  std::vector<Property> asked, std::vector<Auxiliary>) {
                reply.returnResults(job());
                if (!job_result.empty()) end_job(job_result, unit);
                watched.change([&] {
                    started.push_back(unit);
                    for (const auto& property : asked)
                        properties[property.get<0>()] = property.get<1>();
                });
            });
        manager_->registerMethod("StopUnit")
            .onInterface(systemd_interface)
            .implementedAs([this](const std::string& unit, const std::string&) {
                watched.change([&] { stopped.push_back(unit); });
                return job();
            });
        manager_->registerMethod("GetUnit")
            .onInterface(systemd_interface)
            .implementedAs([this](sdbus::Result<ObjectPath>&& reply, std::string unit) {
                if (loaded)
                    reply.returnResults(unit_path());
                else
                    reply.returnError(
                        sdbus::Error("org.freedesktop.systemd1.NoSuchUnit", "Unit " + unit + " not loaded."));
                watched.change([&] { ++looked_for; });
            });
        manager_->registerSignal("JobRemoved")
            .onInterface(systemd_interface)
            .withParameters<std::uint32_t, ObjectPath, std::string, std::string>();
        manager_->registerSignal("UnitRemoved")
            .onInterface(systemd_interface)
            .withParameters<std::string, ObjectPath>();
        manager_->finishRegistration();
        connection_->requestName(systemd_name);
        connection_->enterEventLoopAsync();
    }
    ~StandInSystemd() { connection_->leaveEventLoop(); }

    void end_job(const std::string& result, const std::string& unit = load_unit) {
        manager_->emitSignal("JobRemoved")
            .onInterface(systemd_interface)
            .withArguments(std::uint32_t{1}, job(), unit, result);
    }
    /// Tells that the unit is removed, and waits until the daemon has had the answer to what it asks then.
    void remove_unit() {
        manager_->emitSignal("UnitRemoved")
            .onInterface(systemd_interface)
            .withArguments(std::string(load_unit), unit_path());
        ASSERT_TRUE(watched.wait([&] { return looked_for > 0; }));
        // Twice: the first may be answered in the same round of its loop as the answer is read in, and what follows
        // from that is done in the next round.
        const auto daemon = sdbus::createProxy(*connection_, "org.rtnode1", "/org/rtnode1");
        for (int i = 0; i < 2; ++i)
            daemon->callMethod("Ping").onInterface("org.freedesktop.DBus.Peer");
    }
    bool stops(const std::string& unit = load_unit) {
        return watched.wait([&] { return std::count(stopped.begin(), stopped.end(), unit) > 0; });
    }

    // To be set before a load is asked for.
    std::string job_result = "done"; ///< of the job that starts a unit; "" = it goes on until end_job()
    std::atomic<bool> loaded = true; ///< whether GetUnit finds the unit

    Watched watched;
    // Under `watched`.
    std::vector<std::string> started, stopped;
    std::map<std::string, Variant> properties; ///< of what was started
    int looked_for = 0;

  private:
    static ObjectPath job() { return ObjectPath("/org/freedesktop/systemd1/job/1"); }
    static ObjectPath unit_path() { return ObjectPath("/org/freedesktop/systemd1/unit/rtnode_2dload_2d1_2eservice"); }

    std::unique_ptr<sdbus::IConnection> connection_;
    std::unique_ptr<sdbus::IObject> manager_;
};

class LoadTest : public BusTest {
  protected:
    LoadTest() {
        allow_systemd();
        std::ofstream(stress_ng) << "#!/bin/sh\n";
        std::filesystem::permissions(stress_ng, std::filesystem::perms(0755));
    }
    ~LoadTest() override {
        latency.reset();
        systemd.reset();
    }

    void begin() {
        start_daemon({{"RTNODE_STRESS_NG", stress_ng}});
        latency = std::make_unique<Latency>(*connection);
    }
    void begin_with_systemd() {
        systemd = std::make_unique<StandInSystemd>(address);
        begin();
    }

    /// CPU 0 is measured and loaded: every machine has it.
    static Dictionary with_load(const char* duration, std::uint32_t workers = 2, const char* cpus = "0") {
        return {{"duration", Variant(duration)},
                {"policy", Variant("other")},
                {"cpus", Variant("0")},
                {"load", Variant(workers)},
                {"load-cpus", Variant(cpus)}};
    }
    sdbus::Error refusal(const Dictionary& asked) {
        return error_of([&] { latency->Start(asked); });
    }

    const std::filesystem::path stress_ng = temp.path / "stress-ng";
    std::unique_ptr<StandInSystemd> systemd;
    std::unique_ptr<Latency> latency;

  private:
    /// This bus lets nobody have systemd's name, as the system's.
    void allow_systemd() {
        auto configuration = file("bus.conf");
        configuration.insert(configuration.find("</busconfig>"),
                             "<policy user=\"root\"><allow own=\"org.freedesktop.systemd1\"/>"
                             "<allow send_destination=\"org.freedesktop.systemd1\"/></policy>\n");
        std::ofstream(temp.path / "bus.conf") << configuration;
        sdbus::createProxy(*connection, "org.freedesktop.DBus", "/org/freedesktop/DBus")
            ->callMethod("ReloadConfig")
            .onInterface("org.freedesktop.DBus");
    }
};

constexpr const char* unavailable = "org.rtnode1.Error.LoadUnavailable";

} // namespace

TEST_F(LoadTest, AUnitOfSystemdRunsBesideTheMeasurementAndEndsWithIt) {
    begin_with_systemd();
    Measurement run(*connection, latency->Start(with_load("50ms")));
    EXPECT_EQ(run.Load(), "2 × stress-ng --cpu on CPUs 0");
    const auto answer = run.wait();
    EXPECT_EQ(answer.result.at("load").get<std::string>(), run.Load());
    EXPECT_THAT(run.GetReport("json"), HasSubstr("\"load\": \"2 × stress-ng --cpu on CPUs 0\""));
    EXPECT_TRUE(systemd->stops());

    const auto& asked = systemd->properties;
    EXPECT_THAT(systemd->started, ElementsAre(load_unit));
    const auto command = asked.at("ExecStart").get<std::vector<StandInSystemd::Command>>().at(0);
    EXPECT_EQ(command.get<0>(), stress_ng);
    EXPECT_THAT(command.get<1>(), ElementsAre(stress_ng, "--cpu", "2", "--timeout", "0", "--temp-path", "/tmp"));
    EXPECT_FALSE(command.get<2>()) << "its failure is one";
    EXPECT_THAT(asked.at("CPUAffinity").get<std::vector<std::uint8_t>>(), ElementsAre(1, 0, 0, 0, 0, 0, 0, 0));
    EXPECT_EQ(asked.at("Type").get<std::string>(), "exec");
    EXPECT_EQ(asked.at("RuntimeMaxUSec").get<std::uint64_t>(), 30'050'000U);
    EXPECT_EQ(asked.at("CollectMode").get<std::string>(), "inactive-or-failed");
    EXPECT_EQ(asked.at("CapabilityBoundingSet").get<std::uint64_t>(), 0U);
    EXPECT_FALSE(asked.contains("Nice"));
}

TEST_F(LoadTest, TheCallerIsAnsweredWhenTheLoadRuns) {
    systemd = std::make_unique<StandInSystemd>(address);
    systemd->job_result.clear();
    begin();
    auto path = std::async(std::launch::async, [&] { return latency->Start(with_load("1h")); });
    ASSERT_TRUE(systemd->watched.wait([&] { return !systemd->started.empty(); }));
    EXPECT_THAT(latency->List(), IsEmpty()) << "not measured before the load is there";
    systemd->end_job("done");
    Measurement run(*connection, path.get());
    EXPECT_EQ(run.State(), "running");
    EXPECT_THAT(systemd->stopped, IsEmpty());
    run.Stop();
    EXPECT_TRUE(systemd->stops()) << "the end is the end for both";
}

TEST_F(LoadTest, ALoadThatSystemdDoesNotStartIsAnErrorAndNothingIsMeasured) {
    systemd = std::make_unique<StandInSystemd>(address);
    systemd->job_result = "failed";
    begin();
    const auto error = refusal(with_load("1s"));
    EXPECT_EQ(error.getName(), unavailable);
    EXPECT_THAT(error.getMessage(), AllOf(HasSubstr("is failed"), HasSubstr("journalctl -u rtnode-load-1.service")));
    EXPECT_THAT(latency->List(), IsEmpty());
}

TEST_F(LoadTest, WithoutSystemdThereIsNone) {
    begin();
    const auto error = refusal(with_load("1s"));
    EXPECT_EQ(error.getName(), unavailable);
    EXPECT_THAT(error.getMessage(), HasSubstr("there is no systemd on this bus"));
    EXPECT_THAT(latency->List(), IsEmpty());
}

TEST_F(LoadTest, ANodeWithoutStressNgIsToldWhereToGetIt) {
    std::filesystem::remove(stress_ng);
    begin_with_systemd();
    const auto error = refusal(with_load("1s"));
    EXPECT_EQ(error.getName(), unavailable);
    EXPECT_THAT(error.getMessage(), AllOf(HasSubstr(stress_ng.string()), HasSubstr("--install stress-ng")));
    EXPECT_THAT(systemd->started, IsEmpty());
}

TEST_F(LoadTest, AMeasurementThatCannotStartHasItsLoadStopped) {
    systemd = std::make_unique<StandInSystemd>(address);
    systemd->job_result.clear();
    begin();
    auto error = std::async(std::launch::async, [&] { return refusal(with_load("1s")); });
    ASSERT_TRUE(systemd->watched.wait([&] { return !systemd->started.empty(); }));
    std::filesystem::permissions(temp.path / "state/latency", std::filesystem::perms::all); // results are unsafe there
    systemd->end_job("done");
    EXPECT_EQ(error.get().getName(), "org.rtnode1.Error.UnsafeFolder");
    EXPECT_TRUE(systemd->stops());
    EXPECT_THAT(latency->List(), IsEmpty());
}

TEST_F(LoadTest, NoLoadIsMadeForAMeasurementThatCannotBe) {
    begin_with_systemd();
    Measurement first(
        *connection,
        latency->Start({{"duration", Variant("1h")}, {"policy", Variant("other")}, {"cpus", Variant("0")}}));
    auto asked = with_load("1s");
    EXPECT_THAT(refusal(asked).getMessage(), HasSubstr("another measurement runs there")) << "where the load would be";
    asked.emplace("force", Variant(true));
    EXPECT_THAT(refusal(asked).getMessage(), HasSubstr("being measured already")) << "which can't be forced";
    EXPECT_THAT(systemd->started, IsEmpty());
    first.Stop();
    first.wait();
}

TEST_F(LoadTest, OfManyWhoAskAtOnceOneIsServed) {
    systemd = std::make_unique<StandInSystemd>(address);
    systemd->job_result.clear();
    begin();
    auto path = std::async(std::launch::async, [&] { return latency->Start(with_load("1h")); });
    ASSERT_TRUE(systemd->watched.wait([&] { return !systemd->started.empty(); }));
    for (int i = 0; i < 100; ++i)
        EXPECT_EQ(refusal(with_load("1h")).getName(), "org.rtnode1.Error.CpuBusy");
    systemd->end_job("done");
    Measurement run(*connection, path.get());
    run.Stop();
    run.wait();
    EXPECT_THAT(systemd->started, ElementsAre(load_unit));
}

TEST_F(LoadTest, ALoadThatEndsBeforeTheMeasurementMakesItsNumbersDoubtful) {
    begin_with_systemd();
    Measurement run(*connection, latency->Start(with_load("1h")));
    systemd->loaded = false;
    systemd->remove_unit();
    run.Stop();
    const auto answer = run.wait();
    EXPECT_FALSE(answer.result.at("valid").get<bool>());
    EXPECT_THAT(answer.result.at("invalid").get<std::vector<std::string>>(),
                Contains(HasSubstr("the load ended by itself")));
    EXPECT_THAT(systemd->stopped, IsEmpty()) << "there was nothing to stop";
}

TEST_F(LoadTest, AReloadOfSystemdIsNotItsEnd) {
    begin_with_systemd();
    Measurement run(*connection, latency->Start(with_load("1h")));
    systemd->remove_unit();
    run.Stop();
    EXPECT_THAT(run.wait().result.at("invalid").get<std::vector<std::string>>(), Not(Contains(HasSubstr("the load"))));
    EXPECT_TRUE(systemd->stops());
}

TEST_F(LoadTest, ADaemonThatEndsTakesItAlong) {
    begin_with_systemd();
    latency->Start(with_load("1h"));
    latency.reset();
    EXPECT_EQ(stop_daemon(), 0);
    EXPECT_TRUE(systemd->stops());
}

TEST_F(LoadTest, NobodyMeasuresUnknowinglyUnderTheLoadOfAnotherRun) {
    begin_with_systemd();
    Measurement first(*connection, latency->Start(with_load("1h")));
    const Dictionary plain{{"duration", Variant("1s")}, {"policy", Variant("other")}, {"cpus", Variant("0")}};
    const auto error = refusal(plain);
    EXPECT_EQ(error.getName(), "org.rtnode1.Error.CpuBusy");
    EXPECT_THAT(error.getMessage(), HasSubstr("the load of measurement 1 runs on CPU 0"));
    first.Stop();
    first.wait();
    EXPECT_EQ(Measurement(*connection, latency->Start(plain)).wait().state, "done");
}

TEST_F(LoadTest, BadLoadsAreRefusedBeforeAnythingIsStarted) {
    begin_with_systemd();
    EXPECT_EQ(refusal(with_load("1s", 0)).getName(), "org.rtnode1.Error.InvalidArgument");
    EXPECT_EQ(refusal(with_load("1s", 100'000)).getName(), "org.rtnode1.Error.InvalidArgument");
    EXPECT_EQ(refusal(with_load("1s", 1, "x")).getName(), "org.rtnode1.Error.InvalidArgument");
    EXPECT_EQ(refusal(with_load("1s", 1, "4000")).getName(), "org.rtnode1.Error.CpuUnavailable");
    EXPECT_EQ(refusal(with_load("25h")).getName(), "org.rtnode1.Error.InvalidArgument") << "the measurement's duration";
    auto text = with_load("1s");
    text["load"] = Variant("25");
    EXPECT_EQ(refusal(text).getName(), "org.freedesktop.DBus.Error.InvalidArgs");
    EXPECT_THAT(systemd->started, IsEmpty());
    EXPECT_THAT(latency->List(), IsEmpty());
}
