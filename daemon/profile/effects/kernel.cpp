// What runs: the kernel, its clock, the processors' microcode and idle states.

#include "profile/effects/node_files.hpp"
#include "profile/effects/parts.hpp"
#include "state/file_text.hpp"
#include "state/machine_files.hpp"
#include "state/numbers.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <sstream>

namespace rtnode::profile {
namespace {

namespace fs = std::filesystem;

using Groups = std::map<std::string, CpuList>; // CPUs by what was found on them

/// "0x2b000603 on CPU 0-3, 0x2b000590 on CPU 4".
std::string by_cpu(const Groups& groups) {
    std::vector<std::string> items;
    for (const auto& [what, cpus] : groups)
        items.push_back(fmt::format("{} on CPU {}", what, format_cpu_list(cpus)));
    return listed(items);
}

/// CONFIG_PREEMPT_RT; the 4.18 kernels of el8 were patched and say CONFIG_PREEMPT_RT_FULL.
bool configured_real_time(const fs::path& root) {
    const auto release = line_of(root / "proc/sys/kernel/osrelease").value_or("");
    if (release.empty()) return false;
    for (const auto& file :
         {"usr/lib/modules/" + release + "/config", "lib/modules/" + release + "/config", "boot/config-" + release}) {
        std::istringstream lines(file_text(root / file));
        for (std::string line; std::getline(lines, line);)
            if (line == "CONFIG_PREEMPT_RT=y" || line == "CONFIG_PREEMPT_RT_FULL=y") return true;
    }
    return false;
}

Checks preemption(const Subject& subject) {
    if (!subject.profile.require_real_time && subject.profile.kernel != "rt") return {};
    constexpr const char *name = "preemption", *wanted = "PREEMPT_RT";
    if (line_of(subject.root / "sys/kernel/realtime") == "1") return {judged(name, true, wanted, wanted, {})};
    auto version = line_of(subject.root / "proc/sys/kernel/version").value_or(""); // uname -v
    if (version.empty()) version = line_of(subject.root / "proc/version").value_or("");
    // The 4.18 kernels of el8 write a blank.
    if (version.find(wanted) != std::string::npos || version.find("PREEMPT RT") != std::string::npos ||
        configured_real_time(subject.root))
        return {judged(name, true, wanted, wanted, {})};
    if (version.empty())
        return {unknown(name, wanted,
                        "neither /sys/kernel/realtime nor /proc/version nor the kernel's configuration "
                        "can be read")};
    return {judged(name, false, wanted, version,
                   "the running kernel isn't a real-time kernel: look which deployment was booted; Override with "
                   "kernel=rt makes one that has it")};
}

Checks clocksource(const Subject& subject) {
    auto wanted = subject.profile.clocksource;
    if (wanted.empty()) wanted = subject.argument("clocksource").value_or("");
    if (wanted.empty()) return {};
    const auto folder = subject.root / "sys/devices/system/clocksource/clocksource0";
    const auto current = line_of(folder / "current_clocksource").value_or("");
    if (current.empty()) return {unknown("clocksource", wanted, "the current clock source can't be read from /sys")};
    return {judged("clocksource", current == wanted, wanted, current,
                   fmt::format("the kernel has {} to choose from; look in its log why '{}' was given up, and on "
                               "hardware that is sound add kernel arguments tsc=reliable clocksource={}",
                               line_of(folder / "available_clocksource").value_or("nothing"), wanted, wanted))};
}

std::optional<std::uint64_t> revision_of(std::string_view text) {
    if (text.starts_with("0x")) text.remove_prefix(2);
    std::uint64_t revision = 0;
    const auto* end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, revision, 16);
    if (text.empty() || error != std::errc{} || stop != end) return std::nullopt;
    return revision;
}

bool replaces_microcode(const Profile& profile) {
    const auto is_microcode = [](const std::string& package) {
        return package.find("microcode_ctl") != std::string::npos;
    };
    return std::ranges::any_of(profile.replace, is_microcode) || std::ranges::any_of(profile.install, is_microcode);
}

Checks microcode(const Subject& subject) {
    const auto& wanted = subject.profile.microcode;
    if (wanted.empty() && !replaces_microcode(subject.profile)) return {};
    const std::string name = "microcode-revision";
    const auto expected = wanted.empty() ? "the same on every CPU" : fmt::format("{} or later on every CPU", wanted);
    const auto lowest = wanted.empty() ? std::optional<std::uint64_t>(0) : revision_of(wanted);
    if (!lowest) return {unknown(name, expected, fmt::format("'{}' is no revision like 0x2b000603", wanted))};
    Groups found;
    bool good = true, any = false;
    for (const auto cpu : subject.node.online) {
        const auto text = line_of(cpu_file(subject.root, cpu, "microcode/version")).value_or("");
        const auto revision = revision_of(text);
        any = any || revision;
        good = good && revision && *revision >= *lowest;
        found[revision ? text : "unknown"].push_back(cpu);
    }
    if (!any)
        return {unknown(name, expected,
                        "no CPU tells its revision: a virtual machine has no microcode driver, and "
                        "dis_ucode_ldr takes it away")};
    return {judged(name, good && found.size() == 1, expected, by_cpu(found),
                   "it is loaded early, from the initramfs: look for 'microcode' in the kernel's log, and ask for the "
                   "microcode_ctl override again, so that the initramfs is made anew")};
}

/// The deepest idle state that the arguments allow, by its number (0 polls, 1 is C1): intel_idle.max_cstate= and
/// processor.max_cstate= limit the driver's table (drivers/idle/intel_idle.c, drivers/acpi/processor_idle.c), idle=poll
/// leaves no driver any.
struct IdleLimit {
    std::optional<unsigned> deepest;
    bool not_intel_idle = false; ///< intel_idle.max_cstate=0
};

IdleLimit idle_limit(const Subject& subject) {
    IdleLimit limit;
    const auto lower = [&](unsigned state) { limit.deepest = std::min(limit.deepest.value_or(state), state); };
    const auto processor = whole_number<unsigned>(subject.argument("processor.max_cstate").value_or(""));
    const auto intel = whole_number<unsigned>(subject.argument("intel_idle.max_cstate").value_or(""));
    if (processor) lower(*processor);
    if (intel && *intel > 0) lower(*intel);
    if (subject.argument("idle") == "poll") lower(0);
    limit.not_intel_idle = intel == 0u;
    return limit;
}

Checks idle_states(const Subject& subject) {
    const auto limit = idle_limit(subject);
    if (!limit.deepest && !limit.not_intel_idle) return {};
    const std::string name = "idle-states";
    std::vector<std::string> wishes;
    if (limit.deepest == 0u) wishes.emplace_back("none");
    if (limit.deepest > 0u) wishes.push_back(fmt::format("none deeper than state {}", *limit.deepest));
    if (limit.not_intel_idle) wishes.emplace_back("not by intel_idle");
    const auto expected = listed(wishes);
    const auto driver = line_of(subject.root / "sys/devices/system/cpu/cpuidle/current_driver").value_or("");
    if (driver.empty())
        return {unknown(name, expected, "/sys/devices/system/cpu/cpuidle/current_driver can't be read")};
    Groups deep;
    if (limit.deepest)
        for (const auto cpu : subject.node.online)
            for (auto state = *limit.deepest + 1;; ++state) {
                const auto folder = cpu_file(subject.root, cpu, fmt::format("cpuidle/state{}", state));
                const auto called = line_of(folder / "name");
                if (!called) break;
                if (number_in(folder / "disable").value_or(0) == 0) deep[*called].push_back(cpu);
            }
    const auto actual = fmt::format("driver {}{}{}", driver, deep.empty() ? "" : ": ", by_cpu(deep));
    return {judged(name, deep.empty() && !(limit.not_intel_idle && driver == "intel_idle"), expected, actual,
                   "each driver obeys its own argument, intel_idle.max_cstate= or for acpi_idle processor.max_cstate=; "
                   "for now write 1 to /sys/devices/system/cpu/cpuN/cpuidle/stateN/disable")};
}

} // namespace

Checks check_kernel(const Subject& subject) {
    Checks all;
    for (const auto part : {preemption, clocksource, microcode, idle_states})
        for (auto& check : part(subject))
            all.push_back(std::move(check));
    return all;
}

} // namespace rtnode::profile
