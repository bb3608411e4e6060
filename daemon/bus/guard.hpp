#pragma once
// Exceptions must not leave a handler: sdbus-c++ 1.2 lets anything but sdbus::Error end the process.

#include "state/error.hpp"

#include <sdbus-c++/sdbus-c++.h>

#include <functional>
#include <memory>

namespace rtnode::bus {

inline constexpr const char* invalid_args = "org.freedesktop.DBus.Error.InvalidArgs";

/// The D-Bus error for it; what isn't ours is Internal.
sdbus::Error to_dbus(const std::exception& e);

/// For methods that answer at once and for property getters.
template <typename F>
auto guarded(F&& work) {
    try {
        return work();
    } catch (const sdbus::Error&) {
        throw;
    } catch (const std::exception& e) {
        throw to_dbus(e);
    }
}

/// Signals nobody can be told of must not stop the work: when the bus is gone, the pump says so.
void announce(const std::function<void()>& emit) noexcept;

/// The answer of a method, to be given later; copyable, so that callbacks may hold it.
template <typename... T>
class Reply {
  public:
    explicit Reply(sdbus::Result<T...>&& result) : result_(std::make_shared<sdbus::Result<T...>>(std::move(result))) {}

    void operator()(const T&... values) const {
        announce([&] { result_->returnResults(values...); });
    }
    void error(const sdbus::Error& e) const {
        announce([&] { result_->returnError(e); });
    }
    void error(const std::exception& e) const { error(to_dbus(e)); }

    /// Runs it; an exception becomes the answer.
    template <typename F>
    void guard(F&& work) const {
        try {
            work();
        } catch (const sdbus::Error& e) {
            error(e);
        } catch (const std::exception& e) {
            error(e);
        }
    }

  private:
    std::shared_ptr<sdbus::Result<T...>> result_;
};

} // namespace rtnode::bus
