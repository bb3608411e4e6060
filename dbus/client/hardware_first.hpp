#pragma once
// `rtnodectl latency run --hardware-first`: before the measurement that was asked for, one of the hardware alone. Where
// firmware or a hypervisor takes a CPU for too long, no kernel and no tuning can make it real-time, so the measurement
// isn't started. As cluster tests run hwlatdetect first (--threshold 20 --hardlimit 20).

#include "client/bus.hpp"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

namespace rtnode::client {

struct HardwareFirst {
    std::string duration;        ///< of the step, "10s"
    std::uint32_t limit_us = 20; ///< the longest time that hardware may take
};

enum class Hardware {
    good,
    bad,    ///< it took a CPU for longer than the limit, which the daemon saw and ended the run
    unknown ///< it didn't run to its end, or can't be trusted: the kernel may have had the CPU, too
};

/// The options of the step: CPUs, policy, priority, force and name of the run that follows.
Options hardware_options(const Options& run, const HardwareFirst& first);

/// @param measurement the properties of the step, which has ended
Hardware judge_hardware(const Json& measurement);

/// Measures the hardware.
/// @param measure runs a measurement with these options to its end and returns its properties, with its object path as
///        Path; null when the user didn't wait for the end
/// @returns what came of it, for people; nothing when `measure` gives null
/// @throws ClientError (Exit::hardware) when it is bad; whatever `measure` throws
std::optional<std::string> measure_hardware(const Options& run, const HardwareFirst& first,
                                            const std::function<Json(const Options&)>& measure);

} // namespace rtnode::client
