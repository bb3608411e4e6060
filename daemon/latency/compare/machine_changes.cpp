#include "latency/compare/machine_changes.hpp"

#include "state/kernel_arguments.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

namespace rtnode::latency {
namespace {

using Changes = std::vector<std::string>;

void compare_fact(Changes& changes, std::string_view what, const std::string& before, const std::string& after) {
    if (before != after && !before.empty() && !after.empty())
        changes.push_back(fmt::format("{} {} -> {}", what, before, after));
}

void compare_arguments(Changes& changes, const Environment& a, const Environment& b) {
    if (a.command_line.empty() || b.command_line.empty()) return;
    auto before = identifying_arguments(a), after = identifying_arguments(b);
    const bool same = before == after;
    std::sort(before.begin(), before.end());
    std::sort(after.begin(), after.end());
    std::vector<std::string> removed, added;
    std::set_difference(before.begin(), before.end(), after.begin(), after.end(), std::back_inserter(removed));
    std::set_difference(after.begin(), after.end(), before.begin(), before.end(), std::back_inserter(added));
    for (const auto& token : removed)
        changes.push_back("kernel argument removed: " + token);
    for (const auto& token : added)
        changes.push_back("kernel argument added: " + token);
    if (!same && removed.empty() && added.empty()) changes.emplace_back("kernel arguments in another order");
}

std::string yes_or_no(bool is) {
    return is ? "yes" : "no";
}

std::string deployment_of(const Environment& environment) {
    return environment.deployment.empty() ? "none" : environment.deployment;
}

} // namespace

std::vector<std::string> identifying_arguments(const Environment& environment) {
    auto tokens = KernelArguments::parse(environment.command_line).without_ostree().tokens();
    std::erase_if(tokens, [](const std::string& token) { return token.starts_with("BOOT_IMAGE="); });
    return tokens;
}

std::string load_of(const Result& result) {
    return result.load.empty() ? "none" : result.load;
}

std::vector<std::string> machine_changes(const Result& a, const Result& b) {
    Changes changes;
    const auto& before = a.environment;
    const auto& after = b.environment;
    compare_fact(changes, "load beside the run", load_of(a), load_of(b));
    compare_fact(changes, "deployment", deployment_of(before), deployment_of(after));
    compare_fact(changes, "kernel", before.release, after.release);
    if (before.release == after.release) compare_fact(changes, "kernel build", before.version, after.version);
    compare_fact(changes, "real-time kernel", yes_or_no(before.realtime), yes_or_no(after.realtime));
    compare_arguments(changes, before, after);
    compare_fact(changes, "microcode", before.microcode, after.microcode);
    compare_fact(changes, "BIOS", before.bios, after.bios);
    compare_fact(changes, "CPU model", before.cpu_model, after.cpu_model);
    compare_fact(changes, "clock source", before.clocksource, after.clocksource);
    compare_fact(changes, "/dev/cpu_dma_latency held at 0 µs", yes_or_no(a.dma_latency_held),
                 yes_or_no(b.dma_latency_held));
    for (const auto& finding : before.findings)
        for (const auto& other : after.findings)
            if (finding.check == other.check && finding.state != other.state)
                changes.push_back(fmt::format("{} {} ({}) -> {} ({})", finding.check, finding.state, finding.actual,
                                              other.state, other.actual));
    return changes;
}

} // namespace rtnode::latency
