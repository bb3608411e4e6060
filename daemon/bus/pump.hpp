#pragma once
// Drives an sdbus-c++ 1.2 connection from our event loop (attachSdEventLoop is 2.0's).

#include "loop/event_loop.hpp"

#include <functional>
#include <memory>

namespace sdbus {
class IConnection;
}

namespace rtnode::bus {

class Pump {
  public:
    /// @param lost called once when the bus goes away
    Pump(EventLoop& loop, sdbus::IConnection& connection, std::function<void(const std::string& why)> lost);
    ~Pump();

  private:
    struct Private;
    std::unique_ptr<Private> p_;
};

} // namespace rtnode::bus
