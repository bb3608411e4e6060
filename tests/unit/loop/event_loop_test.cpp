#include "loop/event_loop.hpp"

#include "state/unique_fd.hpp"

#include <gtest/gtest.h>

#include <spawn.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <filesystem>
#include <fstream>
#include <thread>

using namespace rtnode;
using namespace std::chrono_literals;

TEST(EventLoop, RunsWhatIsPostedFromAnotherThread) {
    EventLoop loop;
    std::thread other([&] { loop.post([&] { loop.exit(7); }); });
    EXPECT_EQ(loop.run(), 7);
    other.join();
}

TEST(EventLoop, KeepsTheOrderOfPosts) {
    EventLoop loop;
    std::string order;
    for (const char c : {'a', 'b', 'c'})
        loop.post([&order, c] { order += c; });
    loop.post([&] { loop.exit(0); });
    loop.run();
    EXPECT_EQ(order, "abc");
}

TEST(EventLoop, GoesOnWhenACallbackThrows) {
    EventLoop loop;
    const auto bad = loop.timer(0us, [] { throw std::runtime_error("thrown by the test"); });
    loop.post([] { throw std::runtime_error("thrown by the test, too"); });
    const auto good = loop.timer(1ms, [&] { loop.exit(3); });
    EXPECT_EQ(loop.run(), 3);
}

TEST(EventLoop, ASourceMayBeDestroyedInItsOwnCallback) {
    EventLoop loop;
    EventLoop::Source source;
    std::string captured(100, 'x');
    source = loop.timer(0us, [&loop, &source, captured] {
        source = {};
        loop.exit(static_cast<int>(captured.size())); // the callback itself still lives
    });
    EXPECT_EQ(loop.run(), 100);
}

TEST(EventLoop, AStoppedSourceIsNotCalledAnyMore) {
    EventLoop loop;
    bool called = false;
    {
        const auto source = loop.timer(0us, [&] { called = true; });
    }
    const auto end = loop.timer(2ms, [&] { loop.exit(0); });
    loop.run();
    EXPECT_FALSE(called);
}

TEST(EventLoop, TellsHowAChildEnded) {
    EventLoop loop;
    pid_t pid = 0;
    const char* argv[] = {"sh", "-c", "exit 5", nullptr};
    ASSERT_EQ(posix_spawnp(&pid, "sh", nullptr, nullptr, const_cast<char**>(argv), environ), 0);
    const UniqueFd pidfd(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
    int status = -1;
    const auto source = loop.child(pidfd.get(), [&](const siginfo_t& info) {
        status = info.si_status;
        loop.exit(0);
    });
    loop.run();
    EXPECT_EQ(status, 5);
    EXPECT_EQ(waitpid(pid, nullptr, WNOHANG), -1) << "the loop has reaped it";
}

TEST(EventLoop, HandlesSignals) {
    EventLoop loop;
    const auto source = loop.on_signal(SIGHUP, [&] { loop.exit(1); });
    loop.post([] { kill(getpid(), SIGHUP); });
    EXPECT_EQ(loop.run(), 1);
}

TEST(EventLoop, WatchesFolders) {
    EventLoop loop;
    char path[] = "/tmp/rtnode-loop-XXXXXX";
    ASSERT_NE(mkdtemp(path), nullptr);
    const auto source = loop.watch_path(path, IN_CREATE, [&](const inotify_event&) { loop.exit(4); });
    std::ofstream(std::string(path) + "/file") << "x";
    EXPECT_EQ(loop.run(), 4);
    std::filesystem::remove_all(path);
}
