#include "host/systemd_unit.hpp"

#include "host/system_bus.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <map>

namespace rtnode::host {
namespace {

constexpr const char *service = "org.freedesktop.systemd1", *path = "/org/freedesktop/systemd1",
                     *manager = "org.freedesktop.systemd1.Manager";

using Results = std::map<std::string, std::string>; ///< path of a job that ended → "done", "failed", "canceled", …

int on_job_removed(sd_bus_message* message, void* results, sd_bus_error*) {
    const char *job = nullptr, *unit = nullptr, *result = nullptr;
    std::uint32_t id = 0;
    if (sd_bus_message_read(message, "uoss", &id, &job, &unit, &result) > 0)
        (*static_cast<Results*>(results))[job] = result;
    return 0;
}

BusMember of_manager(const char* name) {
    return {service, path, manager, name};
}

} // namespace

std::string start_unit(const std::string& bus_address, const std::string& unit, std::chrono::seconds patience) {
    const auto until = std::chrono::steady_clock::now() + patience;
    const auto left_us = [&] {
        const auto left = until - std::chrono::steady_clock::now();
        return static_cast<std::uint64_t>(
            std::max<std::int64_t>(std::chrono::duration_cast<std::chrono::microseconds>(left).count(), 0));
    };
    const BusPtr bus = connect_bus(bus_address, left_us());
    if (!bus) return fmt::format("the system bus at '{}' doesn't answer", bus_address);
    Results ended;
    sd_bus_slot* raw = nullptr;
    if (const int code =
            sd_bus_match_signal(bus.get(), &raw, service, path, manager, "JobRemoved", on_job_removed, &ended);
        code < 0)
        return fmt::format("systemd's signals can't be heard: {}", std::strerror(-code));
    const BusSlotPtr slot(raw);
    // Without it systemd sends signals only while somebody else listens.
    if (const auto [reply, why] = call_bus(bus.get(), of_manager("Subscribe"), ""); !reply) return why;
    const auto [reply, why] = call_bus(bus.get(), of_manager("StartUnit"), "ss", unit.c_str(), "replace");
    if (!reply) return why;
    const char* job = nullptr;
    if (sd_bus_message_read(reply.get(), "o", &job) <= 0) return "systemd's reply can't be read";
    while (!ended.contains(job)) {
        const int code = sd_bus_process(bus.get(), nullptr);
        if (code < 0) return fmt::format("the system bus went away: {}", std::strerror(-code));
        if (code > 0) continue;
        const auto left = left_us();
        if (left == 0) return fmt::format("systemd hasn't started it after {} s", patience.count());
        sd_bus_wait(bus.get(), left);
    }
    const auto& result = ended.at(job);
    return result == "done" ? "" : fmt::format("systemd's job to start it is {}", result);
}

} // namespace rtnode::host
