// The queue with a stand-in worker: real processes, no bus.

#include "jobs/outcome.hpp"
#include "jobs/queue.hpp"
#include "state/request.hpp"
#include "temp_folder.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fcntl.h>
#include <unistd.h>

#include <csignal>
#include <fstream>

using namespace rtnode;
using namespace rtnode::jobs;
using namespace std::chrono_literals;
using testing::HasSubstr;

namespace {

class QueueTest : public testing::Test, public Queue::Observer {
  protected:
    void SetUp() override { open(); }

    void open() {
        queue = std::make_unique<Queue>(*loop, Queue::Options{.folder = temp.path / "jobs",
                                                              .worker = STAND_IN_WORKER,
                                                              .boot_id = "boot",
                                                              .cleaning_order = [this] { return order({}, 0); },
                                                              .cancel_grace = 50ms});
        queue->recover();
        queue->observe(this);
    }

    std::string order(const Request& request, std::uint32_t id) const {
        WorkOrder work;
        work.job = id;
        work.request = request;
        work.state_dir = temp.path;
        return nlohmann::json(work).dump();
    }

    std::uint32_t submit(std::vector<std::string> script, std::vector<UniqueFd> files = {}) {
        Request request;
        request.remove = std::move(script);
        for (std::size_t i = 0; i < files.size(); ++i)
            request.install.push_back("fd:" + std::to_string(i));
        return queue->submit({.kind = "override",
                              .caller = "a test",
                              .request = nlohmann::json(request).dump(),
                              .files = std::move(files),
                              .order = [this, request](std::uint32_t id) { return order(request, id); }});
    }

    template <typename Condition>
    void run_until(Condition condition) {
        const auto end = std::chrono::steady_clock::now() + 30s; // a test that hangs fails
        while (!condition()) {
            ASSERT_LT(std::chrono::steady_clock::now(), end) << "nothing happened any more";
            loop->run_once(1s);
        }
    }

    void run_until_ended(std::uint32_t id) {
        run_until([&] { return ended(queue->find(id)->state); });
    }
    void run_until_step(std::uint32_t id, const std::string& step) {
        run_until([&] { return queue->find(id)->step == step; });
    }

    State state(std::uint32_t id) const { return queue->find(id)->state; }

    unsigned cleanings() const {
        std::ifstream file(temp.path / "cleaned");
        unsigned count = 0;
        for (std::string line; std::getline(file, line);)
            ++count;
        return count;
    }

    void job_added(const Job& job) override { events.push_back("added " + std::to_string(job.id)); }
    void job_changed(const Job& job) override {
        events.push_back(fmt::format("{} {}", job.id, name_of(job.state)));
        EXPECT_NE(JournalFolder(temp.path / "jobs").load().size(), 0U) << "on disk before anybody hears of it";
    }
    void job_progress(const Job& job) override {
        events.push_back(fmt::format("{} {}% {}", job.id, job.percent, job.step));
    }
    void job_forgotten(std::uint32_t id) override { forgotten.push_back(id); }

    TempFolder temp;
    std::unique_ptr<EventLoop> loop = std::make_unique<EventLoop>();
    std::unique_ptr<Queue> queue;
    std::vector<std::string> events;
    std::vector<std::uint32_t> forgotten;
};

} // namespace

TEST_F(QueueTest, AJobTellsItsWholeStory) {
    const auto id = submit({"succeed"});
    run_until_ended(id);
    EXPECT_EQ(events, (std::vector<std::string>{"added 1", "1 running", "1 10% Resolving dependencies",
                                                "1 90% Deploying", "1 done"}));
    EXPECT_EQ(queue->read_log(id, 0, 10),
              (std::vector<std::string>{"Resolving dependencies... done (2 packages)", "Deploying... done"}));
    EXPECT_THAT(queue->find(id)->result, HasSubstr(R"("checksum":"abc")"));
    EXPECT_EQ(queue->find(id)->percent, 100U);
}

TEST_F(QueueTest, JobsRunOneAfterTheOther) {
    const auto first = submit({"hang"});
    const auto second = submit({"succeed"});
    run_until_step(first, "Resolving dependencies");
    EXPECT_EQ(state(second), State::queued);
    queue->cancel(first);
    run_until_ended(second);
    EXPECT_EQ(state(first), State::canceled);
    EXPECT_EQ(state(second), State::done);
}

TEST_F(QueueTest, TheWorkersErrorIsTheJobs) {
    const auto id = submit({"fail"});
    run_until_ended(id);
    EXPECT_EQ(state(id), State::failed);
    EXPECT_EQ(queue->find(id)->error_name, "org.rtnode1.Error.NoSuchPackage");
    EXPECT_EQ(cleanings(), 0U) << "a worker that ends by itself has cleaned up";
}

TEST_F(QueueTest, ACrashNamesSignalAndLastWordsAndIsCleanedUpBeforeTheNextJob) {
    const auto id = submit({"crash"});
    const auto next = submit({"succeed"});
    run_until_ended(id);
    EXPECT_EQ(queue->find(id)->error_name, "org.rtnode1.Error.WorkerDied");
    EXPECT_THAT(queue->find(id)->error_message, HasSubstr("signal 6"));
    EXPECT_THAT(queue->find(id)->error_message, HasSubstr("out of luck"));
    EXPECT_EQ(state(next), State::queued);
    run_until_ended(next);
    EXPECT_EQ(cleanings(), 1U);
    EXPECT_EQ(state(next), State::done);
}

TEST_F(QueueTest, AnExitWithoutAWordIsAnError) {
    const auto id = submit({"leave"});
    run_until_ended(id);
    EXPECT_THAT(queue->find(id)->error_message, HasSubstr("status 3"));
}

TEST_F(QueueTest, AWorkerThatTalksNonsenseIsKilled) {
    const auto id = submit({"nonsense"});
    run_until_ended(id);
    EXPECT_EQ(state(id), State::failed);
    EXPECT_EQ(queue->find(id)->error_name, "org.rtnode1.Error.Internal");
}

TEST_F(QueueTest, AWorkerThatIgnoresTheCancelIsKilled) {
    const auto id = submit({"deaf"});
    run_until_step(id, "Ignoring signals");
    queue->cancel(id);
    EXPECT_EQ(state(id), State::canceling);
    run_until_ended(id);
    EXPECT_EQ(state(id), State::canceled);
}

TEST_F(QueueTest, TheDeployStepCannotBeCanceled) {
    const auto id = submit({"deploy-and-hang"});
    run_until_step(id, "Deploying");
    try {
        queue->cancel(id);
        FAIL();
    } catch (const Error& e) {
        EXPECT_EQ(e.reason(), Reason::TooLate);
    }
}

TEST_F(QueueTest, AnEndedJobCannotBeCanceled) {
    const auto id = submit({"succeed"});
    run_until_ended(id);
    EXPECT_THROW(queue->cancel(id), Error);
}

TEST_F(QueueTest, AQueuedJobIsCanceledAtOnce) {
    submit({"hang"});
    const auto id = submit({"succeed"});
    queue->cancel(id);
    EXPECT_EQ(state(id), State::canceled);
}

TEST_F(QueueTest, SixteenMayWait) {
    const auto running = submit({"hang"});
    run_until_step(running, "Resolving dependencies");
    for (std::size_t i = 0; i < Queue::max_queued; ++i)
        submit({"succeed"});
    try {
        submit({"succeed"});
        FAIL();
    } catch (const Error& e) {
        EXPECT_EQ(e.reason(), Reason::QueueFull);
    }
}

TEST_F(QueueTest, SixtyFourEndedJobsAreKept) {
    submit({"hang"});
    for (unsigned i = 0; i < 70; ++i)
        queue->cancel(submit({"succeed"}));
    EXPECT_EQ(queue->jobs().size(), 65U);
    EXPECT_EQ(forgotten, (std::vector<std::uint32_t>{2, 3, 4, 5, 6, 7}));
    EXPECT_FALSE(std::filesystem::exists(temp.path / "jobs/2.json"));
}

TEST_F(QueueTest, ARestartInterruptsAndCleansUp) {
    const auto running = submit({"hang"});
    const auto waiting = submit({"succeed"});
    run_until_step(running, "Resolving dependencies");
    queue.reset(); // as a kill would: nothing is written any more
    open();
    EXPECT_EQ(state(running), State::interrupted);
    EXPECT_EQ(state(waiting), State::interrupted);
    EXPECT_EQ(queue->find(running)->error_name, "org.rtnode1.Error.Interrupted");
    const auto next = submit({"succeed"});
    EXPECT_EQ(next, 3U);
    run_until_ended(next);
    EXPECT_EQ(cleanings(), 1U);
    EXPECT_EQ(state(next), State::done);
    EXPECT_EQ(state(waiting), State::interrupted) << "nothing resumes by itself";
}

TEST_F(QueueTest, EndedJobsStayReadableAfterARestart) {
    const auto id = submit({"succeed"});
    run_until_ended(id);
    const auto result = queue->find(id)->result;
    queue.reset();
    open();
    EXPECT_EQ(state(id), State::done);
    EXPECT_EQ(queue->find(id)->result, result);
    EXPECT_EQ(queue->read_log(id, 0, 10).size(), 2U);
}

TEST_F(QueueTest, WhatIsFoundOutLaterIsKeptWithTheJob) {
    const auto id = submit({"succeed"});
    run_until_ended(id);
    queue.reset();
    open();
    queue->annotate(id, "not-booted", "the node went down");
    queue.reset();
    open();
    EXPECT_EQ(state(id), State::done);
    EXPECT_THAT(queue->find(id)->result, HasSubstr(R"("checksum":"abc")"));
    EXPECT_THAT(queue->find(id)->result, HasSubstr(R"("not-booted":"the node went down")"));
    EXPECT_EQ(queue->read_log(id, 0, 10).back(), "later: the node went down");
}

TEST_F(QueueTest, TheLastJobThatMadeADeploymentSaysWhatIsIntended) {
    const auto made = [](std::uint32_t id, State state, const std::string& result) {
        Job job;
        job.id = id;
        job.state = state;
        job.result = result;
        return std::pair(id, job);
    };
    const std::map<std::uint32_t, Job> jobs{
        made(1, State::done, R"({"checksum":"a","kernel-arguments":["x"]})"),
        made(2, State::done, R"({"checksum":"b","kernel-arguments":["x"],"not-booted":"lost"})"),
        made(3, State::failed, "{}"),
        made(4, State::done, R"({"checksum":"a","kernel-arguments":[],"nothing-to-do":true})"),
    };
    const auto intended = last_intended(jobs);
    ASSERT_TRUE(intended);
    EXPECT_EQ(intended->job, 2U);
    EXPECT_EQ(intended->fate, "lost");
    EXPECT_FALSE(last_intended({}));
}

TEST_F(QueueTest, ShuttingDownEndsTheWorkerAndInterrupts) {
    const auto running = submit({"deaf"});
    const auto waiting = submit({"succeed"});
    run_until_step(running, "Ignoring signals");
    bool down = false;
    queue->shut_down([&] { down = true; });
    run_until([&] { return down; });
    EXPECT_EQ(state(running), State::interrupted);
    EXPECT_EQ(state(waiting), State::interrupted);
    EXPECT_THROW(submit({"succeed"}), Error);
}

TEST_F(QueueTest, TheWorkerGetsTheFilesTheOrderAndLittleElse) {
    std::ofstream(temp.path / "a.rpm") << "content of a";
    std::vector<UniqueFd> files;
    files.emplace_back(::open((temp.path / "a.rpm").c_str(), O_RDONLY | O_CLOEXEC));
    ::setenv("RTNODE_FAILPOINT", "here", 1);
    ::setenv("RTNODE_SECRET_OF_THE_DAEMON", "x", 1);
    const auto read = submit({"read-files"}, std::move(files));
    const auto show = submit({"show"});
    run_until_ended(show);
    ::unsetenv("RTNODE_FAILPOINT");
    EXPECT_THAT(queue->find(read)->result, HasSubstr("content of a"));
    const auto shown = nlohmann::json::parse(queue->find(show)->result);
    EXPECT_EQ(shown["descriptors"], (std::vector<std::string>{"0", "1", "2", "3", "4"}));
    EXPECT_THAT(shown["environment"].dump(), HasSubstr("RTNODE_FAILPOINT=here"));
    EXPECT_THAT(shown["environment"].dump(), testing::Not(HasSubstr("SECRET")));
}

TEST_F(QueueTest, AFloodOfLogLinesIsCutButTheEndIsTold) {
    const auto id = submit({"log", "10500"});
    run_until_ended(id);
    EXPECT_EQ(queue->read_log(id, 0, 20'000).size(), JournalFolder::max_tool_lines + 1);
    EXPECT_EQ(state(id), State::done);
}

TEST_F(QueueTest, AMissingWorkerFailsTheJobNotTheDaemon) {
    queue = std::make_unique<Queue>(*loop, Queue::Options{.folder = temp.path / "jobs",
                                                          .worker = temp.path / "nothing",
                                                          .boot_id = "boot",
                                                          .cleaning_order = [] { return "{}"; }});
    const auto id = submit({"succeed"});
    run_until_ended(id);
    EXPECT_EQ(state(id), State::failed);
    EXPECT_THAT(queue->find(id)->error_message, HasSubstr("nothing"));
}
