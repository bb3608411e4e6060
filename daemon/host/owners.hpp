#pragma once
// Who else decides on this node's kernel arguments, or on its kernel.

#include <filesystem>
#include <string>
#include <vector>

namespace rtnode::host {

inline constexpr const char* machine_config_daemon_name = "machine-config daemon";

struct KernelOwner {
    std::string name; ///< machine_config_daemon_name, "node tuning operator", "TuneD", "bootc", "boot entry source X"
    std::string evidence;               ///< the file or folder that tells so, as the node names it
    std::vector<std::string> arguments; ///< that it sets, in its order, quoted ones verbatim
    std::string kernel_type;            ///< of a MachineConfig: "default", "realtime", "64k-pages"; "" = not said
    std::string note;                   ///< for people: a profile's name, or why the arguments can't be told; else ""

    bool operator==(const KernelOwner&) const = default;
};

/// From files below `root`, in this order; nobody is an empty list, and a file that can't be understood a note:
/// - the machine-config daemon's etc/machine-config-daemon/currentconfig, a rendered MachineConfig in JSON
///   (machine-config-operator's pkg/daemon/update.go, storeCurrentConfigOnDisk)
/// - the node tuning operator's folder var/lib/ocp-tuned (its pkg/tuned/controller.go); its arguments reach the node in
///   a MachineConfig
/// - TuneD's etc/tuned/active_profile and bootcmdline (its tuned/consts.py)
/// - bootc's drop-ins usr/lib/bootc/kargs.d/*.toml (bootc's lib/src/kargs.rs), one row each
/// - keys x-options-source-X of boot/loader/entries/*.conf, which bootc writes for tools that set arguments by it and
///   libostree carries from one deployment to the next (ostree's src/libostree/ostree-bootconfig-parser.c)
std::vector<KernelOwner> kernel_owners(const std::filesystem::path& root = "/");

} // namespace rtnode::host
