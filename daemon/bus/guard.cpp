#include "bus/guard.hpp"

#include "loop/journal.hpp"

namespace rtnode::bus {

sdbus::Error to_dbus(const std::exception& e) {
    if (const auto* ours = dynamic_cast<const Error*>(&e)) return sdbus::Error(dbus_name(ours->reason()), ours->what());
    if (const auto* theirs = dynamic_cast<const sdbus::Error*>(&e)) return *theirs;
    journal::log(journal::Priority::error,
                 fmt::format("a call failed for a reason that was not foreseen: {}", e.what()));
    return sdbus::Error(dbus_name(Reason::Internal),
                        fmt::format("the daemon failed in a way that was not foreseen: {}", e.what()));
}

void announce(const std::function<void()>& emit) noexcept {
    try {
        emit();
    } catch (const sdbus::Error& e) {
        journal::log(journal::Priority::debug, fmt::format("a message could not be sent: {}", e.getMessage()));
    }
}

} // namespace rtnode::bus
