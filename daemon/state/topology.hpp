#pragma once
// The processors and the memory of a node, as values, so that what is computed from them can be tested anywhere.

#include "state/cpu_list.hpp"

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace rtnode {

struct NodeTopology {
    struct Cpu {
        unsigned cpu = 0;
        unsigned package = 0;   ///< physical_package_id
        unsigned core = 0;      ///< core_id, of its package only
        unsigned numa_node = 0; ///< 0 where the kernel has no NUMA
        CpuList siblings;       ///< the threads of its core, itself among them

        bool operator==(const Cpu&) const = default;
    };
    struct NumaNode {
        unsigned node = 0;
        CpuList cpus;
        std::uint64_t memory_kib = 0, free_kib = 0;
        std::map<std::uint64_t, std::uint64_t> huge_pages; ///< allocated now, by the page's size in KiB

        bool operator==(const NumaNode&) const = default;
    };

    CpuList online, present;
    std::vector<Cpu> cpus;          ///< the online ones, ascending
    std::vector<NumaNode> numa;     ///< ascending; one, without NUMA, has it all
    std::string vendor;             ///< "GenuineIntel", "AuthenticAMD", …; "" = unknown
    std::string pmu_name;           ///< /sys/devices/cpu/caps/pmu_name, as "skylake"; "" = unknown
    std::vector<std::string> flags; ///< of the lowest CPU, from /proc/cpuinfo: "pdpe1gb" allows 1 GiB pages
    std::uint64_t memory_kib = 0;   ///< MemTotal

    bool smt() const; ///< a core has more than one thread

    bool operator==(const NodeTopology&) const = default;
};

} // namespace rtnode
