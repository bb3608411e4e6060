#pragma once
// What is exported: a node as it runs, with what is known of it, as values.

#include "host/owners.hpp"
#include "profile/arguments/cpu_sets.hpp"
#include "state/deployment.hpp"
#include "state/profile.hpp"
#include "state/verification.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace rtnode::exports {

struct File {
    std::string path; ///< absolute, on the nodes to be
    std::string content;

    bool operator==(const File&) const = default;
};

struct NodeState {
    std::string version;        ///< of rtnoded
    std::uint64_t time_s = 0;   ///< when the node was looked at, s since the epoch
    Deployment deployment;      ///< the booted one; on a node in a folder the one that stands in for it
    std::string booted_next;    ///< commit of the deployment that is booted next, when that is another one
    std::string kernel_release; ///< of the kernel that runs
    bool real_time = false;     ///< that is a real-time kernel

    std::optional<Profile> profile; ///< the configured one
    std::string condition;          ///< how the node stands to it, as Manager's property; "" without a profile
    std::string planned_by;         ///< profile that made the deployment; "" = none did
    std::string plan;               ///< the hash by which it did
    std::vector<std::string> ours;  ///< the kernel arguments that profiles want, or have set
    std::vector<host::KernelOwner> owners;
    profile::CpuSets cpus;               ///< both empty when no CPU is isolated
    std::string topology_manager_policy; ///< kubelet's; "" = unknown
    std::vector<Check> checks;           ///< of Manager.Verify

    std::vector<File> files; ///< the profile and the settings, without anything secret
};

} // namespace rtnode::exports
