#pragma once
// Whether what a profile asks for has its effect on the running node: by the kernel's own words, not by what was asked.

#include "profile/arguments/cpu_sets.hpp"
#include "state/profile.hpp"
#include "state/topology.hpp"
#include "state/verification.hpp"

#include <filesystem>
#include <string>
#include <vector>

namespace rtnode::profile {

/// One row for each thing that the profile asks for, and for each fact of its isolated CPUs, of these, in this order:
/// preemption, clocksource, microcode-revision, idle-states, huge-pages-SIZE, huge-pages-SIZE-node-N, sysctl NAME,
/// timer-migration, ignore-corrected-errors, rt-throttling or stalld, mitigations, isolated-cpus, tickless-cpus,
/// workqueues, default-interrupt-affinity, isolated-interrupts, kernel-threads, system-affinity, kubelet-reserved-cpus,
/// kubelet-exclusive-cpus.
///
/// A fact that nothing asks for is not-applicable, and its remedy says what it means. What can't be read is unknown,
/// and the remedy says why. Nothing throws for a file that is missing or odd.
/// @param sets the profile's on this node, see choose()
/// @param arguments all kernel arguments that the profile wants, the computed ones before its own
/// @param node read just now, for its huge pages
/// @param root where proc, sys, etc, usr, boot and var are
std::vector<Check> check_effects(const Profile& profile, const CpuSets& sets, const std::vector<std::string>& arguments,
                                 const NodeTopology& node, const std::filesystem::path& root = "/");

} // namespace rtnode::profile
