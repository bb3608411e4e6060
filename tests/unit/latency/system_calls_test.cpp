// The measuring loops make one system call a turn: a filter ends the process at any other.

#include "latency/loop.hpp"

#include <gtest/gtest.h>

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstddef>
#include <iterator>
#include <memory>

namespace rtnode::latency {
namespace {

/// Ends the process at any system call but the sleep, and the clock's where the vDSO can't read it.
void allow_only_sleep() {
    sock_filter program[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clock_nanosleep, 3, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clock_gettime, 2, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_exit_group, 1, 0),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    const sock_fprog filter{.len = std::size(program), .filter = program};
    ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    if (::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) != 0) ::_exit(3);
}

/// Runs the loop in a process of its own that may do nothing else, and expects that it recorded something.
/// @param prepare gives the loop; what that needs is made there, since locked memory doesn't come along into the
/// process
template <typename Prepare>
void expect_only_sleep(Prepare prepare) {
    const pid_t child = ::fork();
    if (child == 0) {
        Recorder recorder(400, 1);
        recorder.prefault();
        MonotonicClock clock;
        const std::atomic<bool> stop{false};
        auto loop = prepare(clock, recorder, stop);
        allow_only_sleep();
        loop();
        ::syscall(SYS_exit_group, recorder.cycles() > 0 ? 0 : 4);
    }
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_TRUE(WIFEXITED(status)) << "killed by signal " << WTERMSIG(status) << ": another system call";
    EXPECT_EQ(WEXITSTATUS(status), 0);
}

TEST(MeasuringLoop, MakesNoSystemCallButTheSleepAlsoForHardware) {
    expect_only_sleep([](MonotonicClock& clock, Recorder& recorder, const std::atomic<bool>& stop) {
        return [&, gaps = std::make_unique<Gaps>(), first = clock.now() + 1'000'000] {
            run_hardware_loop(clock, first, first + hardware_window_ns + 1'000'000, 1000, recorder, *gaps, stop);
        };
    });
}

TEST(MeasuringLoop, MakesNoSystemCallButTheSleep) {
    expect_only_sleep([](MonotonicClock& clock, Recorder& recorder, const std::atomic<bool>& stop) {
        return [&, pace = Pace(clock.now() + 1'000'000, 200'000, 100)] { run_loop(clock, pace, recorder, 0, stop); };
    });
}

} // namespace
} // namespace rtnode::latency
