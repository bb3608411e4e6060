#pragma once
// A blocking connection to the system bus, for the worker, which has no loop. Private to daemon/host.

#include <systemd/sd-bus.h>

#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <utility>

namespace rtnode::host {

struct BusDeleter {
    void operator()(sd_bus* bus) const { sd_bus_flush_close_unref(bus); }
    void operator()(sd_bus_message* message) const { sd_bus_message_unref(message); }
    void operator()(sd_bus_slot* slot) const { sd_bus_slot_unref(slot); }
};
using BusPtr = std::unique_ptr<sd_bus, BusDeleter>;
using BusMessagePtr = std::unique_ptr<sd_bus_message, BusDeleter>;
using BusSlotPtr = std::unique_ptr<sd_bus_slot, BusDeleter>;

/// Null when nobody listens there. @param patience_us for the reply to each call
inline BusPtr connect_bus(const std::string& address, std::uint64_t patience_us) {
    sd_bus* raw = nullptr;
    if (sd_bus_new(&raw) < 0) return nullptr;
    BusPtr bus(raw);
    if (sd_bus_set_address(raw, address.c_str()) < 0 || sd_bus_set_bus_client(raw, 1) < 0 ||
        sd_bus_set_method_call_timeout(raw, patience_us) < 0 || sd_bus_start(raw) < 0)
        return nullptr;
    return bus;
}

struct BusMember {
    const char *service, *path, *interface, *name;
};

/// Calls a member: its reply, or null and why there is none.
template <typename... Arguments>
std::pair<BusMessagePtr, std::string> call_bus(sd_bus* bus, const BusMember& member, const char* types,
                                               Arguments... arguments) {
    sd_bus_error error = SD_BUS_ERROR_NULL;
    sd_bus_message* reply = nullptr;
    const int code = sd_bus_call_method(bus, member.service, member.path, member.interface, member.name, &error, &reply,
                                        types, arguments...);
    std::string why = code >= 0 ? "" : error.message != nullptr ? error.message : std::strerror(-code);
    sd_bus_error_free(&error);
    return {BusMessagePtr(reply), std::move(why)};
}

} // namespace rtnode::host
