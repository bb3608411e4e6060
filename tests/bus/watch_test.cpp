// The regression watch over the bus: what it compares with, what it tells, and when it stays away. Policy "other":
// these tests also run where no real-time priority is to be had.

#include "fixture.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <fstream>

using namespace rtnode::test;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;

namespace {

/// With so long an interval, µs, a machine that is busy with other things doesn't miss every second deadline.
const std::uint32_t slow_pace = 100'000;

class WatchTest : public BusTest {
  protected:
    WatchTest() {
        for (const auto* folder : {"state", "metrics"})
            std::filesystem::create_directory(temp.path / folder);
        begin();
    }
    ~WatchTest() override { latency.reset(); }

    void begin() {
        start_daemon();
        latency = std::make_unique<Latency>(*connection);
    }
    /// @param meanwhile what is done while no daemon runs
    void restart(const std::function<void()>& meanwhile = {}) {
        latency.reset();
        EXPECT_EQ(stop_daemon(), 0);
        if (meanwhile) meanwhile();
        begin();
    }
    void configure(const std::string& text) {
        restart([&] {
            std::ofstream(temp.path / "config/a.toml")
                << text << "\n[metrics]\ntextfile-folder = \"" << (temp.path / "metrics").string() << "\"\n";
        });
    }

    /// A run of CPU 0 that somebody asks for, to its end.
    void measure(Dictionary more = {}) {
        more.merge(Dictionary{{"duration", Variant("50ms")}, {"policy", Variant("other")}, {"cpus", Variant("0")}});
        const auto answer = Measurement(*connection, latency->Start(more)).wait();
        ASSERT_EQ(answer.state, "done") << answer.error_message;
    }
    void measure_baseline(Dictionary more = {}) {
        more.emplace("name", Variant("baseline"));
        measure(std::move(more));
    }

    /// One of the watch, to its end.
    Answer watch() { return Measurement(*connection, latency->Watch({})).wait(); }

    /// Makes measurement 1 another one, as it would be on another day.
    void rewrite_baseline(const std::function<void(nlohmann::json&)>& change) {
        restart([&] {
            const auto path = temp.path / "state/latency/1.json";
            auto json = nlohmann::json::parse(std::ifstream(path));
            change(json);
            std::ofstream(path) << json;
        });
    }
    /// Its windows become so many times as slow.
    void slow_down_baseline(double times) {
        rewrite_baseline([&](nlohmann::json& json) {
            for (auto& thread : json.at("thread"))
                for (auto& row : thread.at("windows").at("rows"))
                    for (const auto column : {4, 5, 6}) // p50, p99, max
                        row[column] = static_cast<std::int64_t>(row[column].get<double>() * times);
        });
    }
    /// A limit that it was below, and that whoever wakes breaks at once: each run of the watch is a regression then,
    /// and takes no time.
    void give_baseline_a_limit() {
        measure_baseline({{"break", Variant(std::uint32_t{1'000'000})}});
        rewrite_baseline([](nlohmann::json& json) { json.at("options").at("break_us") = 1; });
    }

    /// As the worker notes it when a deployment was accepted with that measurement.
    void accept(unsigned measurement) const {
        std::ofstream(temp.path / "state/acceptance.json")
            << R"({"plans": [], "pinned": [], "baseline": {"key": "", "measurement": )" << measurement << "}}";
    }

    Words listed() {
        Words paths;
        for (const auto& row : latency->List())
            paths.push_back(row.get<0>());
        return paths;
    }
    Ran rtnodectl(Words words) const {
        words.insert(words.begin(), {RTNODECTL, "--bus-address", address});
        return run(words);
    }
    bool regression() { return latency->LastWatch().at("regression").get<bool>(); }

    std::unique_ptr<Latency> latency;
};

} // namespace

TEST_F(WatchTest, AnAcceptedMeasurementStaysHoweverManyRunsFollow) {
    configure("[latency]\nkeep = 1\n");
    accept(1);
    for (int run = 0; run < 3; ++run)
        measure();
    restart(); // the oldest goes after the end of the newest was told; now it has gone
    EXPECT_THAT(listed(), ElementsAre("/org/rtnode1/measurement/1", "/org/rtnode1/measurement/3"));
}

TEST_F(WatchTest, TheNewestRunThatIsCalledTheBaselineStaysHoweverManyFollow) {
    configure("[latency]\nkeep = 1\n");
    measure_baseline();
    measure_baseline();
    for (int run = 0; run < 3; ++run)
        measure();
    restart(); // the oldest goes after the end of the newest was told; now it has gone
    EXPECT_THAT(listed(), ElementsAre("/org/rtnode1/measurement/2", "/org/rtnode1/measurement/5"));
    Measurement run(*connection, latency->Watch({}));
    run.Stop();
    run.wait();
}

TEST_F(WatchTest, MetricsThatAKilledDaemonDidNotFinishAreClearedAway) {
    const auto folder = temp.path / "metrics";
    // node_exporter reads all that ends in .prom, hidden or not; the first is of daemons that named it so.
    for (const auto* name : {".rtnode-7-rtnode.prom", ".rtnode-7-rtnode.prom.tmp", "others.prom"})
        std::ofstream(folder / name) << "half";
    configure("");
    latency->List(); // is answered once the daemon has begun
    Words names;
    for (const auto& entry : std::filesystem::directory_iterator(folder))
        names.push_back(entry.path().filename());
    EXPECT_THAT(names, testing::UnorderedElementsAre("rtnode.prom", "others.prom"));
}

TEST_F(WatchTest, WithoutABaselineItStaysAwayAndSaysHowToMakeOne) {
    measure(); // nobody called it one
    const auto error = error_of([&] { latency->Watch({}); });
    EXPECT_EQ(error.getName(), "org.rtnode1.Error.NoSuchMeasurement");
    EXPECT_THAT(error.getMessage(), AllOf(HasSubstr("rtnodectl accept"), HasSubstr("--name baseline")));
    const auto ran = rtnodectl({"latency", "check"});
    EXPECT_EQ(ran.status, 0) << "its timer's unit must not fail";
    EXPECT_THAT(ran.out, HasSubstr("--name baseline"));
    EXPECT_THAT(latency->LastWatch(), IsEmpty());
}

TEST_F(WatchTest, ItMeasuresAsItsBaselineWasMeasuredAndMakesWayForOthers) {
    measure_baseline({{"interval", Variant(std::uint32_t{500})}});
    Measurement run(*connection, latency->Watch({}));
    EXPECT_EQ(run.Interval(), 500U);
    EXPECT_EQ(run.Policy(), "other");
    EXPECT_EQ(run.Cpus(), std::vector<std::uint32_t>{0});
    EXPECT_EQ(run.Duration(), 10'000'000U);
    EXPECT_EQ(run.Name(), "regression watch");
    EXPECT_TRUE(run.Watch());
    EXPECT_EQ(error_of([&] { latency->Watch({}); }).getName(), "org.rtnode1.Error.CpuBusy") << "one at a time";

    Measurement other(*connection, latency->Start({{"duration", Variant("1h")}, {"policy", Variant("other")}}));
    EXPECT_EQ(run.wait().result.at("end").get<std::string>(), "stopped");
    EXPECT_FALSE(other.Watch());
    EXPECT_THAT(latency->LastWatch(), IsEmpty()) << "what it had measured by then isn't judged";
    const auto ran = rtnodectl({"latency", "check"});
    EXPECT_EQ(ran.status, 0) << ran.out;
    EXPECT_THAT(ran.out, HasSubstr("another measurement is running"));
    other.Stop();
    other.wait();
}

TEST_F(WatchTest, AStartThatIsRefusedLeavesItRunning) {
    measure_baseline();
    Measurement run(*connection, latency->Watch({}));
    const auto refused = [&](Dictionary more) {
        more.merge(Dictionary{{"duration", Variant("1s")}, {"policy", Variant("other")}, {"cpus", Variant("0")}});
        return error_of([&] { latency->Start(more); }).getName();
    };
    EXPECT_EQ(refused({{"interval", Variant(std::uint32_t{10})}}), "org.rtnode1.Error.IntervalTooShort");
    EXPECT_EQ(refused({{"load", Variant(std::uint32_t{2000})}}), "org.rtnode1.Error.InvalidArgument");
    const auto results = temp.path / "state/latency";
    std::filesystem::permissions(results, std::filesystem::perms(0777));
    EXPECT_EQ(refused({}), "org.rtnode1.Error.UnsafeFolder");
    std::filesystem::permissions(results, std::filesystem::perms(0755));
    EXPECT_EQ(run.State(), "running");
    run.Stop();
    run.wait();
}

TEST_F(WatchTest, ItStaysAwayWhileAJobWorks) {
    measure_baseline();
    Job job(*connection, manager->start({"hang"}));
    const auto error = error_of([&] { latency->Watch({}); });
    EXPECT_EQ(error.getName(), "org.rtnode1.Error.CpuBusy");
    EXPECT_THAT(error.getMessage(), HasSubstr("a job is queued or running"));
    job.Cancel();
    job.wait();
    Measurement run(*connection, latency->Watch({}));
    run.Stop();
    EXPECT_EQ(run.wait().state, "done");
}

TEST_F(WatchTest, ItIsShort) {
    for (const auto* duration : {"9s", "61s", "1h", "", "10"})
        EXPECT_EQ(error_of([&] {
                      latency->Watch({{"duration", Variant(duration)}});
                  }).getName(),
                  "org.rtnode1.Error.InvalidArgument")
            << duration;
    EXPECT_EQ(error_of([&] { latency->Watch({{"cpus", Variant("0")}}); }).getName(), "org.rtnode1.Error.UnknownOption");
}

TEST_F(WatchTest, ARegressionIsToldOnceWhenTwoRunsAgree) {
    configure("");
    give_baseline_a_limit();
    EXPECT_EQ(watch().result.at("end").get<std::string>(), "break");
    EXPECT_EQ(latency->LastWatch().at("verdict").get<std::string>(), "regression");
    EXPECT_FALSE(regression()) << "one may be chance";
    EXPECT_THAT(file("metrics/rtnode.prom"), HasSubstr("\nrtnode_latency_regression 0\n"));
    EXPECT_THAT(manager->Reasons(), IsEmpty());

    watch();
    ASSERT_TRUE(latency->watched.wait([&] { return !latency->regressions.empty(); }));
    EXPECT_EQ(latency->regressions[0].measurement, "/org/rtnode1/measurement/3");
    EXPECT_EQ(latency->regressions[0].baseline, "/org/rtnode1/measurement/1");
    EXPECT_EQ(latency->regressions[0].comparison.at("verdict").get<std::string>(), "regression");
    EXPECT_TRUE(regression());
    EXPECT_THAT(file("metrics/rtnode.prom"), HasSubstr("\nrtnode_latency_regression 1\n"));
    EXPECT_THAT(manager->Reasons(), ElementsAre(HasSubstr("latency is worse than in measurement 1")));
    EXPECT_EQ(manager->Condition(), "unconfigured") << "what no job can make right is no divergence";
    EXPECT_THAT(log(), HasSubstr("latency is worse than in measurement 1"));
    EXPECT_THAT(rtnodectl({"status"}).out, HasSubstr("latency is worse than in measurement 1"));

    const auto ran = rtnodectl({"latency", "check"});
    EXPECT_EQ(ran.status, 1) << ran.out;
    EXPECT_THAT(ran.out, AllOf(HasSubstr("Measurement 4 against 1: regression"), HasSubstr("Regression: latency is")));
    EXPECT_THAT(latency->regressions, SizeIs(1)) << "it lasts, and was told";
}

TEST_F(WatchTest, ARegressionLastsOverARestartAndEndsWithAnotherBaseline) {
    configure("[latency]\nwatch-confirmations = 1\n");
    give_baseline_a_limit();
    watch();
    EXPECT_TRUE(regression());
    restart();
    EXPECT_TRUE(regression());
    EXPECT_THAT(manager->Reasons(), SizeIs(1));
    measure({{"duration", Variant("200ms")}, {"interval", Variant(slow_pace)}});
    accept(3);
    Measurement run(*connection, latency->Watch({}));
    EXPECT_EQ(run.Cpus(), std::vector<std::uint32_t>{0});
    EXPECT_EQ(run.wait().result.at("end").get<std::string>(), "duration") << "measurement 3 has no limit";
    EXPECT_EQ(latency->LastWatch().at("baseline").get<ObjectPath>(), "/org/rtnode1/measurement/3");
    EXPECT_FALSE(regression());
    EXPECT_THAT(manager->Reasons(), IsEmpty());
}

TEST_F(WatchTest, ItSaysNothingOfANodeThatHasChanged) {
    configure("[latency]\nwatch-confirmations = 1\n");
    give_baseline_a_limit();
    watch();
    restart([&] {
        const auto path = temp.path / "state/latency-watch.json";
        auto json = nlohmann::json::parse(std::ifstream(path));
        json.at("conditions") = "kernel another\n";
        std::ofstream(path) << json;
    });
    EXPECT_THAT(latency->LastWatch(), IsEmpty());
    EXPECT_THAT(manager->Reasons(), IsEmpty());
    rewrite_baseline([](nlohmann::json& json) { json.at("sysinfo").at("release") = "another"; });
    EXPECT_EQ(error_of([&] { latency->Watch({}); }).getName(), "org.rtnode1.Error.NoSuchMeasurement");
}

TEST_F(WatchTest, ItsRunsAreNobodysBaselineAndHaveACountOfTheirOwn) {
    configure("[latency]\nkeep = 2\nwatch-keep = 1\n");
    give_baseline_a_limit();
    for (int run = 0; run < 3; ++run)
        watch();
    EXPECT_THAT(error_of([&] { latency->Compare("1", "", {}); }).getName(), "none") << "the newest on request is 1";
    EXPECT_EQ(latency->Compare("1", "", {}).at("b").get<ObjectPath>(), "/org/rtnode1/measurement/1");
    EXPECT_THAT(file("metrics/rtnode.prom"), Not(HasSubstr("name=\"regression watch\"")));
    for (int run = 0; run < 3; ++run)
        measure();
    restart();
    EXPECT_THAT(listed(), ElementsAre("/org/rtnode1/measurement/1", "/org/rtnode1/measurement/4",
                                      "/org/rtnode1/measurement/6", "/org/rtnode1/measurement/7"))
        << "what it compares with stays";
}

TEST_F(WatchTest, FiguresThatAreSeveralTimesWorseAreARegressionAndItEnds) {
    configure("[latency]\nwatch-confirmations = 1\n");
    measure_baseline({{"duration", Variant("10s")}, {"interval", Variant(slow_pace)}});
    slow_down_baseline(0.001);
    watch();
    EXPECT_TRUE(regression());
    const auto last = latency->LastWatch();
    const auto figures = last.at("figures").get<std::vector<Dictionary>>();
    const auto p50 = std::ranges::find_if(
        figures, [](const auto& figure) { return figure.at("name").template get<std::string>() == "p50"; });
    ASSERT_NE(p50, figures.end());
    EXPECT_GT(p50->at("low").get<double>(), 1.25);
    EXPECT_THAT(file("metrics/rtnode.prom"), HasSubstr("\nrtnode_latency_watch_ratio{figure=\"p50\"} "));
    EXPECT_EQ(run({"sh", "-c", "promtool check metrics < " + (temp.path / "metrics/rtnode.prom").string()}).status, 0);

    slow_down_baseline(1e6); // a thousand times what it was
    watch();
    EXPECT_EQ(latency->LastWatch().at("verdict").get<std::string>(), "improvement");
    EXPECT_FALSE(regression());
    EXPECT_THAT(log(), HasSubstr("latency is as in measurement 1 again"));
}
