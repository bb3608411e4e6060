#pragma once
// A load beside a measurement, as values: how many workers of stress-ng, on which CPUs, by which command. bus/load
// starts it.

#include "latency/options.hpp"
#include "state/cpu_list.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace rtnode::latency {

struct LoadOptions {
    unsigned workers = 0; ///< processes that keep a CPU busy (stress-ng --cpu), up to 1024; 0 = no load
    CpuList cpus;         ///< none means every online one that isn't measured and that nobody has for himself

    bool operator==(const LoadOptions&) const = default;
};

/// CPUs on which a load would spoil somebody's work, and whose, for people: "CPU 4-5 belongs to container db of …".
struct TakenCpus {
    CpuList cpus;
    std::string why;
};

/// The load with its CPUs filled in, or the reason why it can't be had. The CPUs that the run measures get a load only
/// when they are named, taken ones only when they are named and the run has `force`.
/// @param run validated
/// @throws Error{InvalidArgument, CpuUnavailable, CpuBusy}
LoadOptions validated_load(LoadOptions load, const Options& run, const Topology& topology,
                           const std::vector<TakenCpus>& taken);

/// "25 × stress-ng --cpu on CPUs 4-31"; "" for no load.
std::string describe(const LoadOptions& load);

/// The command that is the load until somebody ends it, its program first. It relies on being started with the
/// affinity of `load.cpus`. Where some of them are isolated the scheduler would leave all workers on the CPU where they
/// started; there a shell starts one stress-ng a worker, each on its own CPU in turn, and ends when one of them does.
/// @param stress_ng its path
std::vector<std::string> load_command(const LoadOptions& load, const CpuList& isolated, const std::string& stress_ng);

/// CPU i is bit i % 8 of byte i / 8, as systemd takes CPUAffinity over D-Bus (cpu_set_from_dbus() of its
/// src/shared/cpu-set-util.c); whole words of 64 bits, since older ones read them by words.
std::vector<std::uint8_t> affinity_bits(const CpuList& cpus);

} // namespace rtnode::latency
