// What about the machine makes latency worse or the numbers doubtful: one function a check.

#include "latency/machine/environment.hpp"
#include "latency/permission.hpp"
#include "state/kernel_arguments.hpp"
#include "state/machine_files.hpp"
#include "state/numbers.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <system_error>
#include <utility>

namespace rtnode::latency {
namespace {

namespace fs = std::filesystem;

using Groups = std::map<std::string, CpuList>; // CPUs by what was found on them

bool has(const std::string& text, std::string_view part) {
    return text.find(part) != std::string::npos;
}

std::string listed(const std::vector<std::string>& items, std::size_t most = 8) {
    const std::vector<std::string> first(items.begin(),
                                         items.begin() + static_cast<std::ptrdiff_t>(std::min(most, items.size())));
    const auto text = fmt::format("{}", fmt::join(first, ", "));
    return items.size() > most ? fmt::format("{} and {} more", text, items.size() - most) : text;
}

/// "C6 (133 µs) on CPU 2-3".
std::string listed(const Groups& groups) {
    std::vector<std::string> items;
    for (const auto& [what, cpus] : groups)
        items.push_back(fmt::format("{} on CPU {}", what, format_cpu_list(cpus)));
    return listed(items);
}

/// What each check is given.
struct Machine {
    const std::string& root;
    const CpuList& measured;
    const Options& options;
    CpuList others; ///< online, not measured
    Permissions permissions;
    std::vector<std::string> cgroups; ///< cgroup_folders()
};

Finding good(std::string actual) {
    return {"", "good", std::move(actual), ""};
}

Finding bad(std::string actual, std::string remedy) {
    return {"", "bad", std::move(actual), std::move(remedy)};
}

Finding note(std::string actual, std::string remedy = "") {
    return {"", "note", std::move(actual), std::move(remedy)};
}

Finding unknown(std::string actual) {
    return {"", "unknown", std::move(actual), ""};
}

/// How a PREEMPT_DYNAMIC kernel preempts itself now; "" = can't be said.
std::string preemption_mode(const Machine& m) {
    // "none voluntary (full)": the one in use stands in parentheses.
    const auto modes = line_of(m.root + "/sys/kernel/debug/sched/preempt").value_or("");
    const auto from = modes.find('('), to = modes.find(')');
    if (from != std::string::npos && to != std::string::npos && from < to) return modes.substr(from + 1, to - from - 1);
    const auto arguments = KernelArguments::parse(line_of(m.root + "/proc/cmdline").value_or(""));
    std::string mode; // the last one counts
    for (const auto& token : arguments.tokens())
        if (token.starts_with("preempt=")) mode = token.substr(token.find('=') + 1);
    return mode;
}

Finding preemption(const Machine& m) {
    const auto version = line_of(m.root + "/proc/sys/kernel/version").value_or("");
    // The 4.18 real-time kernels of el8 write a blank.
    if (line_of(m.root + "/sys/kernel/realtime") == "1" || has(version, "PREEMPT_RT") || has(version, "PREEMPT RT"))
        return good("PREEMPT_RT");
    if (version.empty()) return unknown("/proc/sys/kernel/version can't be read");
    const std::string remedy = "boot the real-time kernel (option kernel=rt of Override)";
    if (has(version, "PREEMPT_DYNAMIC")) {
        const auto mode = preemption_mode(m);
        return bad(fmt::format("PREEMPT_DYNAMIC, mode {}", mode.empty() ? "unknown" : mode),
                   mode == "full" ? remedy : remedy + "; until then kernel argument preempt=full helps a little");
    }
    return bad(has(version, "PREEMPT") ? "PREEMPT: the kernel is preempted, but not in softirqs or under spinlocks"
                                       : "the kernel is not preempted while it works",
               remedy);
}

Finding clocksource(const Machine& m) {
    const auto name = line_of(m.root + "/sys/devices/system/clocksource/clocksource0/current_clocksource").value_or("");
    if (name.empty()) return unknown("the current clock source can't be read");
    if (name == "tsc") return good(name);
    for (const auto* slow : {"hpet", "acpi_pm", "jiffies", "refined-jiffies"})
        if (name == slow)
            return bad(name + ": reading the clock takes microseconds itself, or it is too coarse",
                       "look in the kernel's log why the TSC was given up; on hardware that is sound, add kernel "
                       "arguments tsc=reliable clocksource=tsc");
    return note(name + ": not the processor's own counter; usual in a virtual machine");
}

Finding governor(const Machine& m) {
    const std::string none = "no frequency scaling";
    Groups groups;
    for (const auto cpu : m.measured)
        groups[line_of(cpu_file(m.root, cpu, "cpufreq/scaling_governor")).value_or(none)].push_back(cpu);
    if (groups.size() == 1 && groups.contains(none)) return note(none);
    const auto as_wanted = [&](const auto& group) { return group.first == "performance" || group.first == none; };
    if (std::all_of(groups.begin(), groups.end(), as_wanted)) return good(listed(groups));
    return bad(listed(groups), "set governor performance: kernel argument cpufreq.default_governor=performance, or "
                               "cpupower frequency-set -g performance for now");
}

Finding idle_states(const Machine& m) {
    const auto driver = line_of(m.root + "/sys/devices/system/cpu/cpuidle/current_driver").value_or("");
    bool any = false;
    Groups deep;
    for (const auto cpu : m.measured) {
        any = any || line_of(cpu_file(m.root, cpu, "cpuidle/state0/name")).has_value();
        for (const auto& state : deep_idle_states(m.root, cpu)) {
            if (state.disabled) continue;
            const auto latency = state.latency_us ? fmt::format("{} µs", *state.latency_us) : "latency unknown";
            deep[fmt::format("{} ({})", state.name, latency)].push_back(cpu);
        }
    }
    if (!any && driver == "none") return good("no idle driver: idle CPUs only halt or poll");
    if (!any) return unknown("the idle states of the measured CPUs can't be read");
    if (deep.empty()) return good(fmt::format("driver {}: nothing deeper than C1", driver));
    return bad(fmt::format("driver {}: {}; a program that doesn't hold /dev/cpu_dma_latency at 0 wakes up from these",
                           driver, listed(deep)),
               fmt::format("kernel argument {}.max_cstate=1, or idle=poll at a price in power; for now write 1 to "
                           "/sys/devices/system/cpu/cpuN/cpuidle/stateN/disable",
                           driver == "intel_idle" ? driver : "processor"));
}

Finding smt_siblings(const Machine& m) {
    std::vector<std::string> shared;
    CpuList unread;
    bool together = false;
    for (const auto cpu : m.measured) {
        const auto threads = cpus_in(cpu_file(m.root, cpu, "topology/thread_siblings_list"));
        if (!threads || threads->empty()) {
            unread.push_back(cpu);
            continue;
        }
        const auto strangers = cpus_without(*threads, m.measured);
        if (!strangers.empty())
            shared.push_back(fmt::format("CPU {} shares its core with CPU {}", cpu, format_cpu_list(strangers)));
        together = together || threads->size() > 1;
    }
    if (!shared.empty())
        return bad(listed(shared) + ", not measured: what runs there slows it",
                   "kernel argument nosmt, or isolate these siblings too and leave them idle");
    if (!unread.empty()) return unknown(fmt::format("the siblings of CPU {} can't be read", format_cpu_list(unread)));
    if (together) return note("measured CPUs share cores with each other only: each slows its sibling a little");
    return good("no measured CPU shares its core");
}

/// Where every CPU is measured none can be isolated.
constexpr const char* fewer_cpus = "measure fewer CPUs, so that some are left for everything else";

Finding isolation(const Machine& m) {
    const auto by_argument = cpus_in(m.root + "/sys/devices/system/cpu/isolated");
    // Of all isolated partitions, in the root cgroup only; kernels before 6.7 hide it.
    auto by_partition = cpus_in(m.root + "/sys/fs/cgroup/cpuset.cpus.isolated");
    for (const auto& folder : m.cgroups)
        if (!by_partition && line_of(folder + "/cpuset.cpus.partition") == "isolated")
            by_partition = cpus_in(folder + "/cpuset.cpus.effective");
    if (!by_argument && !by_partition) return unknown("/sys/devices/system/cpu/isolated can't be read");
    const auto exposed =
        cpus_without(cpus_without(m.measured, by_argument.value_or(CpuList{})), by_partition.value_or(CpuList{}));
    if (exposed.empty()) return good(fmt::format("CPU {} isolated", format_cpu_list(m.measured)));
    return note(fmt::format("CPU {} not isolated: the scheduler puts other work there", format_cpu_list(exposed)),
                m.others.empty()
                    ? fewer_cpus
                    : fmt::format("kernel argument isolcpus=managed_irq,domain,{}", format_cpu_list(m.measured)));
}

Finding nohz_full(const Machine& m) {
    const auto path = m.root + "/sys/devices/system/cpu/nohz_full";
    const auto line = line_of(path);
    if (!line) return unknown("/sys/devices/system/cpu/nohz_full is missing: the kernel may lack CONFIG_NO_HZ_FULL");
    // "(null)" is how the kernel prints a mask that was never made.
    const auto tickless = *line == "(null)" ? CpuList{} : cpus_in(path);
    if (!tickless) return unknown(fmt::format("/sys/devices/system/cpu/nohz_full says '{}'", *line));
    const auto ticking = cpus_without(m.measured, *tickless);
    if (ticking.empty()) return good(fmt::format("CPU {} without tick", format_cpu_list(m.measured)));
    return note(fmt::format("CPU {} has the timer tick", format_cpu_list(ticking)),
                m.others.empty()
                    ? fewer_cpus
                    : fmt::format("kernel arguments nohz_full={0} rcu_nocbs={0}", format_cpu_list(m.measured)));
}

Finding interrupts(const Machine& m) {
    std::map<unsigned, std::string> here; // number, "36 virtio1-req.0"
    std::size_t all = 0;
    std::error_code error;
    for (fs::directory_iterator it(m.root + "/proc/irq", error), end; !error && it != end; it.increment(error)) {
        const auto number = whole_number<std::int64_t>(it->path().filename().string());
        if (!number) continue; // default_smp_affinity
        const auto actions = fmt::format("{}/sys/kernel/irq/{}/actions", m.root, *number);
        const auto handlers = line_of(actions).value_or("");
        std::error_code ignored;
        if (handlers.empty() && fs::exists(actions, ignored)) continue; // nobody asked for it, so it doesn't come
        auto cpus = cpus_in(it->path().string() + "/effective_affinity_list");
        if (!cpus) cpus = cpus_in(it->path().string() + "/smp_affinity_list");
        if (!cpus) continue;
        ++all;
        if (cpus_without(*cpus, m.measured).size() < cpus->size())
            here[static_cast<unsigned>(*number)] = trimmed(fmt::format("{} {}", *number, handlers));
    }
    if (all == 0) return unknown("the affinity of interrupts can't be read from /proc/irq");
    if (here.empty()) return good(fmt::format("none of {} interrupts", all));
    std::vector<std::string> names;
    for (const auto& [number, name] : here)
        names.push_back(name);
    const auto actual = fmt::format("{} of {} interrupts: {}", here.size(), all, listed(names));
    if (m.others.empty()) return bad(actual, fewer_cpus);
    return bad(actual, fmt::format("kernel arguments irqaffinity={0} isolcpus=managed_irq,domain,{1}; for now write "
                                   "{0} to /proc/irq/N/smp_affinity_list, and keep irqbalance off CPU {1}",
                                   format_cpu_list(m.others), format_cpu_list(m.measured)));
}

Finding rt_throttling(const Machine& m) {
    const auto runtime = number_in(m.root + "/proc/sys/kernel/sched_rt_runtime_us");
    const auto period = number_in(m.root + "/proc/sys/kernel/sched_rt_period_us");
    if (runtime && *runtime < 0) return good("real-time threads may use a CPU whole");
    if (!runtime || !period || *period <= 0) return unknown("kernel.sched_rt_runtime_us can't be read");
    const auto share = 100.0 * static_cast<double>(*runtime) / static_cast<double>(*period);
    const auto actual =
        fmt::format("real-time threads together may use {:.4g} % of a CPU ({} of {} µs)", share, *runtime, *period);
    const std::string remedy = "sysctl kernel.sched_rt_runtime_us=-1, once no real-time thread spins without end";
    // The kernel's own setting is 95 %, and a loop that sleeps comes nowhere near it.
    return share < 95 && m.options.policy != Policy::Other ? bad(actual, remedy) : note(actual, remedy);
}

Finding rt_group_scheduling(const Machine& m) {
    const auto& permissions = m.permissions;
    if (!permissions.group_scheduling) return unknown("the running kernel's configuration can't be read");
    if (!*permissions.group_scheduling) return good("the kernel is built without CONFIG_RT_GROUP_SCHED");
    const std::string with = "the kernel is built with CONFIG_RT_GROUP_SCHED";
    if (permissions.rt_runtime_us.value_or(0) < 0) return good(with + ", which has no effect without a limit");
    if (permissions.cgroup == "/") return note(with + ": only the root cgroup, where this process is, has SCHED_FIFO");
    return bad(fmt::format("{}: cgroup {} may have no real-time runtime, and SCHED_FIFO is refused then", with,
                           permissions.cgroup.empty() ? "of the daemon" : permissions.cgroup),
               "sysctl kernel.sched_rt_runtime_us=-1, or a kernel without it");
}

Finding cgroup(const Machine& m) {
    if (m.cgroups.empty()) return unknown("no unified cgroup hierarchy at /sys/fs/cgroup with this process in it");
    const auto path_of = [&](const std::string& folder) {
        const auto path = folder.substr(m.cgroups.back().size());
        return path.empty() ? "/" : path;
    };
    const auto own = path_of(m.cgroups.front());
    std::optional<CpuList> allowed; // the innermost that has the cpuset controller decides
    std::vector<std::string> quotas;
    for (const auto& folder : m.cgroups) {
        if (!allowed) allowed = cpus_in(folder + "/cpuset.cpus.effective");
        // "QUOTA PERIOD", "max" for none (Documentation/admin-guide/cgroup-v2.rst).
        const auto quota = line_of(folder + "/cpu.max").value_or("max");
        if (!quota.starts_with("max")) quotas.push_back(fmt::format("{} has cpu.max {}", path_of(folder), quota));
    }
    const auto missing = cpus_without(m.measured, allowed.value_or(m.measured));
    if (!missing.empty())
        return bad(fmt::format("{} may only use CPU {}: CPU {} is missing", own, format_cpu_list(*allowed),
                               format_cpu_list(missing)),
                   "take AllowedCPUs= out of the daemon's unit and of the slices around it");
    // A quota stops threads of the fair class only.
    if (!quotas.empty() && m.options.policy == Policy::Other)
        return bad(listed(quotas), "take CPUQuota= out of the daemon's unit and of the slices around it");
    if (!quotas.empty()) return note(listed(quotas) + "; real-time threads are not held to it");
    if (!allowed) return unknown(own + ": its CPUs can't be read, the cpuset controller may be off");
    return good(own + ": all measured CPUs, no quota");
}

Finding microcode(const Machine& m) {
    const auto revision = microcode_of(m.root);
    return revision.empty() ? unknown("the revision can't be read") : note("revision " + revision);
}

Finding bios(const Machine& m) {
    const auto text = bios_of(m.root);
    return text.empty() ? unknown("/sys/class/dmi/id can't be read") : note(text);
}

Finding virtual_machine(const Machine& m) {
    const auto flags = first_processor(m.root)["flags"];
    if (flags.empty()) return unknown("/proc/cpuinfo can't be read");
    if (has(' ' + flags + ' ', " hypervisor "))
        return note("a virtual machine: time that the hypervisor takes away (steal) counts as latency");
    return good("no hypervisor");
}

struct Check {
    const char* name;
    Finding (*find)(const Machine&);
};

constexpr std::array checks{
    Check{"preemption", preemption},
    Check{"clocksource", clocksource},
    Check{"governor", governor},
    Check{"idle-states", idle_states},
    Check{"smt-siblings", smt_siblings},
    Check{"isolation", isolation},
    Check{"nohz-full", nohz_full},
    Check{"interrupts", interrupts},
    Check{"rt-throttling", rt_throttling},
    Check{"rt-group-scheduling", rt_group_scheduling},
    Check{"cgroup", cgroup},
    Check{"microcode", microcode},
    Check{"bios", bios},
    Check{"virtual-machine", virtual_machine},
};

} // namespace

std::vector<Finding> findings_of(const std::string& root, const CpuList& measured, const Options& options) {
    const auto online = cpus_in(root + "/sys/devices/system/cpu/online").value_or(CpuList{});
    const Machine machine{
        root, measured, options, cpus_without(online, measured), Permissions::read(root), cgroup_folders(root)};
    std::vector<Finding> findings;
    for (const auto& check : checks) {
        findings.push_back(check.find(machine));
        findings.back().check = check.name;
    }
    return findings;
}

} // namespace rtnode::latency
