#include "profile/arguments/lint.hpp"

#include "profile/arguments/huge_pages.hpp"
#include "profile/arguments/table.hpp"
#include "state/error.hpp"
#include "state/kernel_arguments.hpp"

#include <algorithm>
#include <array>

namespace rtnode::profile {
namespace {

using Kind = Remark::Kind;

/// What each check is given.
struct Line {
    const std::vector<std::string>& tokens;
    const TargetKernel& kernel;
    const NodeTopology& node;

    /// The last token of that name, which is the one that counts; nullptr = none.
    const std::string* last(std::string_view name) const {
        const auto found = std::find_if(tokens.rbegin(), tokens.rend(),
                                        [&](const std::string& token) { return name_of_argument(token) == name; });
        return found == tokens.rend() ? nullptr : &*found;
    }
};

using Remarks = std::vector<Remark>;

Remark note(const std::string& token, std::string text) {
    return {token, Severity::note, std::move(text), Kind::note};
}

Remark warning(const std::string& token, std::string text) {
    return {token, Severity::warning, std::move(text), Kind::note};
}

Remark ignored(const std::string& token, Severity severity, std::string text) {
    return {token, severity, std::move(text), Kind::ignored};
}

void remark_unknown(const std::string& token, Remarks& all) {
    // "module.parameter" goes to the module, and only it knows its parameters.
    const auto meant = meant_argument(token);
    if (!meant.empty())
        all.push_back(warning(token, fmt::format("it isn't known; did you mean '{}'?", meant)));
    else if (name_of_argument(token).find('.') == std::string::npos)
        all.push_back(note(token, "it isn't known here; what the kernel doesn't know it hands to init"));
}

/// What the table says of each token by itself.
void by_table(const Line& line, const std::string& token, Remarks& all) {
    const auto* known = known_argument(token);
    if (known == nullptr) return remark_unknown(token, all);
    const std::string trouble(known->trouble);
    switch (known->nature) {
    case Nature::usual:
        break;
    case Nature::noted:
        all.push_back(note(token, trouble));
        break;
    case Nature::ignored:
        all.push_back(ignored(token, Severity::warning, trouble));
        break;
    case Nature::dangerous:
        all.push_back({token, Severity::warning, trouble, Kind::dangerous});
        break;
    case Nature::refused:
        all.push_back({token, Severity::blocker, "it is refused: " + trouble, Kind::dangerous});
        break;
    }
    if (line.kernel.major != 0 && !line.kernel.understands(known->since))
        all.push_back(ignored(
            token, Severity::warning,
            fmt::format("kernel {} doesn't know it, it came with {}", line.kernel.release, known->since.text())));
}

/// The flags before the first number: "managed_irq", "domain". What is left of `value` is the list.
std::vector<std::string> take_flags(std::string_view& value) {
    std::vector<std::string> flags;
    while (!value.empty() && (value.front() < '0' || value.front() > '9')) {
        const auto comma = value.find(',');
        flags.emplace_back(value.substr(0, comma));
        value.remove_prefix(comma == std::string_view::npos ? value.size() : comma + 1);
    }
    return flags;
}

void isolcpus_flags(const Line& line, const std::string& token, Remarks& all) {
    if (name_of_argument(token) != "isolcpus") return;
    auto value = value_of_argument(token);
    const auto flags = take_flags(value);
    for (const auto& flag : flags)
        if (flag != "domain" && flag != "nohz" && flag != "managed_irq" && flag != "all")
            all.push_back(ignored(token, Severity::warning,
                                  fmt::format("'{}' is no flag of it; write domain, nohz or managed_irq", flag)));
    const bool managed = std::ranges::find(flags, "managed_irq") != flags.end();
    if (managed && line.kernel.major != 0 && !line.kernel.understands(managed_irq_since))
        all.push_back(
            ignored(token, Severity::warning,
                    fmt::format("kernel {} doesn't know the flag managed_irq, which came with {}, and ignores the "
                                "whole argument",
                                line.kernel.release, managed_irq_since.text())));
    const bool domain = flags.empty() || std::ranges::find(flags, "domain") != flags.end();
    if (domain && !value.empty())
        all.push_back(note(token,
                           "the scheduler doesn't balance load among these CPUs: the threads of one pod or process "
                           "all stay on the CPU where they began, unless each is pinned"));
}

/// Lists of CPUs against those of the node.
void cpu_lists(const Line& line, const std::string& token, Remarks& all) {
    constexpr std::array<std::string_view, 5> names{"isolcpus", "nohz_full", "rcu_nocbs", "irqaffinity",
                                                    "systemd.cpu_affinity"};
    const auto name = name_of_argument(token);
    if (std::ranges::find(names, name) == names.end()) return;
    auto value = value_of_argument(token);
    if (name == "isolcpus") take_flags(value);
    // The kernel's own shorthands: "all", "8-N", "0-31:2/4".
    if (value.empty() || value == "all" || value.find_first_of(":N") != std::string_view::npos) return;
    CpuList cpus;
    try {
        cpus = parse_cpu_list(value);
    } catch (const Error& error) {
        all.push_back(ignored(token, Severity::warning, error.what()));
        return;
    }
    const auto& present = line.node.present;
    if (present.empty()) return;
    if (const auto absent = cpus_without(cpus, present); !absent.empty())
        all.push_back(warning(token, fmt::format("CPU {} isn't present; present are {}", format_cpu_list(absent),
                                                 format_cpu_list(present))));
    const bool isolates = name == "isolcpus" || name == "nohz_full";
    if (isolates && cpus_without(present, cpus).empty())
        all.push_back({token, Severity::warning, "it leaves no CPU to the operating system", Kind::dangerous});
    else if (name == "nohz_full" && cpus.front() == present.front())
        all.push_back(note(token, fmt::format("the kernel takes the boot CPU {} out of it", present.front())));
    if (name != "irqaffinity") return;
    for (const auto& cpu : line.node.cpus) {
        const auto here = cpus_in_both(cpu.siblings, cpus);
        const auto there = cpus_without(cpu.siblings, cpus);
        if (here.empty() || there.empty()) continue;
        all.push_back(
            note(token, fmt::format("CPU {}, on the same core as {}, isn't in it; the list should be that of the "
                                    "reserved CPUs",
                                    format_cpu_list(there), format_cpu_list(here))));
        return; // one core is example enough
    }
}

void idle_states(const Line& line, const std::string& token, Remarks& all) {
    const auto name = name_of_argument(token);
    const bool acpi = name == "processor.max_cstate", intel = name == "intel_idle.max_cstate";
    if (!acpi && !intel) return;
    const bool polls = line.last("idle") != nullptr && *line.last("idle") == "idle=poll";
    if (polls)
        all.push_back(ignored(token, Severity::note, "moot beside idle=poll: no CPU enters a C-state"));
    else if (intel && value_of_argument(token) == "0" && line.last("processor.max_cstate") == nullptr)
        all.push_back(warning(token, "acpi_idle takes over and goes as deep as the firmware lets it; add "
                                     "processor.max_cstate=1"));
    else if (acpi && line.node.vendor == "GenuineIntel" && line.last("intel_idle.max_cstate") == nullptr)
        all.push_back(
            note(token, "intel_idle, where it drives the CPUs, isn't bound by it; add intel_idle.max_cstate=0"));
}

void vendor(const Line& line, const std::string& token, Remarks& all) {
    const bool of_intel = token.starts_with("intel_"), of_amd = token.starts_with("amd_");
    if ((of_intel && line.node.vendor == "AuthenticAMD") || (of_amd && line.node.vendor == "GenuineIntel"))
        all.push_back(ignored(token, Severity::note, fmt::format("it means nothing to a CPU of {}", line.node.vendor)));
}

void huge_pages(const Line& line, const std::string& token, Remarks& all) {
    const auto name = name_of_argument(token);
    const auto value = value_of_argument(token);
    if (name == "hugepagesz" || name == "default_hugepagesz") {
        const auto size = page_size_kib(value);
        if (size != small_page_kib && size != gigantic_page_kib)
            all.push_back(ignored(token, Severity::warning, "x86 has huge pages of 2M and 1G only"));
        const auto& flags = line.node.flags;
        if (size == gigantic_page_kib && !flags.empty() && std::ranges::find(flags, "pdpe1gb") == flags.end())
            all.push_back(ignored(token, Severity::warning,
                                  "this CPU has no pages of 1G (pdpe1gb is missing): none will be reserved"));
    }
    if (name == "hugepagesz" && std::ranges::count(line.tokens, token) > 1)
        all.push_back(warning(token, "the same size is given twice; the kernel takes one pair of hugepagesz= and "
                                     "hugepages= for a size"));
    const auto before = [&](const std::string& other) { return name_of_argument(other) == "hugepagesz"; };
    const auto here = std::ranges::find(line.tokens, token);
    if (name == "hugepages" && std::none_of(line.tokens.begin(), here, before))
        all.push_back(warning(token, "no hugepagesz= stands before it: it counts pages of the default size"));
    if (name == "hugepages" && value.find(':') != std::string_view::npos && line.kernel.major != 0 &&
        !line.kernel.at_least(5, 16))
        all.push_back(ignored(token, Severity::warning,
                              fmt::format("kernel {} knows no numbers for each NUMA node, they came with 5.16; use "
                                          "[huge-pages] with a NUMA node instead",
                                          line.kernel.release)));
}

void without_effect(const Line& line, const std::string& token, Remarks& all) {
    const auto name = name_of_argument(token);
    const auto* nohz = line.last("nohz");
    if (name == "nohz_full" && nohz != nullptr && *nohz == "nohz=off")
        all.push_back(ignored(token, Severity::warning, "nohz=off takes its effect"));
    if (name == "preempt" && line.kernel.real_time)
        all.push_back(ignored(token, Severity::note, "a real-time kernel preempts itself always"));
    if (name == "threadirqs" && line.kernel.real_time)
        all.push_back(ignored(token, Severity::note, "a real-time kernel does so anyway"));
}

/// Arguments that mean one thing for the whole line.
void repetitions(const Line& line, const std::string& token, Remarks& all) {
    constexpr std::array<std::string_view, 18> single{"isolcpus",
                                                      "nohz_full",
                                                      "rcu_nocbs",
                                                      "irqaffinity",
                                                      "systemd.cpu_affinity",
                                                      "default_hugepagesz",
                                                      "nohz",
                                                      "skew_tick",
                                                      "tsc",
                                                      "idle",
                                                      "intel_pstate",
                                                      "amd_pstate",
                                                      "audit",
                                                      "nmi_watchdog",
                                                      "intel_iommu",
                                                      "processor.max_cstate",
                                                      "intel_idle.max_cstate",
                                                      "nosoftlockup"};
    const auto name = name_of_argument(token);
    if (std::ranges::find(single, name) == single.end()) return;
    for (const auto& other : line.tokens)
        if (other != token && name_of_argument(other) == name) {
            all.push_back(warning(token, fmt::format("'{}' is given, too; keep one of them", other)));
            return;
        }
    if (std::ranges::count(line.tokens, token) > 1) all.push_back(note(token, "it is given twice"));
}

constexpr std::array checks{by_table, isolcpus_flags, cpu_lists,      idle_states,
                            vendor,   huge_pages,     without_effect, repetitions};

} // namespace

std::vector<Remark> remarks(const std::vector<std::string>& tokens, const TargetKernel& kernel,
                            const NodeTopology& node) {
    const Line line{tokens, kernel, node};
    Remarks all;
    for (auto token = tokens.begin(); token != tokens.end(); ++token)
        if (std::find(tokens.begin(), token, *token) == token) // what is there twice is judged once
            for (const auto& check : checks)
                check(line, *token, all);
    return all;
}

std::size_t command_line_bytes(const std::vector<std::string>& tokens) {
    return KernelArguments(tokens).str().size() + 1;
}

std::optional<Remark> length_remark(const std::vector<std::string>& tokens) {
    const auto bytes = command_line_bytes(tokens);
    if (bytes > command_line_limit)
        return Remark{
            "", Severity::blocker,
            fmt::format("the command line has {} bytes with its terminator, the kernel takes {} and cuts off the "
                        "rest: write fewer arguments, or CPU lists with ranges",
                        bytes, command_line_limit),
            Kind::dangerous};
    if (bytes > command_line_limit * 9 / 10)
        return Remark{"", Severity::warning,
                      fmt::format("the command line has {} of at most {} bytes", bytes, command_line_limit),
                      Kind::note};
    return std::nullopt;
}

} // namespace rtnode::profile
