#pragma once
// Deployments of a sysroot, as values.

#include "state/kernel_arguments.hpp"
#include "state/nevra.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace rtnode {

/// The origin file of a deployment: rpm-ostree's record of what is wanted (rpm-ostree rust/src/origin.rs).
struct Origin {
    std::string refspec;       ///< refspec, or baserefspec once layered
    bool is_container = false; ///< container-image-reference instead of a refspec
    std::string custom_url, custom_description;
    std::vector<std::string> requested;               ///< [packages] requested
    std::vector<std::string> requested_local;         ///< [packages] requested-local, "<header sha256>:<nevra>"
    std::vector<std::string> overrides_remove;        ///< [overrides] remove, names
    std::vector<std::string> overrides_replace_local; ///< [overrides] replace-local, "<header sha256>:<nevra>"
    std::vector<std::string> overrides_replace;       ///< [overrides] replace (from a repository; not ours)
    std::vector<std::string> requested_fileoverride;  ///< [packages] requested-local-fileoverride
    std::vector<std::string> initramfs_etc;
    std::vector<std::string> initramfs_args;
    bool regenerate_initramfs = false;
    std::string raw; ///< the whole file, byte for byte

    bool layered() const; ///< anything above that needs local assembly (rpm-ostree's may_require_local_assembly)
};

struct Deployment {
    unsigned index = 0;
    std::string stateroot;
    std::string checksum;
    unsigned serial = 0;
    std::string base_checksum;   ///< the parent of a client-layered commit, else checksum
    bool layered = false;        ///< rpmostree.clientlayer
    std::string version;         ///< commit metadata `version`
    std::uint64_t timestamp = 0; ///< of the commit, s since the epoch
    std::string base_version;
    std::uint64_t base_timestamp = 0;
    bool booted = false, staged = false, pinned = false, pending = false, rollback = false;
    bool unlocked = false;
    Origin origin;
    KernelArguments kernel_arguments;              ///< of the boot loader entry, or of the staged record
    std::string kernel;                            ///< ostree.linux, or the folder of vmlinuz
    bool real_time = false;                        ///< that kernel is a real-time kernel
    std::vector<Nevra> removed;                    ///< rpmostree.removed-base-packages
    std::vector<std::pair<Nevra, Nevra>> replaced; ///< old, new: rpmostree.replaced-base-packages
    std::vector<Nevra> layered_packages;           ///< requested-local by NEVRA
    struct {
        unsigned upgraded = 0, downgraded = 0, removed = 0, added = 0;
    } diff; ///< against the booted (or next) deployment, by rpmdb pkglist
};

} // namespace rtnode
