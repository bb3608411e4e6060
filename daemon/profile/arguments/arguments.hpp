#pragma once
// The kernel arguments that make a profile, computed for this node and its next kernel.

#include "profile/arguments/cpu_sets.hpp"
#include "profile/arguments/target_kernel.hpp"
#include "state/profile.hpp"
#include "state/topology.hpp"

#include <string>
#include <vector>

namespace rtnode::profile {

struct Argument {
    std::string token;
    std::string why;       ///< what it does, and by which setting it is there
    std::string since;     ///< Since::text(); "" = not known
    bool computed = false; ///< not one of the profile's own `append`

    bool operator==(const Argument&) const = default;
};

/// An argument of the formula that isn't on the command line.
struct LeftOutArgument {
    std::string token;
    std::string why;    ///< what it would do
    std::string since;  ///< as Argument's
    std::string reason; ///< why it isn't there

    bool operator==(const LeftOutArgument&) const = default;
};

/// With `isolate` the arguments of OpenShift's cluster-node-tuning-operator (performance profiles: TuneD's
/// openshift-node-performance and what it includes) in its order, then huge pages, then the profile's `append`
/// verbatim; without `isolate` only the latter two. On purpose other than there:
/// - each argument once: it writes skew_tick=1 and tsc=reliable twice;
/// - no mce=off with the hint real-time: it hides faults. ignore_ce, which the profile sets at run time, spares the
///   CPUs the polling; whoever wants mce=off appends it;
/// - no tuned.non_isolcpus: nothing on an OSTree node reads it; workqueue masks are set at run time;
/// - systemd.cpu_affinity= is what is present and not isolated, where theirs is what is *online* and not isolated, so
///   that a CPU that is offline today doesn't change the command line; and it is in ascending order;
/// - what the target kernel doesn't understand isn't written: rcutree.nohz_full_patience_delay, amd_pstate,
///   systemd.cpu_affinity, and isolcpus= with a flag that would make an old kernel ignore all of it.
/// irqaffinity= is written there for Open vSwitch with DPDK only, which profiles don't have.
/// @throws Error{Configuration} when there is nothing to isolate
std::vector<Argument> arguments_of(const Profile& profile, const CpuSets& sets, const NodeTopology& node,
                                   const TargetKernel& kernel);

/// What the formula has and arguments_of() doesn't. @throws as arguments_of()
std::vector<LeftOutArgument> left_out_of(const Profile& profile, const CpuSets& sets, const NodeTopology& node,
                                         const TargetKernel& kernel);

std::vector<std::string> tokens_of(const std::vector<Argument>& arguments);

/// Those of arguments_of() for the kernel of that release. @throws as arguments_of() and TargetKernel::parse()
std::vector<std::string> tokens_for(const Profile& profile, const CpuSets& sets, const NodeTopology& node,
                                    const std::string& kernel_release);

} // namespace rtnode::profile
