#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>

namespace sdbus {
class IConnection;
class IProxy;
} // namespace sdbus

namespace rtnode::bus {

/// Reboots through logind, which ends the session and the services in order. Never reboot(2).
class Logind {
  public:
    /// Called once: nullptr when all went well, else Error{RebootInhibited, RebootUnavailable}.
    using Done = std::function<void(const std::exception*)>;

    /// @param private_node nothing here is to be rebooted: all calls end with RebootUnavailable
    Logind(sdbus::IConnection& connection, bool private_node);
    ~Logind();

    void reboot(std::chrono::seconds delay, bool ignore_inhibitors, Done done);
    void cancel(Done done);

    /// @throws Error{RebootUnavailable} on a private node
    void require_available() const;

  private:
    void send(std::chrono::seconds delay, Done done);

    bool private_node_;
    std::unique_ptr<sdbus::IProxy> manager_;
};

} // namespace rtnode::bus
