#include "client/hardware_first.hpp"

#include "client/latency.hpp"

#include <fmt/format.h>

namespace rtnode::client {

namespace {

struct Worst {
    double ns = 0;
    double cpu = 0;
};

Worst worst_of(const Json& measurement) {
    const auto cpus = numbers(measurement, "Cpus"), maximum = numbers(measurement, "Maximum");
    Worst worst;
    for (std::size_t i = 0; i < cpus.size() && i < maximum.size(); ++i)
        if (maximum[i] > worst.ns) worst = {maximum[i], cpus[i]};
    return worst;
}

/// Where to read more; "" when that isn't known.
std::string report_hint(const Json& measurement) {
    const auto path = text(measurement, "Path");
    return path.empty() ? "" : "; when and how often: rtnodectl latency report " + number_of(path);
}

std::string why_unknown(const Json& measurement) {
    const auto doubts = words(measurement, "Invalid");
    if (!doubts.empty()) return printable(join(doubts, "; "));
    const auto end = text(measurement, "End");
    return end.empty() ? "it failed" : "it ended before its time (" + printable(end) + ")";
}

} // namespace

Options hardware_options(const Options& run, const HardwareFirst& first) {
    Options options{{"mode", "hardware"}, {"duration", first.duration}, {"break", first.limit_us}};
    for (const auto* key : {"cpus", "policy", "priority", "force", "name"})
        if (const auto given = run.find(key); given != run.end()) options.insert(*given);
    return options;
}

Hardware judge_hardware(const Json& measurement) {
    const auto end = text(measurement, "End");
    // The daemon ends a run only at a gap of which its trace of the kernel knows nothing.
    if (end == "break") return Hardware::bad;
    const bool whole = text(measurement, "State") == "done" && end == "duration";
    return whole && words(measurement, "Invalid").empty() ? Hardware::good : Hardware::unknown;
}

std::optional<std::string> measure_hardware(const Options& run, const HardwareFirst& first,
                                            const std::function<Json(const Options&)>& measure) {
    const Json measurement = measure(hardware_options(run, first));
    if (measurement.is_null()) return std::nullopt;
    const auto worst = worst_of(measurement);
    switch (judge_hardware(measurement)) {
    case Hardware::good:
        return fmt::format("Hardware: passed, at worst {} on CPU {:.0f}, within {} µs", microseconds(worst.ns),
                           worst.cpu, first.limit_us);
    case Hardware::unknown:
        return fmt::format("Hardware: no verdict, at worst {} on CPU {:.0f}: {}", microseconds(worst.ns), worst.cpu,
                           why_unknown(measurement));
    case Hardware::bad:
        break;
    }
    throw ClientError(
        Exit::hardware, "",
        fmt::format(
            "the hardware took CPU {:.0f} for {}, above the limit of {} µs, so nothing else was measured: this "
            "is firmware (SMI) or a hypervisor, and no kernel, kernel argument or tuning of this node changes "
            "it; look at the BIOS settings (power management, USB legacy support, error logging), at a newer "
            "BIOS, or at the host of this virtual machine; to measure all the same leave out --hardware-first{}",
            worst.cpu, microseconds(worst.ns), first.limit_us, report_hint(measurement)));
}

} // namespace rtnode::client
