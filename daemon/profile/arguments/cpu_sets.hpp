#pragma once
// Which CPUs keep the node running and which are for real-time work.

#include "state/profile.hpp"
#include "state/topology.hpp"

#include <string>
#include <vector>

namespace rtnode::profile {

/// Disjoint, and together all CPUs that are present; both empty when a profile has no CPU sets.
struct CpuSets {
    CpuList reserved; ///< of the operating system, "housekeeping" to the kernel; the boot CPU is among them
    CpuList isolated;

    bool operator==(const CpuSets&) const = default;
};

/// The profile's CPU sets on this node. Of one list the other is the rest of the present CPUs, so that no CPU that is
/// offline today changes the arguments. Of `reserve-cores` whole cores are taken: that of the boot CPU first, then one
/// of each further NUMA node, since a device's managed interrupts need a housekeeping CPU near it, then more of the
/// boot CPU's node and the next ones. (NTO's performance-profile-creator takes them in the order of their numbers, or
/// splits the count; TuneD's calc_isolated_cores doesn't know siblings.)
///
/// Refused are CPUs that don't exist, CPUs in both sets or in none, a boot CPU that isn't reserved (the kernel takes it
/// out of nohz_full= by itself), a core whose siblings are in different sets (kubelet's full-pcpus-only would refuse
/// pods, and the reserved thread disturbs the isolated one), and sets that leave nothing to isolate.
/// @throws Error{Configuration}, which names the CPUs and what to write; Error{Internal} without a present CPU
CpuSets choose(const Profile& profile, const NodeTopology& node);

/// What isn't as good as it could be, a sentence each: NUMA nodes without a reserved CPU, CPUs that are offline.
std::vector<std::string> warnings_of(const CpuSets& sets, const NodeTopology& node);

} // namespace rtnode::profile
