#include "profile/arguments/cpu_sets.hpp"

#include "state/error.hpp"
#include "state/numbers.hpp"

#include <algorithm>
#include <map>
#include <string_view>
#include <tuple>

namespace rtnode::profile {
namespace {

struct Core {
    CpuList cpus; ///< its threads
    unsigned numa_node = 0;
    bool first_of_node = false;
};

Error refused(const Profile& profile, std::string_view why) {
    return fail(Reason::Configuration, "profile '{}': {}", profile.name, why);
}

/// The cores with a CPU that is online, in the order of their lowest CPUs.
std::vector<Core> cores_of(const NodeTopology& node) {
    std::vector<Core> cores;
    std::map<unsigned, unsigned> cores_of_node;
    for (const auto& cpu : node.cpus) {
        const auto threads = cpu.siblings.empty() ? CpuList{cpu.cpu} : cpu.siblings;
        if (threads.front() == cpu.cpu) cores.push_back({threads, cpu.numa_node, cores_of_node[cpu.numa_node]++ == 0});
    }
    return cores;
}

/// `cpus` with all threads of each core that they have one of.
CpuList whole_cores(const CpuList& cpus, const NodeTopology& node) {
    auto whole = cpus;
    for (const auto& core : cores_of(node))
        if (!cpus_in_both(core.cpus, cpus).empty()) whole = cpus_in_either(whole, core.cpus);
    return whole;
}

CpuList reserved_cores(const Profile& profile, const NodeTopology& node) {
    auto cores = cores_of(node);
    if (profile.reserve_cores >= cores.size())
        throw refused(profile, cores.size() < 2
                                   ? "the node has one core only, which can't be both reserved and isolated; leave out "
                                     "reserve-cores"
                                   : fmt::format("reserve-cores = {} leaves nothing to isolate: the node has {} cores; "
                                                 "write at most {}",
                                                 profile.reserve_cores, cores.size(), cores.size() - 1));
    const auto home = cores.front().numa_node;
    const auto place = [&](const Core& core) {
        return std::tuple(!core.first_of_node, core.numa_node != home, core.numa_node, core.cpus.front());
    };
    std::ranges::sort(cores, {}, place);
    CpuList reserved;
    for (std::size_t i = 0; i < profile.reserve_cores; ++i)
        reserved = cpus_in_either(reserved, cores[i].cpus);
    return reserved;
}

/// What to write when about `reserved` was meant.
std::string instead(const CpuList& reserved, const NodeTopology& node) {
    const auto possible = cpus_in_either(cpus_in_both(reserved, node.present), {node.present.front()});
    const auto whole = whole_cores(possible, node);
    const auto rest = cpus_without(node.present, whole);
    if (rest.empty()) return "as whole cores these would leave none to isolate: reserve fewer CPUs";
    return fmt::format("write reserved = \"{}\" and isolated = \"{}\"", format_cpu_list(whole), format_cpu_list(rest));
}

void refuse_absent(const Profile& profile, const CpuSets& sets, const NodeTopology& node) {
    const auto absent = cpus_without(cpus_in_either(sets.reserved, sets.isolated), node.present);
    if (absent.empty()) return;
    const auto meant = sets.reserved.empty() ? cpus_without(node.present, sets.isolated) : sets.reserved;
    throw refused(profile, fmt::format("CPU {} doesn't exist, present are {}; {}", format_cpu_list(absent),
                                       format_cpu_list(node.present), instead(meant, node)));
}

void refuse_split_core(const Profile& profile, const CpuSets& sets, const NodeTopology& node) {
    for (const auto& core : cores_of(node)) {
        const auto reserved = cpus_in_both(core.cpus, sets.reserved);
        const auto isolated = cpus_in_both(core.cpus, sets.isolated);
        if (!reserved.empty() && !isolated.empty())
            throw refused(profile,
                          fmt::format("CPU {} is reserved, but CPU {}, its sibling on the same core, is isolated; {}",
                                      format_cpu_list(reserved), format_cpu_list(isolated),
                                      instead(sets.reserved, node)));
    }
}

void check(const Profile& profile, const CpuSets& sets, const NodeTopology& node) {
    if (const auto both = cpus_in_both(sets.reserved, sets.isolated); !both.empty())
        throw refused(profile, fmt::format("CPU {} is both reserved and isolated; {}", format_cpu_list(both),
                                           instead(sets.reserved, node)));
    const auto forgotten = cpus_without(node.present, cpus_in_either(sets.reserved, sets.isolated));
    if (!forgotten.empty())
        throw refused(profile, fmt::format("CPU {} is neither reserved nor isolated; {}", format_cpu_list(forgotten),
                                           instead(sets.reserved, node)));
    const CpuList boot{node.present.front()};
    if (cpus_in_both(sets.reserved, boot).empty())
        throw refused(profile, fmt::format("CPU {}, which boots the node and keeps its time, isn't reserved; {}",
                                           boot.front(), instead(sets.reserved, node)));
    refuse_split_core(profile, sets, node);
    if (sets.isolated.empty())
        throw refused(profile,
                      "every CPU is reserved and none is left to isolate; name fewer in reserved, or leave out "
                      "the CPU sets");
}

std::string are(const CpuList& cpus) {
    return cpus.size() == 1 ? "is" : "are";
}

} // namespace

CpuSets choose(const Profile& profile, const NodeTopology& node) {
    const bool lists = !profile.reserved.empty() || !profile.isolated.empty();
    if (!lists && profile.reserve_cores == 0) return {};
    if (lists && profile.reserve_cores > 0)
        throw refused(profile, "both lists of CPUs and reserve-cores are given; write only one of them");
    if (node.present.empty())
        throw fail(Reason::Internal, "no CPU is present; is /sys/devices/system/cpu/present readable?");
    CpuSets sets{lists ? profile.reserved : reserved_cores(profile, node), profile.isolated};
    refuse_absent(profile, sets, node);
    if (sets.reserved.empty())
        sets.reserved = cpus_without(node.present, sets.isolated);
    else if (sets.isolated.empty())
        sets.isolated = cpus_without(node.present, sets.reserved);
    check(profile, sets, node);
    return sets;
}

std::vector<std::string> warnings_of(const CpuSets& sets, const NodeTopology& node) {
    std::vector<std::string> warnings;
    if (sets.reserved.empty()) return warnings;
    for (const auto& numa : node.numa)
        if (!numa.cpus.empty() && cpus_in_both(numa.cpus, sets.reserved).empty())
            warnings.push_back(
                fmt::format("NUMA node {} (CPU {}) has no reserved CPU: managed interrupts of devices there "
                            "stay on isolated ones; reserve one of its cores",
                            numa.node, format_cpu_list(numa.cpus)));
    if (const auto offline = cpus_without(sets.isolated, node.online); !offline.empty())
        warnings.push_back(fmt::format("isolated CPU {} {} offline: nothing can run there until it comes online, and "
                                       "whose sibling it is can't be told",
                                       format_cpu_list(offline), are(offline)));
    if (const auto offline = cpus_without(sets.reserved, node.online); !offline.empty())
        warnings.push_back(fmt::format("reserved CPU {} {} offline: the others have to keep the node running",
                                       format_cpu_list(offline), are(offline)));
    return warnings;
}

} // namespace rtnode::profile
