#include "bus/pump.hpp"

#include "state/error.hpp"

#include <sdbus-c++/sdbus-c++.h>

#include <poll.h>
#include <sys/epoll.h>
#include <systemd/sd-event.h>

#include <cstring>

namespace rtnode::bus {

struct Pump::Private {
    EventLoop& loop;
    sdbus::IConnection& connection;
    std::function<void(const std::string&)> lost;
    sd_event_source* io = nullptr;
    sd_event_source* timer = nullptr;

    void process() noexcept {
        if (!lost) return;
        try {
            while (connection.processPendingRequest()) {
            }
        } catch (const sdbus::Error& e) {
            // Handlers are guarded, so this is the connection itself.
            sd_event_source_set_enabled(io, SD_EVENT_OFF);
            loop.post([tell = std::exchange(lost, nullptr), why = e.getMessage()] { tell(why); });
        }
    }

    int prepare() noexcept {
        process();
        if (!lost) return 0;
        const auto poll = connection.getEventLoopPollData();
        const bool timed = poll.timeout_usec != UINT64_MAX;
        if (timed) sd_event_source_set_time(timer, poll.timeout_usec);
        sd_event_source_set_enabled(timer, timed ? SD_EVENT_ONESHOT : SD_EVENT_OFF);
        std::uint32_t events = 0;
        if ((poll.events & POLLIN) != 0) events |= EPOLLIN;
        if ((poll.events & POLLOUT) != 0) events |= EPOLLOUT;
        return sd_event_source_set_io_events(io, events);
    }
};

Pump::Pump(EventLoop& loop, sdbus::IConnection& connection, std::function<void(const std::string&)> lost)
    : p_(new Private{.loop = loop, .connection = connection, .lost = std::move(lost)}) {
    const auto check = [](int r) {
        if (r < 0) throw fail(Reason::Internal, "the bus can't be watched: {}", std::strerror(-r));
    };
    check(sd_event_add_time(
        loop.raw(), &p_->timer, CLOCK_MONOTONIC, 0, 1,
        [](sd_event_source*, std::uint64_t, void* data) {
            static_cast<Private*>(data)->process();
            return 0;
        },
        p_.get()));
    check(sd_event_add_io(
        loop.raw(), &p_->io, connection.getEventLoopPollData().fd, EPOLLIN,
        [](sd_event_source*, int, std::uint32_t, void* data) {
            static_cast<Private*>(data)->process();
            return 0;
        },
        p_.get()));
    // Before every poll: what was queued by other callbacks goes out, and the events to wait for are asked anew.
    check(sd_event_source_set_prepare(
        p_->io, [](sd_event_source*, void* data) { return static_cast<Private*>(data)->prepare(); }));
}

Pump::~Pump() {
    sd_event_source_disable_unref(p_->io);
    sd_event_source_disable_unref(p_->timer);
}

} // namespace rtnode::bus
