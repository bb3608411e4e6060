#pragma once
// What the kernel says about this machine, and what systemd is told.

#include <sys/types.h>

#include <string>

namespace rtnode::host {

std::string boot_id();        ///< /proc/sys/kernel/random/boot_id; "" when unreadable
std::string kernel_release(); ///< uname -r
std::string command_line();   ///< /proc/cmdline; "" when unreadable
bool real_time_kernel();      ///< /sys/kernel/realtime says 1

/// Whether the process lives in our own user namespace; false when it is gone or we may not look. Root of another user
/// namespace can have uid 0 in ours as well: the namespace tells them apart.
bool in_our_user_namespace(pid_t pid);

/// The systemd unit of a process, "" when there is none.
std::string unit_of(pid_t pid);

/// sd_notify(3): "READY=1", "STATUS=…"; nothing happens when nobody listens.
void notify(const std::string& text);

} // namespace rtnode::host
