#pragma once
// What is wrong, or good to know, with kernel arguments before a node boots with them.

#include "profile/arguments/remark.hpp"
#include "profile/arguments/target_kernel.hpp"
#include "state/topology.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace rtnode::profile {

/// COMMAND_LINE_SIZE of x86 (arch/x86/include/asm/setup.h), the terminating zero included.
inline constexpr std::size_t command_line_limit = 2048;

/// In the order of the tokens: those that harm, that may keep the node from booting, that the kernel ignores (each is
/// held against the kernel's version, where that is known, and against the processor's vendor and flags), that
/// contradict each other, and that aren't known, with the name that was probably meant.
/// @param tokens a profile's, or a whole command line without what installer and boot loader wrote
std::vector<Remark> remarks(const std::vector<std::string>& tokens, const TargetKernel& kernel,
                            const NodeTopology& node);

/// Bytes of a command line with its terminating zero.
std::size_t command_line_bytes(const std::vector<std::string>& tokens);

/// A blocker when the kernel would cut the end off, a warning when less than a tenth of the limit is left.
/// @param tokens the whole line as the kernel will see it: `root=`, `ostree=` and the boot loader's `BOOT_IMAGE=` too
std::optional<Remark> length_remark(const std::vector<std::string>& tokens);

} // namespace rtnode::profile
