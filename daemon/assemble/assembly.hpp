#pragma once
// Makes a changed tree: an overlay over the base's checkout in which librpm, depmod and dracut do their work, inside a
// sandbox. The base's files can't be written, by construction.

#include "assemble/progress.hpp"
#include "state/package.hpp"

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace rtnode::assemble {

struct Assembly {
    std::filesystem::path lower;    ///< an existing deployment of the base commit (not an unlocked one), or a
                                    ///< hardlink checkout of it; only its usr counts, usr/etc stands for its etc
    std::filesystem::path node_etc; ///< /etc of the node that will get the tree, for its accounts; may be empty
    std::filesystem::path
        work_folder; ///< existing, empty, ours, in the repository's file system: gets upper/ and work/
    std::vector<PackageFileOnDisk> install; ///< new ones and replacements, checked by rpm::read_package()
    std::vector<Nevra> erase;               ///< of the base; not those that `install` replaces
    bool changes_kernel = false;            ///< runs depmod for the one kernel of the result
    bool regenerate_initramfs = false;      ///< runs dracut
    std::vector<std::string> dracut_args;   ///< the base commit's rpmostree.initramfs-args; empty = --no-hostonly
    unsigned scriptlet_limit_s = 300;       ///< wall time of all scriptlets together
    unsigned dracut_limit_s = 600;          ///< wall time of dracut, and of depmod
};

struct Assembled {
    std::filesystem::path upper;   ///< the change as overlayfs keeps it: whiteouts, opaque folders, trusted.overlay.*
    std::string kernel_version;    ///< of the one kernel: folder below usr/lib/modules
    std::vector<Nevra> packages;   ///< of the new rpmdb, in rpm-ostree's order
    std::uint64_t peak_memory = 0; ///< largest resident set of one process in the sandbox, bytes
};

/// Assembles in a child of this program (`/proc/self/exe --sandbox`, see sandbox.hpp). Call it from the main thread:
/// the child dies with the calling thread. Nothing is left running or mounted when it returns or throws; the content
/// of work_folder is the caller's to remove.
///
/// @throws Error{OverlayUnavailable}, Error{SandboxUnavailable}, Error{UnsupportedRoot};
///         what rpm::run() throws; Error{NoKernel}, Error{SeveralKernels}; Error{InitramfsFailed};
///         Error{MicrocodeMissing}; Error{StepTimedOut} naming the package and scriptlet; Error{Canceled};
///         Error{NoSpace}; Error{WorkerDied} when the sandbox was killed by something else
Assembled assemble(const Assembly& assembly, Progress& progress);

} // namespace rtnode::assemble
