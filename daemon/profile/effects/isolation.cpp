// What the isolated CPUs are left alone by.

#include "profile/arguments/table.hpp"
#include "profile/effects/node_files.hpp"
#include "profile/effects/parts.hpp"
#include "state/machine_files.hpp"
#include "state/numbers.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

namespace rtnode::profile {
namespace {

/// The CPUs that an isolcpus= takes from the scheduler: its flags stand before the list, and without one it means
/// "domain" (Documentation/admin-guide/kernel-parameters.txt).
CpuList taken_from_scheduler(std::string_view value) {
    bool flagged = false, domain = false;
    while (!value.empty() && std::isalpha(static_cast<unsigned char>(value.front())) != 0) {
        const auto flag = value.substr(0, value.find(','));
        flagged = true;
        domain = domain || flag == "domain";
        value.remove_prefix(std::min(flag.size() + 1, value.size()));
    }
    return flagged && !domain ? CpuList{} : cpus_of(value).value_or(CpuList{});
}

Checks isolated_cpus(const Subject& subject) {
    CpuList wanted;
    for (const auto& token : subject.arguments)
        if (name_of_argument(token) == "isolcpus")
            wanted = cpus_in_either(wanted, taken_from_scheduler(value_of_argument(token)));
    wanted = cpus_in_both(wanted, subject.node.present); // the kernel shows only CPUs that can be
    if (wanted.empty()) return {};
    const std::string name = "isolated-cpus", expected = format_cpu_list(wanted);
    const auto actual = cpus_in(subject.root / "sys/devices/system/cpu/isolated");
    if (!actual) return {unknown(name, expected, "/sys/devices/system/cpu/isolated can't be read")};
    return {judged(name, *actual == wanted, expected, format_cpu_list(*actual),
                   "a kernel before 5.8 ignores an isolcpus= with a flag that it doesn't know, and any kernel one that "
                   "contradicts nohz_full=: look for 'isolcpus' and 'Housekeeping' in its log")};
}

Checks tickless_cpus(const Subject& subject) {
    const auto value = subject.argument("nohz_full");
    if (!value) return {};
    const std::string name = "tickless-cpus";
    const auto folder = subject.root / "sys/devices/system/cpu";
    const auto line = line_of(folder / "nohz_full");
    if (!line && line_of(folder / "isolated")) // which every kernel has since 4.2
        return {judged(name, false, *value, "", "the running kernel is built without CONFIG_NO_HZ_FULL")};
    if (!line) return {unknown(name, *value, "/sys/devices/system/cpu/nohz_full can't be read")};
    // "(null)" is how the kernel prints a mask that was never made.
    const auto actual = *line == "(null)" ? CpuList{} : cpus_of(*line);
    const auto wanted = cpus_of(*value);
    if (!actual || !wanted)
        return {unknown(name, *value, fmt::format("'{}' is no list of CPUs", wanted ? *line : *value))};
    return {judged(name, *actual == cpus_in_both(*wanted, subject.node.present), *value, format_cpu_list(*actual),
                   "the kernel takes the CPU that it boots on out of nohz_full=, and ignores one that contradicts "
                   "isolcpus=: look for 'NO_HZ' and 'Housekeeping' in its log")};
}

Checks workqueues(const Subject& subject) {
    const auto& isolated = subject.sets.isolated;
    if (!subject.isolates()) return {};
    const std::string name = "workqueues", expected = "none on CPU " + format_cpu_list(isolated);
    const auto files = workqueue_masks(subject.root);
    if (files.empty()) return {unknown(name, expected, "/sys/devices/virtual/workqueue has no mask")};
    std::vector<std::string> there;
    for (const auto& file : files)
        if (const auto here = cpus_in_both(mask_in(subject.root / file).value_or(CpuList{}), isolated); !here.empty())
            there.push_back(fmt::format("/{} has CPU {}", file, format_cpu_list(here)));
    return {judged(name, there.empty(), expected, there.empty() ? expected : listed(there),
                   fmt::format("set housekeeping-workqueues in the profile, or write {} to these files",
                               cpu_mask(subject.housekeeping())))};
}

Checks default_affinity(const Subject& subject) {
    const bool by_sets = subject.profile.housekeeping_interrupts && !subject.sets.isolated.empty();
    const auto argument = subject.argument("irqaffinity");
    if (!by_sets && !argument) return {};
    const std::string name = "default-interrupt-affinity";
    const auto wanted = by_sets ? subject.housekeeping() : cpus_of(*argument).value_or(CpuList{});
    const auto expected = "within CPU " + format_cpu_list(wanted);
    const auto actual = mask_in(subject.root / "proc/irq/default_smp_affinity");
    if (!actual) return {unknown(name, expected, "/proc/irq/default_smp_affinity can't be read")};
    return {judged(name, cpus_without(*actual, wanted).empty(), expected, "CPU " + format_cpu_list(*actual),
                   fmt::format("it decides about interrupts of devices that come later; write {} to "
                               "/proc/irq/default_smp_affinity",
                               cpu_mask(wanted)))};
}

Checks isolated_interrupts(const Subject& subject) {
    const auto& isolated = subject.sets.isolated;
    if (!subject.isolates()) return {};
    const auto most = subject.profile.max_isolated_interrupts;
    const std::string name = "isolated-interrupts";
    const auto expected = most == 0 ? "none on CPU " + format_cpu_list(isolated)
                                    : fmt::format("at most {} on CPU {}", most, format_cpu_list(isolated));
    const auto all = interrupts(subject.root);
    std::vector<std::string> here, managed;
    for (const auto& interrupt : all) {
        if (!interrupt.requested || cpus_in_both(interrupt.effective, isolated).empty()) continue;
        const auto what = trimmed(fmt::format("{} {}", interrupt.number, interrupt.handlers));
        (interrupt.movable ? here : managed).push_back(what);
    }
    if (all.empty()) return {unknown(name, expected, "the affinity of interrupts can't be read from /proc/irq")};
    auto actual = here.empty() ? "none" : fmt::format("{}: {}", counted(here.size(), "interrupt"), listed(here));
    // They come only when their own CPU starts I/O, or, without isolcpus=managed_irq, whenever the driver likes.
    if (!managed.empty()) actual += fmt::format("; bound there by their drivers: {}", listed(managed));
    return {judged(name, here.size() <= most, expected, actual,
                   fmt::format("set housekeeping-interrupts in the profile, and keep irqbalance off these CPUs "
                               "(IRQBALANCE_BANNED_CPULIST={}); one that can't be moved needs isolcpus=managed_irq,{} "
                               "or a larger max-isolated-interrupts",
                               format_cpu_list(isolated), format_cpu_list(isolated)))};
}

/// Threads that have no choice, or whose place isn't their own matter.
bool keeps_its_place(const Task& task, const CpuList& allowed) {
    if (task.bound()) return !task.name.starts_with("kworker/u"); // unbound workers obey the workqueues' masks
    // An interrupt's thread goes where the interrupt goes, a vhost thread with its virtual machine.
    if (task.name.starts_with("irq/") || task.name.starts_with("vhost-")) return true;
    return allowed.size() == 1 && task.name.ends_with(fmt::format("/{}", allowed.front()));
}

/// Before 6.14 the kernel gives them all CPUs of their memory, isolated or not (mm/vmscan.c, mm/compaction.c).
bool follows_memory(const Task& task) {
    return task.name.starts_with("kswapd") || task.name.starts_with("kcompactd");
}

Checks kernel_threads(const Subject& subject) {
    const auto& isolated = subject.sets.isolated;
    if (!subject.isolates()) return {};
    const std::string name = "kernel-threads", expected = "only per-CPU ones on CPU " + format_cpu_list(isolated);
    std::size_t all = 0;
    std::vector<std::string> here, memory;
    for (const auto& task : tasks(subject.root)) {
        if (!task.of_kernel()) continue;
        ++all;
        const auto allowed = allowed_cpus(subject.root, task.pid).value_or(CpuList{});
        if (cpus_in_both(allowed, isolated).empty() || keeps_its_place(task, allowed)) continue;
        (follows_memory(task) ? memory : here).push_back(fmt::format("{} ({})", task.name, task.pid));
    }
    if (all == 0) return {unknown(name, expected, "no kernel thread is to be seen in /proc")};
    auto actual = here.empty() ? "only per-CPU ones" : fmt::format("{} of {}: {}", here.size(), all, listed(here));
    if (!memory.empty()) actual += fmt::format("; beside their memory: {}", listed(memory));
    return {judged(name, here.empty(), expected, actual,
                   fmt::format("nohz_full={} keeps new threads away since kernel 5.8, and workqueue masks those that "
                               "begin with kworker/u; for now taskset -pc {} PID",
                               format_cpu_list(isolated), format_cpu_list(subject.housekeeping())))};
}

/// Of systemd, which all services inherit: systemd.cpu_affinity=, or CPUAffinity= of its system.conf.
Checks system_affinity(const Subject& subject) {
    const auto& isolated = subject.sets.isolated;
    if (!subject.isolates() || !subject.argument("systemd.cpu_affinity")) return {};
    const std::string name = "system-affinity", expected = "none on CPU " + format_cpu_list(isolated);
    const auto actual = allowed_cpus(subject.root, 1);
    if (!actual) return {unknown(name, expected, "/proc/1/status can't be read")};
    return {judged(name, cpus_in_both(*actual, isolated).empty(), expected, "CPU " + format_cpu_list(*actual),
                   "systemd knows systemd.cpu_affinity= since version 245; before, set CPUAffinity= in "
                   "/etc/systemd/system.conf.d")};
}

} // namespace

Checks check_isolation(const Subject& subject) {
    Checks all;
    for (const auto part : {isolated_cpus, tickless_cpus, workqueues, default_affinity, isolated_interrupts,
                            kernel_threads, system_affinity})
        for (auto& check : part(subject))
            all.push_back(std::move(check));
    return all;
}

} // namespace rtnode::profile
