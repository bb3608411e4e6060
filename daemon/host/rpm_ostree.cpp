#include "host/rpm_ostree.hpp"

#include <systemd/sd-bus.h>

#include <cstdint>
#include <memory>

namespace rtnode::host {
namespace {

constexpr const char* name = "org.projectatomic.rpmostree1";
constexpr std::uint64_t patience_us = 2'000'000;

struct Close {
    void operator()(sd_bus* bus) const { sd_bus_flush_close_unref(bus); }
    void operator()(sd_bus_message* message) const { sd_bus_message_unref(message); }
};
using Bus = std::unique_ptr<sd_bus, Close>;
using Message = std::unique_ptr<sd_bus_message, Close>;

Bus connect(const std::string& address) {
    sd_bus* raw = nullptr;
    if (sd_bus_new(&raw) < 0) return nullptr;
    Bus bus(raw);
    if (sd_bus_set_address(raw, address.c_str()) < 0 || sd_bus_set_bus_client(raw, 1) < 0 ||
        sd_bus_set_method_call_timeout(raw, patience_us) < 0 || sd_bus_start(raw) < 0)
        return nullptr;
    return bus;
}

/// The reply; null for an error, whatever it is: then there is nothing to wait for.
template <typename... Arguments>
Message call(sd_bus* bus, const char* service, const char* path, const char* interface, const char* member,
             const char* types, Arguments... arguments) {
    sd_bus_message* reply = nullptr;
    if (sd_bus_call_method(bus, service, path, interface, member, nullptr, &reply, types, arguments...) < 0)
        return nullptr;
    return Message(reply);
}

} // namespace

std::optional<RpmOstreeTransaction> rpm_ostree_transaction(const std::string& bus_address) {
    const Bus bus = connect(bus_address);
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
