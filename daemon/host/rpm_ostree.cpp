#include "host/rpm_ostree.hpp"

#include "host/system_bus.hpp"

namespace rtnode::host {
namespace {

constexpr const char* name = "org.projectatomic.rpmostree1";
constexpr std::uint64_t patience_us = 2'000'000;

/// The reply; null for an error, whatever it is: then there is nothing to wait for.
template <typename... Arguments>
BusMessagePtr call(sd_bus* bus, const char* service, const char* path, const char* interface, const char* member,
                   const char* types, Arguments... arguments) {
    sd_bus_message* reply = nullptr;
    if (sd_bus_call_method(bus, service, path, interface, member, nullptr, &reply, types, arguments...) < 0)
        return nullptr;
    return BusMessagePtr(reply);
}

} // namespace

std::optional<RpmOstreeTransaction> rpm_ostree_transaction(const std::string& bus_address) {
    const BusPtr bus = connect_bus(bus_address, patience_us);
    if (!bus) return std::nullopt;
    // First whether it runs: a call to it would start it.
    const auto owned = call(bus.get(), "org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus",
                            "NameHasOwner", "s", name);
    int running = 0;
    if (!owned || sd_bus_message_read(owned.get(), "b", &running) <= 0 || running == 0) return std::nullopt;
    const auto property =
        call(bus.get(), name, "/org/projectatomic/rpmostree1/Sysroot", "org.freedesktop.DBus.Properties", "Get", "ss",
             "org.projectatomic.rpmostree1.Sysroot", "ActiveTransaction");
    const char *method = nullptr, *client = nullptr, *path = nullptr;
    if (!property || sd_bus_message_read(property.get(), "v", "(sss)", &method, &client, &path) <= 0 || *method == '\0')
        return std::nullopt;
    return RpmOstreeTransaction{method, client};
}

} // namespace rtnode::host
