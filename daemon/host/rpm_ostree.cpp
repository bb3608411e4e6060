#include "host/rpm_ostree.hpp"

#include "host/system_bus.hpp"

namespace rtnode::host {
namespace {

constexpr const char* name = "org.projectatomic.rpmostree1";
constexpr std::uint64_t patience_us = 2'000'000;

} // namespace

std::optional<RpmOstreeTransaction> rpm_ostree_transaction(const std::string& bus_address) {
    const BusPtr bus = connect_bus(bus_address, patience_us);
    if (!bus) return std::nullopt;
    // First whether it runs: a call to it would start it.
    // An error of a call, whatever it is: then there is nothing to wait for.
    const auto owned =
        call_bus(bus.get(), {"org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus", "NameHasOwner"},
                 "s", name);
    int running = 0;
    if (!owned.first || sd_bus_message_read(owned.first.get(), "b", &running) <= 0 || running == 0) return std::nullopt;
    const auto property =
        call_bus(bus.get(), {name, "/org/projectatomic/rpmostree1/Sysroot", "org.freedesktop.DBus.Properties", "Get"},
                 "ss", "org.projectatomic.rpmostree1.Sysroot", "ActiveTransaction");
    const char *method = nullptr, *client = nullptr, *path = nullptr;
    if (!property.first || sd_bus_message_read(property.first.get(), "v", "(sss)", &method, &client, &path) <= 0 ||
        *method == '\0')
        return std::nullopt;
    return RpmOstreeTransaction{method, client};
}

} // namespace rtnode::host
