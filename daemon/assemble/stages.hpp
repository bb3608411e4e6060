#pragma once
// What pid 1 of the sandbox does once the root stands: transaction, kernel, initramfs, checks. Private.

#include "assemble/channel.hpp"

namespace rtnode::assemble {

/// @throws Error as assemble() documents
SandboxResult run_stages(const SandboxSpec& spec, Channel& channel);

} // namespace rtnode::assemble
