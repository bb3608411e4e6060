#pragma once
// The root that the sandbox sees. Private to daemon/assemble; called in the sandbox's own namespaces only.

#include "assemble/channel.hpp"

#include <string>
#include <vector>

namespace rtnode::assemble {

/// Mounts the overlay and all that belongs around it, and makes it the root: afterwards no path of the host can be
/// reached. Needs all capabilities. @throws Error{OverlayUnavailable}, Error{SandboxUnavailable},
/// Error{UnsupportedRoot}
void enter_root(const SandboxSpec& spec);

/// Puts a program that does nothing over those that would change the boot loader or make an initramfs. In a mount
/// namespace of its own: what is masked here is the real thing for everybody else, so that no mask gets into an
/// initramfs (rpm-ostree #4190). @param shipped programs of the change itself: rename(2) over a mount fails.
void mask_programs(const std::vector<std::string>& shipped);

/// Keeps the ten capabilities that rpm-ostree gives to scriptlets, for this process and its children for good.
void drop_privileges();

} // namespace rtnode::assemble
