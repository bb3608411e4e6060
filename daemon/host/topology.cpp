#include "host/topology.hpp"

#include "state/file_text.hpp"
#include "state/machine_files.hpp"
#include "state/numbers.hpp"

#include <algorithm>
#include <map>
#include <sstream>
#include <string_view>
#include <system_error>
#include <utility>

namespace rtnode::host {
namespace {

namespace fs = std::filesystem;

/// The kernel says -1 where the platform doesn't tell.
unsigned id_in(const fs::path& file, unsigned otherwise) {
    const auto number = number_in(file);
    return number && *number >= 0 ? static_cast<unsigned>(*number) : otherwise;
}

NodeTopology::Cpu read_cpu(const fs::path& root, unsigned number) {
    NodeTopology::Cpu cpu;
    cpu.cpu = number;
    auto siblings = cpus_in(cpu_file(root, number, "topology/core_cpus_list"));
    if (!siblings) siblings = cpus_in(cpu_file(root, number, "topology/thread_siblings_list")); // before 5.3
    cpu.siblings = siblings && !siblings->empty() ? *siblings : CpuList{number};
    cpu.package = id_in(cpu_file(root, number, "topology/physical_package_id"), 0);
    cpu.core = id_in(cpu_file(root, number, "topology/core_id"), cpu.siblings.front());
    return cpu;
}

/// In KiB, 0 when it isn't told. Lines are "MemTotal:  16384 kB", of a NUMA node "Node 0 MemTotal:  16384 kB".
std::uint64_t memory_in(const std::string& meminfo, std::string_view label) {
    const auto at = meminfo.find(label);
    if (at == std::string::npos) return 0;
    std::istringstream rest(meminfo.substr(at + label.size()));
    std::uint64_t kib = 0;
    rest >> kib;
    return kib;
}

/// Of a folder with folders like hugepages-2048kB (Documentation/admin-guide/mm/hugetlbpage.rst).
std::map<std::uint64_t, std::uint64_t> huge_pages_in(const fs::path& folder) {
    constexpr std::string_view before = "hugepages-", after = "kB";
    std::map<std::uint64_t, std::uint64_t> pages;
    std::error_code error;
    for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
        const auto name = it->path().filename().string();
        if (!name.starts_with(before) || !name.ends_with(after)) continue;
        const auto digits = name.substr(before.size(), name.size() - before.size() - after.size());
        const auto size_kib = whole_number<std::uint64_t>(digits);
        const auto count = number_in(it->path() / "nr_hugepages");
        if (size_kib && count && *count >= 0) pages[*size_kib] = static_cast<std::uint64_t>(*count);
    }
    return pages;
}

std::vector<NodeTopology::NumaNode> numa_nodes(const fs::path& root) {
    constexpr std::string_view prefix = "node";
    std::vector<NodeTopology::NumaNode> nodes;
    std::error_code error;
    for (fs::directory_iterator it(root / "sys/devices/system/node", error), end; !error && it != end;
         it.increment(error)) {
        const auto name = it->path().filename().string();
        if (!name.starts_with(prefix)) continue;
        const auto number = whole_number<unsigned>(std::string_view(name).substr(prefix.size()));
        if (!number) continue;
        NodeTopology::NumaNode node;
        node.node = *number;
        node.cpus = cpus_in(it->path() / "cpulist").value_or(CpuList{});
        const auto meminfo = file_text(it->path() / "meminfo");
        node.memory_kib = memory_in(meminfo, "MemTotal:");
        node.free_kib = memory_in(meminfo, "MemFree:");
        node.huge_pages = huge_pages_in(it->path() / "hugepages");
        nodes.push_back(std::move(node));
    }
    std::ranges::sort(nodes, {}, &NodeTopology::NumaNode::node);
    return nodes;
}

} // namespace

NodeTopology read_topology(const fs::path& root) {
    NodeTopology topology;
    topology.online = cpus_in(root / "sys/devices/system/cpu/online").value_or(CpuList{});
    topology.present = cpus_in(root / "sys/devices/system/cpu/present").value_or(topology.online);
    for (const auto number : topology.online)
        topology.cpus.push_back(read_cpu(root, number));

    const auto meminfo = file_text(root / "proc/meminfo");
    topology.memory_kib = memory_in(meminfo, "MemTotal:");
    topology.numa = numa_nodes(root);
    if (topology.numa.empty())
        topology.numa.push_back({.node = 0,
                                 .cpus = topology.online,
                                 .memory_kib = topology.memory_kib,
                                 .free_kib = memory_in(meminfo, "MemFree:"),
                                 .huge_pages = huge_pages_in(root / "sys/kernel/mm/hugepages")});
    for (const auto& node : topology.numa)
        for (auto& cpu : topology.cpus)
            if (std::ranges::binary_search(node.cpus, cpu.cpu)) cpu.numa_node = node.node;

    auto processor = first_processor(root);
    topology.vendor = processor["vendor_id"];
    std::istringstream flags(processor["flags"]);
    for (std::string flag; flags >> flag;)
        topology.flags.push_back(flag);
    topology.pmu_name = line_of(root / "sys/devices/cpu/caps/pmu_name").value_or("");
    return topology;
}

} // namespace rtnode::host
