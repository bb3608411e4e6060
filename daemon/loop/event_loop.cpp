#include "loop/event_loop.hpp"

#include "loop/journal.hpp"
#include "state/error.hpp"
#include "state/unique_fd.hpp"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/wait.h>
#include <systemd/sd-event.h>

#include <cstring>
#include <deque>
#include <mutex>

namespace rtnode {
namespace {

void check(int r, const char* what) {
    if (r < 0) throw fail(Reason::Internal, "{}: {}", what, std::strerror(-r));
}

} // namespace

/// The callback lives as long as the source or a running call of it, whichever is longer.
struct EventLoop::Source::Slot : std::enable_shared_from_this<Slot> {
    std::function<void()> simple;
    std::function<void(std::uint32_t)> io;
    std::function<void(const siginfo_t&)> child;
    std::function<void(const inotify_event&)> inotify;
    sd_event_source* source = nullptr;

    ~Slot() { stop(); }

    void stop() noexcept {
        // Disabled at once, so that an event of this round that is already queued doesn't call back any more.
        source = sd_event_source_disable_unref(source);
    }

    template <typename... Args>
    static int call(void* data, std::function<void(Args...)> Slot::*member, Args... args) noexcept {
        const auto keep = static_cast<Slot*>(data)->shared_from_this();
        try {
            ((*keep).*member)(args...);
        } catch (const std::exception& e) {
            journal::log(journal::Priority::error, fmt::format("an event could not be handled: {}", e.what()));
        }
        return 0;
    }
};

struct EventLoop::Private {
    sd_event* event = nullptr;
    UniqueFd wake;
    std::mutex mutex;
    std::deque<Callback> posted;
    Source wake_source;
};

EventLoop::Source& EventLoop::Source::operator=(Source&& other) noexcept {
    if (this != &other) {
        stop();
        slot_ = std::move(other.slot_);
    }
    return *this;
}

void EventLoop::Source::stop() noexcept {
    if (slot_) slot_->stop();
    slot_.reset();
}

EventLoop::EventLoop() : p_(std::make_unique<Private>()) {
    sigset_t blocked;
    sigemptyset(&blocked);
    for (const int signal : {SIGTERM, SIGINT, SIGHUP, SIGCHLD})
        sigaddset(&blocked, signal);
    check(-pthread_sigmask(SIG_BLOCK, &blocked, nullptr), "blocking signals");
    check(sd_event_new(&p_->event), "sd_event_new");
    p_->wake = UniqueFd(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (!p_->wake) check(-errno, "eventfd");
    p_->wake_source = io(p_->wake.get(), EPOLLIN, [this](std::uint32_t) {
        std::uint64_t count = 0;
        [[maybe_unused]] const auto n = ::read(p_->wake.get(), &count, sizeof count);
        std::deque<Callback> now;
        {
            const std::lock_guard lock(p_->mutex);
            now.swap(p_->posted);
        }
        for (auto& callback : now) {
            try {
                callback();
            } catch (const std::exception& e) {
                journal::log(journal::Priority::error, fmt::format("a posted call failed: {}", e.what()));
            }
        }
    });
}

EventLoop::~EventLoop() {
    p_->wake_source.stop();
    p_->posted.clear();
    sd_event_unref(p_->event);
}

int EventLoop::run() {
    const int r = sd_event_loop(p_->event);
    check(r, "the event loop");
    return r;
}

bool EventLoop::run_once(std::chrono::microseconds limit) {
    const int r = sd_event_run(p_->event, static_cast<std::uint64_t>(limit.count()));
    check(r, "the event loop");
    return r > 0;
}

void EventLoop::exit(int code) noexcept {
    sd_event_exit(p_->event, code);
}

void EventLoop::post(Callback callback) {
    {
        const std::lock_guard lock(p_->mutex);
        p_->posted.push_back(std::move(callback));
    }
    const std::uint64_t one = 1;
    [[maybe_unused]] const auto n = ::write(p_->wake.get(), &one, sizeof one);
}

EventLoop::Source EventLoop::timer(std::chrono::microseconds delay, Callback callback) {
    auto slot = std::make_shared<Source::Slot>();
    slot->simple = std::move(callback);
    check(
        sd_event_add_time_relative(
            p_->event, &slot->source, CLOCK_MONOTONIC, static_cast<std::uint64_t>(delay.count()), 1000,
            [](sd_event_source*, std::uint64_t, void* data) { return Source::Slot::call(data, &Source::Slot::simple); },
            slot.get()),
        "a timer");
    return Source(std::move(slot));
}

EventLoop::Source EventLoop::io(int fd, std::uint32_t epoll_events, std::function<void(std::uint32_t)> callback) {
    auto slot = std::make_shared<Source::Slot>();
    slot->io = std::move(callback);
    check(sd_event_add_io(
              p_->event, &slot->source, fd, epoll_events,
              [](sd_event_source*, int, std::uint32_t events, void* data) {
                  return Source::Slot::call<std::uint32_t>(data, &Source::Slot::io, events);
              },
              slot.get()),
          "watching a descriptor");
    return Source(std::move(slot));
}

EventLoop::Source EventLoop::on_signal(int signal, Callback callback) {
    auto slot = std::make_shared<Source::Slot>();
    slot->simple = std::move(callback);
    check(sd_event_add_signal(
              p_->event, &slot->source, signal,
              [](sd_event_source*, const signalfd_siginfo*, void* data) {
                  return Source::Slot::call(data, &Source::Slot::simple);
              },
              slot.get()),
          "watching a signal");
    // Before all else that is due: a configuration is read before the calls that came after the signal.
    check(sd_event_source_set_priority(slot->source, SD_EVENT_PRIORITY_IMPORTANT), "watching a signal");
    return Source(std::move(slot));
}

EventLoop::Source EventLoop::child(int pidfd, std::function<void(const siginfo_t&)> callback) {
    auto slot = std::make_shared<Source::Slot>();
    slot->child = std::move(callback);
    check(sd_event_add_child_pidfd(
              p_->event, &slot->source, pidfd, WEXITED,
              [](sd_event_source*, const siginfo_t* info, void* data) {
                  return Source::Slot::call<const siginfo_t&>(data, &Source::Slot::child, *info);
              },
              slot.get()),
          "watching a child process");
    return Source(std::move(slot));
}

EventLoop::Source EventLoop::watch_path(const std::string& path, std::uint32_t mask,
                                        std::function<void(const inotify_event&)> callback) {
    auto slot = std::make_shared<Source::Slot>();
    slot->inotify = std::move(callback);
    check(sd_event_add_inotify(
              p_->event, &slot->source, path.c_str(), mask,
              [](sd_event_source*, const inotify_event* event, void* data) {
                  return Source::Slot::call<const inotify_event&>(data, &Source::Slot::inotify, *event);
              },
              slot.get()),
          fmt::format("watching {}", path).c_str());
    return Source(std::move(slot));
}

void EventLoop::watchdog() {
    check(sd_event_set_watchdog(p_->event, 1), "the watchdog");
}

sd_event* EventLoop::raw() const noexcept {
    return p_->event;
}

} // namespace rtnode
