// What is set at run time, huge pages, and facts beside it.

#include "profile/arguments/huge_pages.hpp"
#include "profile/effects/node_files.hpp"
#include "profile/effects/parts.hpp"
#include "state/machine_files.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <utility>

namespace rtnode::profile {
namespace {

struct WantedPages {
    std::map<std::uint64_t, std::uint64_t> total;                        ///< by size in KiB
    std::map<std::pair<std::uint64_t, unsigned>, std::uint64_t> of_node; ///< by size and NUMA node
};

/// Of a size that the command line names twice the first counts (mm/hugetlb.c).
WantedPages wanted_pages(const Subject& subject) {
    WantedPages wanted;
    for (const auto& [token, pages] : pages_of(subject.arguments))
        if (pages.numa_node)
            wanted.of_node.try_emplace({pages.size_kib, *pages.numa_node}, pages.count);
        else
            wanted.total.try_emplace(pages.size_kib, pages.count);
    for (const auto& pages : subject.profile.huge_pages)
        if (pages.numa_node) wanted.of_node[{pages.size_kib, *pages.numa_node}] = pages.count;
    return wanted;
}

std::uint64_t pages_on(const NodeTopology::NumaNode& node, std::uint64_t size_kib) {
    const auto found = node.huge_pages.find(size_kib);
    return found == node.huge_pages.end() ? 0 : found->second;
}

Checks sysctls(const Subject& subject) {
    Checks checks;
    for (const auto& [name, wanted] : subject.profile.sysctls) {
        const auto file = sysctl_file(name);
        const auto value = file.empty() ? std::nullopt : line_of(subject.root / file);
        const auto row = "sysctl " + name;
        if (!value) {
            checks.push_back(fact(row, {}, "the running kernel has no such sysctl, or it can't be read"));
            checks.back().expected = wanted;
            continue;
        }
        const auto actual = with_single_blanks(*value), expected = with_single_blanks(wanted);
        // Masks are read back without their leading zeros.
        const auto mask = cpus_of_mask(expected);
        const bool good = actual == expected || (expected.size() >= 8 && mask && mask == cpus_of_mask(actual));
        const auto remedy = fmt::format("something set it after rtnode, look in /etc/sysctl.d and at TuneD; for now "
                                        "sysctl -w {}='{}'",
                                        name, expected);
        checks.push_back(judged(row, good, expected, actual, remedy));
    }
    return checks;
}

Checks timer_migration(const Subject& subject) {
    const auto& wanted = subject.profile.timer_migration;
    if (!wanted) return {};
    const auto value = number_in(subject.root / "proc/sys/kernel/timer_migration");
    const std::string name = "timer-migration", expected = *wanted ? "1" : "0";
    if (!value) return {unknown(name, expected, "the running kernel has no sysctl kernel.timer_migration")};
    return {judged(name, (*value != 0) == *wanted, expected, fmt::format("{}", *value),
                   "something set it after rtnode, look at TuneD; sysctl -w kernel.timer_migration=" + expected)};
}

Checks corrected_errors(const Subject& subject) {
    const auto& wanted = subject.profile.ignore_corrected_errors;
    if (!wanted) return {};
    const std::string name = "ignore-corrected-errors", expected = *wanted ? "1" : "0";
    const auto switches = corrected_error_switches(subject.root);
    if (switches.empty()) {
        auto check = fact(name, {}, "the kernel watches no machine checks here: a virtual machine, or mce=off");
        check.expected = expected;
        return {check};
    }
    std::vector<std::string> otherwise;
    for (const auto& file : switches)
        if (number_in(subject.root / file) != (*wanted ? 1 : 0)) otherwise.push_back('/' + file);
    return {judged(name, otherwise.empty(), expected,
                   otherwise.empty() ? expected : "otherwise in " + listed(otherwise),
                   fmt::format("write {} to these files", expected))};
}

Checks throttling(const Subject& subject) {
    constexpr const char* sysctl = "kernel.sched_rt_runtime_us";
    const auto runtime = number_in(subject.root / "proc/sys/kernel/sched_rt_runtime_us");
    if (!subject.isolates() && !subject.profile.sysctls.contains(sysctl)) return {};
    if (!runtime) return {unknown("rt-throttling", {}, "kernel.sched_rt_runtime_us can't be read")};
    if (*runtime < 0) {
        const auto all = tasks(subject.root);
        if (std::ranges::any_of(all, [](const Task& task) { return task.name == "stalld"; }))
            return {judged("stalld", true, "running", "running", {})};
        return {fact("stalld", "not running",
                     "real-time threads aren't throttled, so one that never sleeps starves the kernel's own threads on "
                     "its CPU; stalld, of the package of that name, would lend them time")};
    }
    if (subject.profile.sysctls.contains(sysctl)) return {};
    return {fact("rt-throttling",
                 fmt::format("{} of {} µs", *runtime,
                             line_of(subject.root / "proc/sys/kernel/sched_rt_period_us").value_or("1000000")),
                 fmt::format("real-time threads that want a CPU whole are stopped for the rest of each period; sysctl "
                             "{}=-1 ends that",
                             sysctl))};
}

Checks mitigations(const Subject& subject) {
    if (!subject.isolates() && !subject.argument("mitigations")) return {};
    const auto folder = subject.root / "sys/devices/system/cpu/vulnerabilities";
    std::vector<std::string> vulnerable, mitigated;
    const auto names = names_in(folder);
    for (const auto& name : names) {
        const auto text = line_of(folder / name).value_or("");
        if (text.find("Vulnerable") != std::string::npos)
            vulnerable.push_back(name);
        else if (text.find("Mitigation") != std::string::npos)
            mitigated.push_back(name);
    }
    if (names.empty()) return {};
    return {fact("mitigations",
                 fmt::format("vulnerable: {}; mitigated: {}", vulnerable.empty() ? "none" : listed(vulnerable, 16),
                             mitigated.empty() ? "none" : listed(mitigated, 16)),
                 "mitigations take time at each entry into the kernel; mitigations=off gives up what they protect")};
}

} // namespace

Checks check_memory(const Subject& subject) {
    const auto wanted = wanted_pages(subject);
    Checks checks;
    for (const auto& [size, count] : wanted.total) {
        std::uint64_t actual = 0;
        for (const auto& node : subject.node.numa)
            actual += pages_on(node, size);
        checks.push_back(judged("huge-pages-" + page_size_text(size), actual >= count, fmt::format("{}", count),
                                fmt::format("{}", actual),
                                "the kernel found too little memory at boot: look for 'HugeTLB' in its log, ask for "
                                "fewer, and keep hugepagesz= right before its hugepages="));
    }
    for (const auto& [key, count] : wanted.of_node) {
        const auto& [size, number] = key;
        const auto name = fmt::format("huge-pages-{}-node-{}", page_size_text(size), number);
        const auto node = std::ranges::find(subject.node.numa, number, &NodeTopology::NumaNode::node);
        if (node == subject.node.numa.end()) {
            checks.push_back(judged(name, false, fmt::format("{}", count), "there is no such NUMA node",
                                    "take these pages from another node, see lscpu"));
            continue;
        }
        const auto actual = pages_on(*node, size);
        checks.push_back(judged(name, actual >= count, fmt::format("{}", count), fmt::format("{}", actual),
                                "the node's memory is too little or in pieces: ask for them on the kernel's command "
                                "line, for fewer, or at another node"));
    }
    return checks;
}

Checks check_settings(const Subject& subject) {
    Checks all;
    for (const auto part : {sysctls, timer_migration, corrected_errors, throttling, mitigations})
        for (auto& check : part(subject))
            all.push_back(std::move(check));
    return all;
}

} // namespace rtnode::profile
