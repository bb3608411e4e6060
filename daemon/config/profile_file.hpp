#pragma once
// Profiles as TOML: NAME.toml of the profile folders, and its drop-ins.

#include "config/settings.hpp"
#include "state/profile.hpp"

#include <string>
#include <vector>

namespace rtnode::config {

/// The profiles that there are, ascending: NAME for each NAME.toml. One that is a link to /dev/null in a later folder
/// is taken away. @throws Error{Configuration} for a folder that can't be read
std::vector<std::string> profile_names(const Sources& sources);

/// The profile of that name: NAME.toml of the last folder that has one, then NAME.toml.d/*.toml of all folders in the
/// order of their names (here, too, the last folder wins a name). A later value replaces an earlier one, a list as a
/// whole; sysctls one by one. What an earlier file said is taken back by "", 0, false, [] or duration = "0s".
///
/// Every key, in a profile that could be meant so; each may be left out:
/// ```toml
/// description = "Radio units"
///
/// [packages]
/// kernel = "rt"                    # "" (as it is), "rt" or "stock"
/// kernel-version = "match-base"    # with kernel = "rt"; or "newest", "pinned", "5.14.0-427.13.1.el9_4"
/// replace = ["microcode_ctl"]      # names of the enabled repositories, URLs (#sha256=HEX allowed), absolute paths
/// remove = ["cockpit-ws"]          # names of the base's packages
/// install = ["tuna"]               # as replace
///
/// [cpus]                           # lists of all CPUs, or reserve-cores instead, or nothing of it
/// reserved = "0-1"                 # for everything else
/// isolated = "2-15"                # for real-time work
/// reserve-cores = 0                # so many whole cores are reserved, the others are isolated
///
/// [kernel-arguments]
/// append = ["tsc=reliable"]        # each a token of its own, in this order, after the computed ones
/// isolate = true                   # compute what isolates the isolated CPUs on this node
/// balance-isolated = true          # with isolate: the scheduler balances among isolated CPUs
/// real-time = true                 # with isolate: also what a real-time kernel wants
/// high-power = false               # with isolate: no deep sleep and no saving of power on any CPU
///
/// [huge-pages]
/// default-size = "1G"              # "" (the kernel's), "2M" or "1G"
/// pages = [{ size = "1G", count = 32 }, { size = "2M", count = 512, numa-node = 0 }] # without node: over all
///
/// [run-time]                       # set at each boot
/// housekeeping-workqueues = true   # workqueues keep off the isolated CPUs
/// housekeeping-interrupts = true   # interrupts, too
/// ignore-corrected-errors = true   # machine checks: errors that the hardware corrected make no interrupt
/// timer-migration = true           # kernel.timer_migration
///
/// [run-time.sysctls]               # names with dots as in /etc/sysctl.d, in quotes or not; "" leaves it alone again
/// "kernel.hung_task_timeout_secs" = 600
/// "net.ipv4.tcp_rmem" = "4096 87380 6291456"
///
/// [verify]
/// require-real-time = true         # the running kernel is PREEMPT_RT
/// clocksource = "tsc"              # "" is any
/// microcode = "0x2b000603"         # the lowest revision on every CPU; "" is any
/// max-isolated-interrupts = 0      # device interrupts that may be bound to isolated CPUs
///
/// [acceptance]                     # a measurement that must be good before a deployment is
/// cpus = "isolated"                # that, a list, or "" (every online one)
/// duration = "10m"                 # "0s": none
/// interval = "1ms"                 # between wake-ups, "50us" to "1s"
/// max-us = 100                     # the largest latency allowed; 0 is any
/// p99-99-us = 20                   # what 99.99 % must be below; 0 is any
/// baseline = true                  # not worse than the last accepted one …
/// tolerance = 0.1                  # … by more than so much, 0 to 1
/// on-stock-kernel = false          # judge also where no real-time kernel runs
/// on-failure = "report"            # of this or of [verify]; "rollback": back to the last good deployment
/// force-on-managed = false         # rollback also on a node under the machine-config daemon
///
/// [reboot]
/// when = "window"                  # "manual", "immediate", "idle", "window" or "external"
/// window = "22:00-04:00"           # local time; may cross midnight
/// days = ["sat", "sun"]            # on which a window starts, "mon" … "sun"; [] is every day
/// go-file = "/run/rtnode/go"       # of external: when this file is there …
/// go-unit = "drained.target"       # … or this unit is active
/// ```
///
/// @throws Error{Configuration}: no such profile (names those that there are); a file that can't be read, or vanished;
///         with file and line an unknown key, a value that can't be, or values that contradict each other on any node
Profile load_profile(const Sources& sources, const std::string& name);

} // namespace rtnode::config
