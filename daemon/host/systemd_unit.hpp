#pragma once
// Starting a unit and waiting until it is, as `systemctl start` does (org.freedesktop.systemd1(5)).

#include <chrono>
#include <string>

namespace rtnode::host {

/// Returns when systemd has started the unit, or finds it started.
/// @param bus_address of the system bus
/// @return "", or why it isn't started: the bus's or systemd's own words
std::string start_unit(const std::string& bus_address, const std::string& unit, std::chrono::seconds patience);

} // namespace rtnode::host
