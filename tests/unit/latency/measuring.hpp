#pragma once
// For the tests that measure: real threads on the real clock. Where the kernel allows SCHED_FIFO it is used, else
// policy other; each test says which. Accounting is asserted, never a latency.

#include "latency/housekeeping.hpp"
#include "latency/loop.hpp"
#include "latency/measurement.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <iostream>
#include <string>
#include <thread>

namespace rtnode::latency {

using namespace std::chrono_literals;

/// Asks the kernel, by doing it to a thread of our own.
inline bool fifo_permitted() {
    bool permitted = false;
    pthread_t thread;
    ::pthread_create(
        &thread, nullptr,
        [](void* result) -> void* {
            const sched_param param{.sched_priority = 1};
            *static_cast<bool*>(result) = ::sched_setscheduler(0, SCHED_FIFO, &param) == 0;
            return nullptr;
        },
        &permitted);
    ::pthread_join(thread, nullptr);
    return permitted;
}

inline CpuList usable_cpus() {
    return affinity_of(0);
}

class MeasurementTest : public ::testing::Test {
  protected:
    MeasurementTest() {
        options.cpus = {usable_cpus().front()};
        options.interval = 500us;
        options.duration = 100ms;
        options.policy = fifo_permitted() ? Policy::Fifo : Policy::Other;
        RecordProperty("policy", std::string(name_of(options.policy)));
        std::cout << "[ policy   ] " << name_of(options.policy) << '\n';
    }

    static void wait_for(const Measurement& measurement) {
        pollfd fd{.fd = measurement.finished_fd(), .events = POLLIN, .revents = 0};
        ASSERT_EQ(::poll(&fd, 1, 60'000), 1);
    }

    Options options;
    Host host;
};

/// Looks on as the daemon does, more often.
inline void observe_to_the_end(Measurement& measurement) {
    pollfd fd{.fd = measurement.finished_fd(), .events = POLLIN, .revents = 0};
    while (::poll(&fd, 1, 100) == 0)
        measurement.observe();
}

/// A thread of the highest priority that takes a CPU away until told to stop, with pauses.
class Hog {
  public:
    explicit Hog(unsigned cpu) : thread_([this, cpu] { run(cpu); }) {}
    ~Hog() {
        stop_ = true;
        thread_.join();
    }

  private:
    void run(unsigned cpu) {
        ::pthread_setname_np(::pthread_self(), "rtnode-hog");
        set_affinity(0, {cpu});
        const sched_param param{.sched_priority = 99};
        ::sched_setscheduler(0, SCHED_FIFO, &param);
        MonotonicClock clock;
        for (auto at = clock.now(); !stop_;) {
            at += 50'000'000;
            clock.sleep_until(at);
            while (clock.now() < at + 5'000'000) {
            }
        }
    }

    std::atomic<bool> stop_{false};
    std::thread thread_;
};

/// The kernel's tracefs, mounted where nobody else sees to it; not every machine that runs tests has it mounted.
class Tracefs {
  public:
    Tracefs() {
        std::filesystem::create_directories(folder());
        mounted_ = ::mount("tracefs", folder().c_str(), "tracefs", 0, nullptr) == 0;
    }
    ~Tracefs() {
        if (mounted_) ::umount(folder().c_str());
        std::filesystem::remove_all(root);
    }
    bool mounted() const { return mounted_; }
    std::filesystem::path folder() const { return root / "sys/kernel/tracing"; }

    const std::filesystem::path root =
        std::filesystem::path(::testing::TempDir()) / ("rtnode-tracefs-" + std::to_string(::getpid()));

  private:
    bool mounted_ = false;
};

} // namespace rtnode::latency
