// Jobs over the bus; the worker is a stand-in.

#include "fixture.hpp"

#include <fcntl.h>

#include <csignal>
#include <fstream>
#include <sstream>

using namespace rtnode::test;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

namespace {

class JobTest : public BusTest {
  protected:
    JobTest() { start_daemon(); }

    /// The job's process: the daemon's only child.
    pid_t worker() const {
        std::ifstream children("/proc/" + std::to_string(daemon->pid()) + "/task/" + std::to_string(daemon->pid()) +
                               "/children");
        pid_t pid = 0;
        children >> pid;
        return pid;
    }
};

constexpr const char* prefix = "org.rtnode1.Error.";

} // namespace

TEST_F(JobTest, GoesFromRequestToResult) {
    const auto path = manager->start({"succeed"});
    EXPECT_EQ(path, "/org/rtnode1/job/1");
    Job job(*connection, path);
    const auto answer = job.wait();
    EXPECT_EQ(answer.state, "done");
    EXPECT_EQ(answer.result.at("checksum").get<std::string>(), "abc");
    EXPECT_TRUE(answer.result.at("staged").get<bool>());
    EXPECT_EQ(answer.result.at("freed").get<std::uint64_t>(), 12U);
    EXPECT_EQ(answer.result.at("delta").get<std::int64_t>(), -3);
    const auto plan = answer.result.at("plan").get<Dictionary>();
    EXPECT_THAT(plan.at("warnings").get<std::vector<std::string>>(), IsEmpty());
    EXPECT_EQ(plan.at("packages").get<std::vector<Dictionary>>().at(0).at("after").get<std::string>(), "a-1-1.noarch");
    EXPECT_EQ(job.Percent(), 100U);
    EXPECT_EQ(job.Kind(), "override");
    EXPECT_THAT(job.Caller(), HasSubstr("uid 0, pid " + std::to_string(getpid())));
    const auto [lines, next] = job.GetLog(0);
    EXPECT_THAT(lines, ElementsAre("Resolving dependencies... done (2 packages)", "Deploying... done"));
    EXPECT_EQ(next, 2U);
    EXPECT_TRUE(manager->watched.wait([&] { return manager->signals.size() == 2; }));
    EXPECT_THAT(manager->signals, ElementsAre("new 1", "removed 1 done"));
    EXPECT_THAT(manager->Jobs(), ElementsAre(path));
    EXPECT_EQ(manager->GetManagedObjects().count(path), 1U);
}

TEST_F(JobTest, AnswersWaitWithItsOwnError) {
    Job job(*connection, manager->start({"fail"}));
    const auto answer = job.wait();
    EXPECT_EQ(answer.error_name, std::string(prefix) + "NoSuchPackage");
    EXPECT_EQ(answer.error_message, job.ErrorMessage());
    EXPECT_EQ(job.State(), "failed");
}

TEST_F(JobTest, IsCanceledWhileItRuns) {
    Job job(*connection, manager->start({"hang"}));
    ASSERT_TRUE(job.reaches("Step", "Resolving dependencies"));
    EXPECT_EQ(manager->Activity(), "working");
    job.Cancel();
    EXPECT_EQ(job.wait().error_name, std::string(prefix) + "Canceled");
    EXPECT_EQ(job.State(), "canceled");
    EXPECT_EQ(error_of([&] { job.Cancel(); }).getName(), std::string(prefix) + "TooLate");
}

TEST_F(JobTest, IsTooLateToCancelInTheDeployStep) {
    Job job(*connection, manager->start({"deploy-and-hang"}));
    ASSERT_TRUE(job.reaches("Step", "Deploying"));
    EXPECT_EQ(error_of([&] { job.Cancel(); }).getName(), std::string(prefix) + "TooLate");
}

TEST_F(JobTest, AThousandCallsFillTheQueueAndTheDaemonStaysResponsive) {
    Job first(*connection, manager->start({"hang"}));
    ASSERT_TRUE(first.reaches("Step", "Resolving dependencies"));
    unsigned accepted = 0, full = 0;
    for (int i = 0; i < 1000; ++i) {
        try {
            manager->start({"succeed"});
            ++accepted;
        } catch (const sdbus::Error& e) {
            ASSERT_EQ(e.getName(), std::string(prefix) + "QueueFull") << e.getMessage();
            ++full;
        }
    }
    EXPECT_EQ(accepted, 16U);
    EXPECT_EQ(full, 984U);
    EXPECT_EQ(manager->Jobs().size(), 17U);
    Job last(*connection, ObjectPath("/org/rtnode1/job/17"));
    auto answer = last.begin_wait();
    first.Cancel();
    EXPECT_EQ(answer.get().state, "done");
}

TEST_F(JobTest, AKilledWorkerIsToldAndTheNextJobWorks) {
    Job job(*connection, manager->start({"hang"}));
    ASSERT_TRUE(job.reaches("Step", "Resolving dependencies"));
    ASSERT_GT(worker(), 0);
    kill(worker(), SIGKILL);
    const auto answer = job.wait();
    EXPECT_EQ(answer.error_name, std::string(prefix) + "WorkerDied");
    EXPECT_THAT(answer.error_message, HasSubstr("signal 9"));
    EXPECT_EQ(Job(*connection, manager->start({"succeed"})).wait().state, "done");
    EXPECT_EQ(file("state/cleaned"), "cleaned\n");
}

TEST_F(JobTest, AKilledDaemonLeavesNoWorkerAndRecovers) {
    Job job(*connection, manager->start({"hang"}));
    const auto waiting = manager->start({"succeed"});
    ASSERT_TRUE(job.reaches("Step", "Resolving dependencies"));
    const auto orphan = worker();
    auto answer = job.begin_wait();
    job.State(); // answered after the Wait was taken
    stop_daemon(SIGKILL);
    EXPECT_EQ(answer.get().error_name, "org.freedesktop.DBus.Error.NoReply");
    start_daemon();
    // The kernel killed the worker with the daemon; it may be a zombie for a moment of whoever adopted it.
    std::ifstream stat("/proc/" + std::to_string(orphan) + "/stat");
    std::string number, name, state = "gone";
    stat >> number >> name >> state;
    EXPECT_THAT(state, testing::AnyOf("gone", "Z", "X"));
    for (const auto& path : {ObjectPath("/org/rtnode1/job/1"), waiting}) {
        Job again(*connection, path);
        EXPECT_EQ(again.State(), "interrupted");
        EXPECT_EQ(again.wait().error_name, std::string(prefix) + "Interrupted");
    }
    EXPECT_EQ(manager->start({"succeed"}), "/org/rtnode1/job/3");
    EXPECT_EQ(Job(*connection, ObjectPath("/org/rtnode1/job/3")).wait().state, "done");
    EXPECT_EQ(file("state/cleaned"), "cleaned\n");
}

TEST_F(JobTest, AStopDuringWaitAnswersInterrupted) {
    Job job(*connection, manager->start({"hang"}));
    ASSERT_TRUE(job.reaches("Step", "Resolving dependencies"));
    auto answer = job.begin_wait();
    job.State(); // answered after the Wait was taken
    EXPECT_EQ(stop_daemon(SIGTERM), 0);
    EXPECT_EQ(answer.get().error_name, std::string(prefix) + "Interrupted");
    start_daemon();
    EXPECT_EQ(Job(*connection, ObjectPath("/org/rtnode1/job/1")).State(), "interrupted");
}

TEST_F(JobTest, StaysReadableAfterARestart) {
    Job(*connection, manager->start({"succeed"})).wait();
    EXPECT_EQ(stop_daemon(), 0);
    start_daemon();
    Job job(*connection, ObjectPath("/org/rtnode1/job/1"));
    EXPECT_EQ(job.wait().result.at("checksum").get<std::string>(), "abc");
    EXPECT_EQ(std::get<0>(job.GetLog(1)).size(), 1U);
}

TEST_F(JobTest, PassesOpenFilesToTheWorker) {
    std::ofstream(temp.path / "a") << "first";
    std::ofstream(temp.path / "b") << "second";
    const auto open = [&](const char* name) {
        return sdbus::UnixFd(::open((temp.path / name).c_str(), O_RDONLY | O_CLOEXEC), sdbus::adopt_fd);
    };
    Job job(*connection, manager->OverrideFiles({open("a")}, {"read-files"}, {open("b")}, {}));
    const auto answer = job.wait();
    EXPECT_THAT(answer.result.at("files").get<std::vector<std::string>>(), ElementsAre("first", "second"));
}

TEST_F(JobTest, RefusesADescriptorThatCannotBeRead) {
    const sdbus::UnixFd written(::open((temp.path / "w").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600),
                                sdbus::adopt_fd);
    EXPECT_EQ(error_of([&] { manager->OverrideFiles({written}, {"read-files"}, {}, {}); }).getName(),
              std::string(prefix) + "InvalidArgument");
}

TEST_F(JobTest, GivesTheWorkerWhatWasAskedFor) {
    Job job(*connection, manager->Override({"/a.rpm"}, {"show"}, {"b"},
                                           {{"dry-run", Variant(true)},
                                            {"kernel", Variant("rt")},
                                            {"append-kernel-arguments", Variant(std::vector<std::string>{"x=1", "y"})},
                                            {"version", Variant("9.9")}}));
    const auto order = job.wait().result.at("order").get<std::string>();
    for (const auto* part :
         {R"("replace":["/a.rpm"])", R"("install":["b"])", R"("dry-run":true)", R"("kernel":"rt")",
          R"("append-kernel-arguments":["x=1","y"])", R"("version":"9.9")", R"("private-node":true)"})
        EXPECT_THAT(order, HasSubstr(part));
}

TEST_F(JobTest, KeepsSecretsOfUrlsToTheWorkerAlone) {
    Job job(*connection,
            manager->Override({"https://user:secret@host/a.rpm?token=secret#sha256=00"}, {"show"}, {}, {}));
    EXPECT_THAT(job.wait().result.at("order").get<std::string>(), HasSubstr("user:secret@host/a.rpm?token=secret"));
    const auto stored = file("state/jobs/1.json");
    EXPECT_THAT(stored.substr(stored.find("\"request\""), stored.find("\"result\"") - stored.find("\"request\"")),
                testing::AllOf(HasSubstr("https://host/a.rpm#sha256=00"), Not(HasSubstr("secret"))));
    EXPECT_THAT(log(), Not(HasSubstr("secret")));
}

TEST_F(JobTest, RefusesWhatIsNotInTheTableOfOptions) {
    const auto unknown = error_of([&] { manager->start({"succeed"}, {{"dryrun", Variant(true)}}); });
    EXPECT_EQ(unknown.getName(), std::string(prefix) + "UnknownOption");
    EXPECT_THAT(unknown.getMessage(),
                testing::AllOf(HasSubstr("'dryrun'"), HasSubstr("dry-run (b)"), HasSubstr("allow-unsigned (b)")));
    const auto wrong = error_of([&] { manager->start({"succeed"}, {{"dry-run", Variant("yes")}}); });
    EXPECT_EQ(wrong.getName(), "org.freedesktop.DBus.Error.InvalidArgs");
    EXPECT_THAT(wrong.getMessage(), HasSubstr("must be of type b, not s"));
    EXPECT_EQ(error_of([&] {
                  manager->Rollback({{"kernel", Variant("rt")}});
              }).getName(),
              std::string(prefix) + "UnknownOption");
    EXPECT_THAT(manager->Jobs(), IsEmpty());
}

TEST_F(JobTest, RefusesMalformedArguments) {
    const auto refused = [&](const std::function<void()>& call) {
        EXPECT_EQ(error_of(call).getName(), std::string(prefix) + "InvalidArgument");
    };
    refused([&] { manager->Override({"fd:0"}, {}, {}, {}); });
    refused([&] { manager->Override({""}, {}, {}, {}); });
    refused([&] { manager->Override({"a\nb"}, {}, {}, {}); });
    refused([&] { manager->Override({std::string(9000, 'a')}, {}, {}, {}); });
    refused([&] { manager->Override(std::vector<std::string>(1001, "a"), {}, {}, {}); });
    refused([&] { manager->start({"succeed"}, {{"kernel", Variant("fast")}}); });
    refused([&] { manager->start({"succeed"}, {{"os", Variant("../x")}}); });
    refused([&] { manager->start({"succeed"}, {{"expected-plan", Variant("xyz")}}); });
    EXPECT_THAT(manager->Jobs(), IsEmpty());
}

TEST_F(JobTest, OfANodeInAFolderNeverReboots) {
    for (const auto& call :
         std::vector<std::function<void()>>{[&] { manager->Reboot({}); }, [&] { manager->CancelReboot(); },
                                            [&] {
                                                manager->start({"succeed"}, {{"reboot", Variant(true)}});
                                            }})
        EXPECT_EQ(error_of(call).getName(), std::string(prefix) + "RebootUnavailable");
    EXPECT_THAT(manager->Jobs(), IsEmpty());
}

TEST_F(JobTest, CanBeDrivenWithBusctl) {
    const auto call = [&](Words words) { return busctl(words); };
    auto started = call({"call", "org.rtnode1", "/org/rtnode1", "org.rtnode1.Manager", "Override", "asasasa{sv}", "0",
                         "1", "succeed", "0", "1", "version", "s", "1.0"});
    EXPECT_EQ(started.out, "o \"/org/rtnode1/job/1\"\n");
    auto waited = call({"--timeout=infinity", "call", "org.rtnode1", "/org/rtnode1/job/1", "org.rtnode1.Job", "Wait"});
    EXPECT_EQ(waited.status, 0) << waited.out;
    EXPECT_THAT(waited.out, HasSubstr("sa{sv} \"done\""));
    call({"call", "org.rtnode1", "/org/rtnode1", "org.rtnode1.Manager", "Override", "asasasa{sv}", "0", "1", "fail",
          "0", "0"});
    waited = call({"--timeout=infinity", "call", "org.rtnode1", "/org/rtnode1/job/2", "org.rtnode1.Job", "Wait"});
    EXPECT_NE(waited.status, 0) << "scripts see a failed job in the exit status";
    EXPECT_THAT(waited.out, HasSubstr("package 'x' is in no enabled repository"));
}
