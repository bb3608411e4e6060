#pragma once
// What a profile sets at run time, anew at each boot: files of /proc and /sys, and what to write to them.

#include "profile/arguments/cpu_sets.hpp"
#include "state/profile.hpp"

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace rtnode::profile {

struct Setting {
    enum class Kind {
        value,     ///< read back as it was written, but for blanks
        cpu_mask,  ///< read back as a mask of these CPUs, or of some of them: the kernel may keep others out itself
        interrupt, ///< a cpu_mask that the kernel may refuse with EIO, as it does for managed interrupts
        huge_pages ///< a number of pages, of which the kernel may find fewer
    };
    std::string path;  ///< below the root, without a '/' at its begin
    std::string value; ///< without an end of line
    std::string why;   ///< for people
    Kind kind = Kind::value;

    bool operator==(const Setting&) const = default;
};

/// In the order in which they are best applied: huge pages of NUMA nodes, while memory is still whole; workqueue masks;
/// ignore_ce of each CPU; kernel.timer_migration; the profile's sysctls; the affinity of interrupts.
///
/// Interrupts, those of devices to come too, lose the isolated CPUs; one that would have none left gets all others, as
/// TuneD's default_irq_smp_affinity=calc does it. Those that the kernel is known not to let move are left out. Without
/// isolated CPUs there is nothing to set for workqueues and interrupts.
/// @param sets the profile's on this node, see choose()
/// @param root where the files are looked for, as apply() gets it
std::vector<Setting> settings_of(const Profile& profile, const CpuSets& sets, const NodeTopology& node,
                                 const std::filesystem::path& root = "/");

struct SettingOutcome {
    enum class State {
        done,
        already, ///< it was as wanted, and nothing was written
        fewer,   ///< huge pages: "got 3 of 8"
        left,    ///< an interrupt that the kernel doesn't let move: a note, no error
        missing, ///< the running kernel has no such file
        failed
    };
    Setting setting;
    State state = State::done;
    std::string text; ///< of fewer, left, missing and failed: what happened; else what was there before

    bool operator==(const SettingOutcome&) const = default;
};

/// "done", "already", "fewer", "left", "missing", "failed".
std::string_view name_of(SettingOutcome::State state);

/// Writes what isn't as wanted, and reads it back; one that fails doesn't keep the others from being tried. No file is
/// made, and no link is followed at a path's end. Huge pages are never taken away: somebody may use those beyond the
/// wanted.
/// @param tries how often a number of huge pages is written, at least once, without waiting in between: each time the
///   kernel moves memory together anew. A caller that wants to wait calls again, with what is fewer.
std::vector<SettingOutcome> apply(const std::vector<Setting>& settings, const std::filesystem::path& root = "/",
                                  unsigned tries = 1);

} // namespace rtnode::profile
