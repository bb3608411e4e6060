#include "client/latency_run.hpp"

#include "client/arguments.hpp"

#include <limits>

namespace rtnode::client {

namespace {

CLI::Option* add_text(CLI::App& command, const char* name, std::optional<std::string>& value, const char* what,
                      const char* type) {
    return not_empty(command.add_option(name, value, what)->type_name(type));
}

/// @param least below it is nothing that could be passed on
CLI::Option* add_number(CLI::App& command, const char* name, std::optional<std::uint32_t>& value, const char* what,
                        const char* type, std::uint32_t least = 0) {
    auto* option = command.add_option(name, value, what)->type_name(type);
    return whole_number(option, least, std::numeric_limits<std::uint32_t>::max());
}

template <typename Value>
void add(Options& options, const char* key, const std::optional<Value>& value) {
    if (value) options[key] = *value;
}

} // namespace

void LatencyRun::declare(CLI::App& command) {
    add_text(command, "--cpus", cpus, "CPUs as 0-3,5; else all that are online", "LIST");
    add_text(command, "--mode", mode,
             "How late a sleeper wakes, or for how long the CPU is taken away, by anything or by hardware alone; else "
             "cyclic",
             "cyclic|busy|hardware");
    add_text(command, "--duration", duration, "How long: 10s, 10m, 1h30m; else 10s", "TIME");
    add_number(command, "--loops", loops, "End each CPU's run after so many wake-ups", "N");
    add_number(command, "--interval", interval_us, "Microseconds between wake-ups; else 1000", "US");
    add_number(command, "--distance", distance_us, "The interval of each further CPU is longer by so much", "US");
    add_number(command, "--phase", phase_us, "All CPUs wake together, so much after whole seconds; else spread", "US");
    add_text(command, "--policy", policy, "Scheduling policy; else fifo", "fifo|rr|other");
    add_number(command, "--priority", priority, "Real-time priority, 1 to 98; else 95", "N");
    add_number(command, "--histogram", histogram, "Columns of one microsecond; else 400", "N");
    command.add_flag("--nanoseconds", nanoseconds, "Columns and cyclictest's reports in nanoseconds");
    add_number(command, "--spike", spike_us, "Keep each latency above so many microseconds, with hints at its cause",
               "US");
    add_number(command, "--break", break_us, "End at the first latency above so many microseconds, as a failure", "US");
    command.add_flag("--trace", trace, "With --spike: trace who has the measured CPUs, to name what made a spike");
    add_text(command, "--tracer", tracer, "By what --trace is done; else by osnoise where the kernel has it",
             "auto|osnoise|timerlat|events");
    command.add_flag("--tracemark", tracemark, "With --break: mark the kernel's trace there, and stop it");
    add_number(command, "--load", load, "So many stress-ng workers keep other CPUs busy meanwhile", "N");
    add_text(command, "--load-cpus", load_cpus, "Where they run; else on all CPUs that are not measured", "LIST");
    auto* first = add_text(command, "--hardware-first", hardware_first,
                           "For so long first whether firmware or a hypervisor takes the CPUs away; ends there if it "
                           "does",
                           "TIME");
    add_number(command, "--hardware-limit", hardware_limit_us,
               "With --hardware-first: for how many microseconds it may; else 20", "US", 1)
        ->needs(first);
    command.add_flag("--force", force, "Accept what may take CPUs from others");
    add_text(command, "--name", name, "A label", "TEXT");
}

Options LatencyRun::options() const {
    Options out;
    add(out, "duration", duration);
    if (!duration && !loops) out["duration"] = "10s";
    add(out, "loops", loops);
    add(out, "distance", distance_us);
    add(out, "phase", phase_us);
    add(out, "spike", spike_us);
    add(out, "tracer", tracer);
    add(out, "cpus", cpus);
    add(out, "interval", interval_us);
    add(out, "mode", mode);
    add(out, "policy", policy);
    add(out, "priority", priority);
    add(out, "histogram", histogram);
    add(out, "break", break_us);
    add(out, "load", load);
    add(out, "load-cpus", load_cpus);
    add(out, "name", name);
    for (const auto& [key, given] :
         {std::pair("nanoseconds", nanoseconds), {"tracemark", tracemark}, {"trace", trace}, {"force", force}})
        if (given) out[key] = true;
    return out;
}

std::optional<HardwareFirst> LatencyRun::hardware() const {
    if (!hardware_first) return std::nullopt;
    HardwareFirst first{.duration = *hardware_first};
    if (hardware_limit_us) first.limit_us = *hardware_limit_us;
    return first;
}

} // namespace rtnode::client
