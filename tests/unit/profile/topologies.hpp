#pragma once
// Machines to compute profiles for.

#include "state/topology.hpp"

#include <algorithm>
#include <string>

namespace rtnode::profile {

struct Shape {
    unsigned nodes = 1, cores = 4; ///< NUMA nodes, and cores of each
    unsigned threads = 1;          ///< of each core; the second ones have the higher numbers
    bool interleaved = false;      ///< neighbouring numbers are cores of different NUMA nodes
    std::uint64_t gib = 64;        ///< of each NUMA node
};

inline NodeTopology machine(const Shape& shape) {
    NodeTopology node;
    const auto cores = shape.nodes * shape.cores;
    for (unsigned numa = 0; numa < shape.nodes; ++numa)
        node.numa.push_back({.node = numa, .memory_kib = shape.gib << 20, .free_kib = shape.gib << 20});
    for (unsigned cpu = 0; cpu < cores * shape.threads; ++cpu) {
        const auto core = cpu % cores;
        const auto numa = shape.interleaved ? core % shape.nodes : core / shape.cores;
        CpuList siblings;
        for (unsigned thread = 0; thread < shape.threads; ++thread)
            siblings.push_back(core + thread * cores);
        node.cpus.push_back({cpu, numa, core, numa, siblings});
        node.numa[numa].cpus.push_back(cpu);
        node.online.push_back(cpu);
        node.present.push_back(cpu);
    }
    node.vendor = "GenuineIntel";
    node.pmu_name = "skylake";
    node.flags = {"fpu", "pdpe1gb", "constant_tsc"};
    node.memory_kib = shape.nodes * (shape.gib << 20);
    return node;
}

/// As after `echo 0 > cpuN/online`: the CPU is only present.
inline void take_offline(NodeTopology& node, unsigned gone) {
    std::erase(node.online, gone);
    std::erase_if(node.cpus, [&](const NodeTopology::Cpu& cpu) { return cpu.cpu == gone; });
    for (auto& cpu : node.cpus)
        std::erase(cpu.siblings, gone);
    for (auto& numa : node.numa)
        std::erase(numa.cpus, gone);
}

} // namespace rtnode::profile
