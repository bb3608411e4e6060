// Measurements over the bus. Policy "other": these tests also run where no real-time priority is to be had.

#include "fixture.hpp"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <fstream>
#include <iostream>
#include <iterator>
#include <thread>

using namespace rtnode::test;
using testing::AllOf;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;

namespace {

/// A file system of so many pages over a folder, for daemons that are started from now on and for nobody else.
class TinyDisk {
  public:
    TinyDisk(std::filesystem::path folder, int pages) : folder_(std::move(folder)) {
        // Mounts of this thread's own, which the programs that it starts inherit; once for all tests.
        static const bool own_mounts =
            ::unshare(CLONE_NEWNS) == 0 && ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0;
        const auto size = "mode=0755,size=" + std::to_string(pages * 4) + "k";
        if (!own_mounts || ::mount("tmpfs", folder_.c_str(), "tmpfs", 0, size.c_str()) != 0)
            throw std::runtime_error("this test must be able to mount: " + std::string(std::strerror(errno)));
    }
    ~TinyDisk() { ::umount2(folder_.c_str(), MNT_DETACH); }
    TinyDisk(const TinyDisk&) = delete;
    TinyDisk& operator=(const TinyDisk&) = delete;

    void make_room() {
        if (::mount(nullptr, folder_.c_str(), nullptr, MS_REMOUNT, "size=16m") != 0)
            throw std::runtime_error("remounting: " + std::string(std::strerror(errno)));
    }

  private:
    std::filesystem::path folder_;
};

/// What a process holds.
struct Footprint {
    explicit Footprint(pid_t process) {
        const auto folder = "/proc/" + std::to_string(process);
        const std::filesystem::directory_iterator entries(folder + "/fd");
        descriptors = std::distance(begin(entries), end(entries));
        std::ifstream status(folder + "/status");
        for (std::string line; std::getline(status, line);) {
            if (line.starts_with("VmRSS:")) kib = std::stol(line.substr(6));
            if (line.starts_with("Threads:")) threads = std::stol(line.substr(8));
        }
    }

    std::ptrdiff_t descriptors = 0;
    long kib = 0, threads = 0;
};

/// That a process holds no more than before, whatever was asked of it a hundred times or more since.
void expect_not_grown(const Footprint& before, const Footprint& after) {
    EXPECT_LT(after.descriptors, before.descriptors + 10) << "it may be reading a file just now";
    EXPECT_EQ(after.threads, before.threads);
    EXPECT_GT(before.kib, 0);
#if !defined(__SANITIZE_ADDRESS__) // it keeps what was freed for a while
    EXPECT_LT(after.kib, before.kib + 4096);
#endif
}

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

    /// Starts as often, by calls that don't wait for each other: a hundred at a time, of which the bus lets a client
    /// have 128. @returns how often each error came; "" = none
    std::map<std::string, int> starts(const Dictionary& asked, int calls) {
        constexpr int at_once = 100;
        Watched watched;
        int answered = 0;
        std::map<std::string, int> errors;
        const auto proxy = sdbus::createProxy(*connection, "org.rtnode1", "/org/rtnode1/latency");
        for (int sent = 0; sent < calls;) {
            for (const int last = std::min(sent + at_once, calls); sent < last; ++sent)
                proxy->callMethodAsync("Start")
                    .onInterface("org.rtnode1.Latency")
                    .withArguments(asked)
                    .uponReplyInvoke([&](const sdbus::Error* error, const ObjectPath&) {
                        watched.change([&] {
                            ++answered;
                            ++errors[error == nullptr ? "" : error->getName()];
                        });
                    });
            if (!watched.wait([&] { return answered == sent; })) throw std::runtime_error("Start isn't answered");
        }
        return errors;
    }

    /// The daemon again. @param meanwhile what is done while no daemon runs
    void restart(const std::function<void()>& meanwhile = {}, int signal = SIGTERM) {
        latency.reset();
        EXPECT_EQ(stop_daemon(signal), signal == SIGKILL ? 128 + SIGKILL : 0);
        if (meanwhile) meanwhile();
        begin();
    }
    /// The daemon again, on a disk without room for a result. @param pages two are enough to count the runs
    std::unique_ptr<TinyDisk> begin_on_full_disk(int pages = 2) {
        std::unique_ptr<TinyDisk> disk;
        restart([&] { disk = std::make_unique<TinyDisk>(results(), pages); });
        return disk;
    }
    std::filesystem::path results() const { return temp.path / "state/latency"; }

    /// A short run to its end. @returns its path
    ObjectPath measure() {
        const auto path = latency->Start(options("50ms", {{"cpus", Variant("0")}}));
        EXPECT_EQ(Measurement(*connection, path).wait().state, "done");
        return path;
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
    EXPECT_THAT(run.GetReport("json"), HasSubstr("\"end\": \"running\"")) << "as far as it has come";
    EXPECT_THAT(run.GetReport("html"), HasSubstr("<html"));
    EXPECT_EQ(refusal(options("1s", {{"cpus", Variant("0")}})), "org.rtnode1.Error.CpuBusy");
    run.Stop();
    EXPECT_EQ(run.wait().result.at("end").get<std::string>(), "stopped");
}

TEST_F(LatencyTest, ResultsStayReadableAfterARestart) {
    const auto path = latency->Start(options("50ms", {{"cpus", Variant("0")}}));
    Measurement(*connection, path).wait();
    restart();
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

TEST_F(LatencyTest, SpikesAreTold) {
    Measurement run(*connection, latency->Start(options("1h", {{"cpus", Variant("0")},
                                                               {"interval", Variant(std::uint32_t{10'000})},
                                                               {"spike", Variant(std::uint32_t{1})}})));
    ASSERT_TRUE(run.watched.wait([&] { return !run.spikes.empty(); }));
    run.Stop();
    const auto answer = run.wait();
    EXPECT_GT(run.spikes[0].late, 1000);
    EXPECT_GT(run.spikes[0].realtime, 1'700'000'000'000'000'000) << "ns since the epoch";
    EXPECT_GE(answer.result.at("spikes").get<std::uint64_t>(), run.spikes.size());
    EXPECT_THAT(run.GetReport("json"), HasSubstr("\"monotonic_ns\""));
    EXPECT_GT(run.Spikes().at(0), 0U);
}

TEST_F(LatencyTest, ASnapshotIsAFileThatNobodyCanChange) {
    Measurement run(*connection, latency->Start(options("1h", {{"cpus", Variant("0")}})));
    const auto file = run.Snapshot();
    EXPECT_EQ(::fcntl(file.get(), F_GET_SEALS), F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE);
    std::string text(static_cast<std::size_t>(::lseek(file.get(), 0, SEEK_END)), '\0');
    ASSERT_EQ(::pread(file.get(), text.data(), text.size(), 0), static_cast<ssize_t>(text.size()));
    EXPECT_THAT(text, HasSubstr("\"end\": \"running\""));
    run.Stop();
    run.wait();
}

TEST_F(LatencyTest, RunsAreComparedByNumberAndByTheStateBefore) {
    const auto compare = [&](const char* a, const char* b) { return latency->Compare(a, b, {}); };
    EXPECT_EQ(error_of([&] { compare("1", ""); }).getName(), "org.rtnode1.Error.NoSuchMeasurement");
    for (int i = 0; i < 2; ++i)
        Measurement(*connection, latency->Start(options("100ms", {{"cpus", Variant("0")}}))).wait();
    const auto comparison = compare("1", "/org/rtnode1/measurement/2");
    EXPECT_EQ(comparison.at("a").get<ObjectPath>(), "/org/rtnode1/measurement/1");
    EXPECT_FALSE(comparison.at("reasons").get<std::vector<std::string>>().empty()) << "too short to say much";
    EXPECT_EQ(compare("baseline", "").at("a").get<ObjectPath>(), "/org/rtnode1/measurement/1");
    const auto none = error_of([&] { compare("previous", "2"); });
    EXPECT_EQ(none.getName(), "org.rtnode1.Error.NoSuchMeasurement");
    EXPECT_THAT(none.getMessage(), HasSubstr("under other conditions"));
    Measurement(*connection, latency->Start(options("150ms", {{"cpus", Variant("0")}}))).wait();
    EXPECT_EQ(error_of([&] { compare("previous", "3"); }).getName(), "org.rtnode1.Error.NoSuchMeasurement")
        << "another duration is no other condition";
    EXPECT_EQ(error_of([&] { compare("yesterday", ""); }).getName(), "org.rtnode1.Error.InvalidArgument");
    EXPECT_EQ(error_of([&] { compare("1", "77"); }).getName(), "org.rtnode1.Error.NoSuchMeasurement");
    EXPECT_EQ(error_of([&] {
                  latency->Compare("1", "2", {{"tolerance", Variant(2.0)}});
              }).getName(),
              "org.rtnode1.Error.InvalidArgument");
}

TEST_F(LatencyTest, ThousandsOfStartsAreAnsweredAndCostTheRunAndTheDaemonNothing) {
    Measurement run(*connection, latency->Start(options("1h", {{"cpus", Variant("0")}})));
    const auto busy = options("1s", {{"cpus", Variant("0")}});
    starts(busy, 300); // what is made once is there then
    const Footprint before(daemon->pid());
    EXPECT_THAT(starts(busy, 2000), ElementsAre(Pair("org.rtnode1.Error.CpuBusy", 2000)));
    EXPECT_THAT(starts(options("1 hour"), 1000), ElementsAre(Pair("org.rtnode1.Error.InvalidArgument", 1000)));
    expect_not_grown(before, Footprint(daemon->pid()));
    EXPECT_EQ(latency->List().size(), 1U);
    EXPECT_EQ(run.State(), "running");
    run.Stop();
    EXPECT_EQ(run.wait().result.at("end").get<std::string>(), "stopped");
}

TEST_F(LatencyTest, RunsThatEndedMakeRoomForNewOnes) {
    std::ofstream(temp.path / "config/a.toml") << "[latency]\nkeep = 3\n";
    daemon->signal(SIGHUP);
    const auto run_often = [&](int times) {
        for (int i = 0; i < times; ++i)
            EXPECT_EQ(Measurement(*connection, latency->Start(options("2ms", {{"cpus", Variant("0")}}))).wait().state,
                      "done");
    };
    run_often(5);
    const Footprint before(daemon->pid());
    run_often(25);
    expect_not_grown(before, Footprint(daemon->pid()));
    // The oldest goes after the end of the newest is told.
    EXPECT_THAT(latency->List().size(), AllOf(testing::Ge(3U), testing::Le(4U)));
    EXPECT_EQ(latency->List().back().get<0>(), "/org/rtnode1/measurement/30");
}

TEST_F(LatencyTest, AHistogramThatNoMemoryHoldsIsRefused) {
    const auto with = [](auto columns) {
        return options("50ms", {{"cpus", Variant("0")}, {"histogram", Variant(columns)}});
    };
    const Footprint before(daemon->pid());
    for (const std::uint32_t columns : {0U, 1'000'001U, 1'000'000'000U, 4'294'967'295U})
        EXPECT_EQ(refusal(with(columns)), "org.rtnode1.Error.InvalidArgument") << columns;
    EXPECT_THAT(error_of([&] { latency->Start(with(1'000'000'000U)); }).getMessage(),
                HasSubstr("a histogram of 1000000000 columns is out of range; give 1 to 1000000"));
    EXPECT_EQ(refusal(with(std::uint64_t{1'000'000'000'000})), "org.freedesktop.DBus.Error.InvalidArgs");
    EXPECT_TRUE(latency->List().empty());
    expect_not_grown(before, Footprint(daemon->pid()));
    Measurement largest(*connection, latency->Start(with(1'000'000U)));
    EXPECT_EQ(largest.wait().state, "done");
}

TEST_F(LatencyTest, DurationsThatMakeNoSenseAreRefusedAndNamed) {
    const std::string endless(100'000, '9');
    const Words nonsense{"",     "0s",      "0",     "-1s",      "s",        "1x",    "1.5s",
                         "1e3s", "0x10s",   " 1s",   "1s ",      "1s\n",     "1h1h",  "1s1h",
                         "∞",    "forever", "500us", "2562047h", "2562048h", endless, endless + "s"};
    for (const auto& duration : nonsense) {
        const auto error = error_of([&] { latency->Start(options(duration.c_str())); });
        EXPECT_EQ(error.getName(), "org.rtnode1.Error.InvalidArgument") << duration.substr(0, 20);
        EXPECT_THAT(error.getMessage(), HasSubstr("duration")) << duration.substr(0, 20);
    }
    EXPECT_EQ(refusal({{"duration", Variant(std::uint32_t{10})}}), "org.freedesktop.DBus.Error.InvalidArgs");
    EXPECT_EQ(
        refusal({{"loops", Variant(std::uint32_t{4'294'967'295})}, {"interval", Variant(std::uint32_t{1'000'000})}}),
        "org.rtnode1.Error.InvalidArgument")
        << "136 years, by another way";
    EXPECT_TRUE(latency->List().empty());
}

TEST_F(LatencyTest, AStrangerCanNotStopARun) {
    const std::string path = latency->Start(options("1h", {{"cpus", Variant("0")}}));
    Measurement run(*connection, ObjectPath(path));
    const Words stop{"call", "org.rtnode1", path, "org.rtnode1.Measurement", "Stop"};
    const auto refused = busctl(stop, {"setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"});
    EXPECT_NE(refused.status, 0);
    EXPECT_THAT(refused.out, AllOf(HasSubstr("uid 65534"), HasSubstr("org.rtnode1.measure")));
    EXPECT_NE(busctl(stop, {"unshare", "-Ur"}).status, 0) << "root of another user namespace";
    EXPECT_EQ(run.State(), "running");
    EXPECT_EQ(busctl(stop).status, 0);
    EXPECT_EQ(run.wait().result.at("end").get<std::string>(), "stopped");
}

TEST_F(LatencyTest, ADiskThatIsFullWhenARunEndsIsToldAndCostsNoOtherRun) {
    const auto disk = begin_on_full_disk();
    const auto start_other = [&](const char* cpu) {
        return std::make_unique<Measurement>(*connection, latency->Start(options("1h", {{"cpus", Variant(cpu)}})));
    };
    std::unique_ptr<Measurement> other;
    if (std::thread::hardware_concurrency() > 1)
        other = start_other("1");
    else
        std::cout << "[ one CPU  ] the other run begins after the first one's end\n";
    Measurement run(*connection, latency->Start(options("50ms", {{"cpus", Variant("0")}, {"name", Variant("lost")}})));
    const auto answer = run.wait();
    EXPECT_THAT(answer.error_message, AllOf(HasSubstr("could not be stored"), HasSubstr("no space is left there")));
    EXPECT_EQ(run.State(), "failed");
    EXPECT_TRUE(run.Files().empty());
    Words left;
    for (const auto& entry : std::filesystem::directory_iterator(results()))
        left.push_back(entry.path().filename());
    EXPECT_THAT(left, ElementsAre("next")) << "nothing half-written";

    if (!other) other = start_other("0");
    EXPECT_EQ(other->State(), "running");
    disk->make_room();
    other->Stop();
    EXPECT_EQ(other->wait().result.at("end").get<std::string>(), "stopped");
    EXPECT_EQ(other->Files().size(), 2U);
    EXPECT_EQ(latency->List().size(), 2U);
    EXPECT_THAT(log(), HasSubstr("could not be stored"));
}

TEST_F(LatencyTest, AResultThatFoundNoRoomCanStillBeReported) {
    const auto disk = begin_on_full_disk();
    Measurement run(*connection, latency->Start(options("50ms", {{"cpus", Variant("0")}})));
    EXPECT_EQ(run.wait().error_name, "org.rtnode1.Error.NoSpace");
    EXPECT_THAT(run.GetReport("json"), HasSubstr("\"end\": \"duration\""));
    EXPECT_THAT(run.GetReport("cyclictest-2.4"), HasSubstr("# Max Latencies:"));
}

TEST_F(LatencyTest, ARunThatCouldNotBeCountedIsRefused) {
    const auto disk = begin_on_full_disk(1); // the first number takes the page, and no second one fits beside it
    Measurement run(*connection, latency->Start(options("1h", {{"cpus", Variant("0")}})));
    EXPECT_EQ(refusal(options("50ms", {{"cpus", Variant("0")}})), "org.rtnode1.Error.NoSpace");
    EXPECT_EQ(run.State(), "running");
}

TEST_F(LatencyTest, ADamagedResultIsPassedOverWhereOthersAreLookedFor) {
    for (int run = 1; run <= 4; ++run)
        measure();
    restart([&] {
        for (const auto* damaged : {"2.json", "4.json"})
            std::ofstream(results() / damaged) << R"({"trunc)";
    });
    const ObjectPath path("/org/rtnode1/measurement/3");
    EXPECT_THAT(Measurement(*connection, path).GetReport("html"), HasSubstr("<html"));
    const auto comparison = latency->Compare("baseline", "", {});
    EXPECT_EQ(comparison.at("b").get<ObjectPath>(), path) << "the newest that can be read";
    EXPECT_EQ(comparison.at("a").get<ObjectPath>(), "/org/rtnode1/measurement/1");
    EXPECT_THAT(error_of([&] { latency->Compare("previous", "3", {}); }).getMessage(),
                HasSubstr("under other conditions"));
    const auto text = log();
    const auto said = text.find("2.json is damaged");
    ASSERT_NE(said, std::string::npos);
    EXPECT_EQ(text.find("2.json is damaged", said + 1), std::string::npos) << "once is enough";
}

TEST_F(LatencyTest, ANumberIsNeverUsedTwice) {
    const auto begin_run = [&] { return latency->Start(options("1h", {{"cpus", Variant("0")}})); };
    EXPECT_EQ(begin_run(), "/org/rtnode1/measurement/1");
    restart({}, SIGKILL);
    EXPECT_TRUE(latency->List().empty());
    EXPECT_EQ(measure(), "/org/rtnode1/measurement/2") << "who waits for 1 must not get another run";
    restart([&] { std::filesystem::remove(results() / "2.json"); });
    EXPECT_EQ(measure(), "/org/rtnode1/measurement/3");
}

TEST_F(LatencyTest, ADaemonThatIsStoppedKeepsWhatItHasMeasured) {
    const auto path = latency->Start(options("1h", {{"cpus", Variant("0")}}));
    {
        Measurement run(*connection, path);
        auto waiting = run.begin_wait();
        restart();
        ASSERT_EQ(waiting.wait_for(std::chrono::seconds(30)), std::future_status::ready);
        EXPECT_EQ(waiting.get().result.at("end").get<std::string>(), "stopped");
    }
    Measurement run(*connection, path);
    EXPECT_EQ(run.State(), "done");
    EXPECT_EQ(run.End(), "stopped");
    EXPECT_THAT(run.Invalid(), Contains(AllOf(HasSubstr("the daemon was stopped after "), HasSubstr(" of 1h"))));
    EXPECT_THAT(run.GetReport("cyclictest-2.4"), HasSubstr("# Max Latencies:"));
    EXPECT_THAT(log(), HasSubstr("measurement 1: the daemon was stopped after "));
}

TEST_F(LatencyTest, ATextThatCanNotBeWrittenCostsNoResult) {
    const auto texts = temp.path / "texts";
    restart([&] {
        std::ofstream(temp.path / "config/a.toml") << "[latency]\nresults-folder = \"" << texts.string() << "\"\n";
    });
    Measurement run(*connection, latency->Start(options("1h", {{"cpus", Variant("0")}})));
    std::filesystem::permissions(texts, std::filesystem::perms(0777)); // for whatever reason; this one is at hand
    run.Stop();
    const auto answer = run.wait();
    EXPECT_EQ(answer.state, "done") << answer.error_message;
    EXPECT_EQ(run.State(), "done");
    EXPECT_THAT(run.Files(), ElementsAre((results() / "1.json").string()));
    EXPECT_THAT(log(), HasSubstr("cyclictest's text of measurement 1 could not be written"));
    restart();
    EXPECT_EQ(Measurement(*connection, ObjectPath("/org/rtnode1/measurement/1")).State(), "done");
    EXPECT_EQ(refusal(options("1s")), "org.rtnode1.Error.UnsafeFolder");
}

TEST_F(LatencyTest, ATextBelongsToTheRunThatWroteItLast) {
    Measurement first(*connection, measure());
    EXPECT_EQ(first.Files().size(), 2U);
    measure();
    const auto files = [&](const char* number) {
        return Measurement(*connection, ObjectPath(std::string("/org/rtnode1/measurement/") + number)).Files();
    };
    const auto json = [&](const char* name) { return (results() / name).string(); };
    const auto expect_the_seconds = [&] {
        EXPECT_THAT(files("1"), ElementsAre(json("1.json")));
        EXPECT_THAT(files("2"), ElementsAre(json("2.json"), json("cyclictest_50ms.out")));
    };
    expect_the_seconds();
    restart();
    expect_the_seconds();
}
