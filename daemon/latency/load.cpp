#include "latency/load.hpp"

#include "state/error.hpp"

namespace rtnode::latency {
namespace {

constexpr unsigned most_workers = 1024; // each is a process of some MiB

// $0 is stress-ng, each argument a CPU. When a worker ends, the whole load does, so that it is noticed.
constexpr const char* pinned_workers = "for cpu; do (\"$0\" --cpu 1 --timeout 0 --temp-path /tmp --taskset \"$cpu\"; "
                                       "kill $$) & done; wait";

} // namespace

LoadOptions validated_load(LoadOptions load, const Options& run, const Topology& topology,
                           const std::vector<TakenCpus>& taken) {
    if (load.workers == 0) {
        if (!load.cpus.empty())
            throw fail(Reason::InvalidArgument,
                       "'load-cpus' says where a load runs; say with 'load' of how many workers");
        return load;
    }
    if (load.workers > most_workers)
        throw fail(Reason::InvalidArgument, "a load of {} workers is out of range; give 1 to {} (usual is one a CPU)",
                   load.workers, most_workers);
    if (load.cpus.empty()) {
        load.cpus = cpus_without(topology.online, run.cpus);
        for (const auto& some : taken)
            load.cpus = cpus_without(load.cpus, some.cpus);
        if (load.cpus.empty())
            throw fail(Reason::CpuUnavailable,
                       "no CPU is left for the load: each online one ({}) is measured, or somebody has it for himself; "
                       "measure fewer with 'cpus', or name the load's with 'load-cpus'",
                       format_cpu_list(topology.online));
        return load;
    }
    if (const auto absent = cpus_without(load.cpus, topology.online); !absent.empty())
        throw fail(Reason::CpuUnavailable, "the load can't run on CPU {}: not present or offline; online are {}",
                   format_cpu_list(absent), format_cpu_list(topology.online));
    for (const auto& some : taken)
        if (const auto both = cpus_in_both(load.cpus, some.cpus); !both.empty() && !run.force)
            throw fail(Reason::CpuBusy,
                       "the load can't run on CPU {}: {}; choose other CPUs, or force it with the option 'force'",
                       format_cpu_list(both), some.why);
    return load;
}

std::string describe(const LoadOptions& load) {
    if (load.workers == 0) return {};
    return fmt::format("{} × stress-ng --cpu on CPUs {}", load.workers, format_cpu_list(load.cpus));
}

std::vector<std::string> load_command(const LoadOptions& load, const CpuList& isolated, const std::string& stress_ng) {
    // Without a timeout it would end after 24 hours. It doesn't start where it can't write, as in the root folder of an
    // OSTree node, where services start.
    if (load.cpus.size() < 2 || cpus_in_both(load.cpus, isolated).empty())
        return {stress_ng, "--cpu", fmt::format("{}", load.workers), "--timeout", "0", "--temp-path", "/tmp"};
    std::vector<std::string> command{"/bin/sh", "-c", pinned_workers, stress_ng};
    for (unsigned worker = 0; worker < load.workers; ++worker)
        command.push_back(fmt::format("{}", load.cpus[worker % load.cpus.size()]));
    return command;
}

std::vector<std::uint8_t> affinity_bits(const CpuList& cpus) {
    constexpr std::size_t word_bits = 64, word_bytes = 8;
    std::vector<std::uint8_t> bits(cpus.empty() ? 0 : (cpus.back() / word_bits + 1) * word_bytes);
    for (const auto cpu : cpus)
        bits[cpu / 8] = static_cast<std::uint8_t>(bits[cpu / 8] | 1U << cpu % 8);
    return bits;
}

} // namespace rtnode::latency
