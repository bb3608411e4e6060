#pragma once
// The daemon's event loop: sd-event behind RAII. Everything but post() belongs to the thread that runs it. An exception
// that leaves a callback is logged and the loop goes on.

#include <sys/types.h>

#include <chrono>
#include <csignal>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

struct sd_event;
struct sd_event_source;
struct inotify_event;

namespace rtnode {

class EventLoop {
  public:
    /// Watches something as long as it lives; may be destroyed inside its own callback.
    class Source {
      public:
        struct Slot;

        Source() = default;
        explicit Source(std::shared_ptr<Slot> slot) : slot_(std::move(slot)) {}
        Source(Source&&) noexcept = default;
        Source& operator=(Source&& other) noexcept;
        ~Source() { stop(); }

        void stop() noexcept;
        explicit operator bool() const noexcept { return slot_ != nullptr; }

      private:
        std::shared_ptr<Slot> slot_;
    };

    using Callback = std::function<void()>;

    /// Blocks SIGTERM, SIGINT, SIGHUP and SIGCHLD in this thread (so make it before any other thread).
    /// @throws Error{Internal}
    EventLoop();
    ~EventLoop();
    EventLoop(const EventLoop&) = delete;
    EventLoop& operator=(const EventLoop&) = delete;

    int run();                                      ///< until exit(); @returns its code
    bool run_once(std::chrono::microseconds limit); ///< one round, for tests; false when nothing came
    void exit(int code) noexcept;

    /// Runs it in a later round of the loop. From any thread.
    void post(Callback callback);

    [[nodiscard]] Source timer(std::chrono::microseconds delay, Callback callback); ///< once, monotonic clock
    [[nodiscard]] Source io(int fd, std::uint32_t epoll_events, std::function<void(std::uint32_t)> callback);
    [[nodiscard]] Source on_signal(int signal, Callback callback); ///< one of those that the constructor blocks

    /// Reaps a child of ours when it ends. @param pidfd stays the caller's
    [[nodiscard]] Source child(int pidfd, std::function<void(const siginfo_t&)> callback);

    /// @param mask IN_… of inotify(7)
    [[nodiscard]] Source watch_path(const std::string& path, std::uint32_t mask,
                                    std::function<void(const inotify_event&)> callback);

    /// Answers systemd's watchdog, if there is one, from within the loop.
    void watchdog();

    sd_event* raw() const noexcept; ///< for the bus pump

  private:
    struct Private;
    std::unique_ptr<Private> p_;
};

} // namespace rtnode
