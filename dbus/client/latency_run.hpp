#pragma once
// What `rtnodectl latency run` takes.

#include "client/bus.hpp"
#include "client/hardware_first.hpp"

#include <CLI/CLI.hpp>

#include <cstdint>
#include <optional>
#include <string>

namespace rtnode::client {

/// What was given goes to the daemon as it is, also 0: it knows what it can't measure by, and says so.
struct LatencyRun {
    std::optional<std::string> cpus, mode, duration, policy, name, load_cpus, tracer, hardware_first;
    std::optional<std::uint32_t> interval_us, distance_us, phase_us, loops, priority, histogram, break_us, spike_us,
        load, hardware_limit_us;
    bool nanoseconds = false, trace = false, tracemark = false, force = false;

    void declare(CLI::App& command);

    /// Of Start. The duration is 10s where nothing was said of how long.
    Options options() const;

    /// The step before it, if one was asked for.
    std::optional<HardwareFirst> hardware() const;
};

} // namespace rtnode::client
