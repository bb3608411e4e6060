#pragma once

#include "bus/logind.hpp"
#include "loop/event_loop.hpp"
#include "state/profile.hpp"

#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace sdbus {
class IConnection;
class IProxy;
} // namespace sdbus

namespace rtnode::bus {

/// Reboots when a profile's [reboot] says that the time has come; until then it tells what it waits for.
class RebootWatch {
  public:
    struct Events {
        std::function<bool()> jobs_busy;
        std::function<void()> changed;   ///< why_waiting() is another one now
        std::function<void()> rebooting; ///< logind has taken it
    };

    RebootWatch(sdbus::IConnection& connection, EventLoop& loop, Logind& logind, Events events);
    ~RebootWatch();

    /// A reboot is due by that profile, for the deployment of that commit; the same again changes nothing.
    void due(const Profile& profile, const std::string& checksum);
    /// None is due, or not any more.
    void not_due();
    /// Somebody doesn't want it: not for this deployment again. @returns whether one was due
    bool cancel();

    /// "waits for the window 02:00-04:00"; "" = none is due.
    const std::string& why_waiting() const { return why_; }

  private:
    void look();
    void decide(bool unit_active);
    void say(std::string why);

    sdbus::IConnection& connection_;
    EventLoop& loop_;
    Logind& logind_;
    Events events_;
    std::unique_ptr<sdbus::IProxy> systemd_, unit_;
    std::optional<Profile> profile_;
    std::string checksum_, canceled_, why_;
    EventLoop::Source timer_;
};

} // namespace rtnode::bus
