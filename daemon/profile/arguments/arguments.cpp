#include "profile/arguments/arguments.hpp"

#include "profile/arguments/huge_pages.hpp"
#include "profile/arguments/table.hpp"
#include "state/error.hpp"

#include <algorithm>
#include <array>
#include <string_view>

namespace rtnode::profile {
namespace {

/// Processors whose frequency is better left to acpi-cpufreq, by the names of their PMU drivers; later ones have
/// hardware P-states.
constexpr std::array<std::string_view, 6> without_hardware_pstates{"",        "sandybridge", "ivybridge",
                                                                   "haswell", "broadwell",   "skylake"};

constexpr std::string_view by_isolate = "isolate", by_real_time = "isolate and real-time",
                           by_high_power = "isolate and high-power", by_both = "isolate, real-time and high-power",
                           by_huge_pages = "[huge-pages]";

/// The formula, an argument at a time.
struct Formula {
    const Profile& profile;
    const CpuSets& sets;
    const NodeTopology& node;
    const TargetKernel& kernel;
    std::vector<Argument> taken;
    std::vector<LeftOutArgument> left_out;

    void compute() {
        if (profile.isolate) {
            if (sets.isolated.empty())
                throw fail(
                    Reason::Configuration,
                    "profile '{}': isolate = true in [kernel-arguments], but no CPU is isolated; write reserved, "
                    "isolated or reserve-cores in [cpus]",
                    profile.name);
            ticks_and_clocks();
            devices();
            watchdogs_and_power();
            isolation();
        }
        huge_pages();
        for (const auto& token : profile.append) {
            const auto* known = known_argument(token);
            taken.push_back({token, known ? std::string(known->purpose) : "the profile's `append` has it",
                             known ? known->since.text() : "", false});
        }
    }

    bool intel() const { return node.vendor == "GenuineIntel"; }
    bool amd() const { return node.vendor == "AuthenticAMD"; }

    void add(const std::string& token, std::string_view setting) {
        const auto* known = known_argument(token);
        const std::string purpose(known ? known->purpose : "");
        const auto since = known ? known->since.text() : std::string();
        if (known && !kernel.understands(known->since))
            leave_out(token, fmt::format("kernel {} doesn't know it", kernel.release));
        else
            taken.push_back({token, fmt::format("{}: {}", setting, purpose), since, true});
    }

    void leave_out(const std::string& token, const std::string& reason) {
        const auto* known = known_argument(token);
        left_out.push_back({token, std::string(known ? known->purpose : ""), known ? known->since.text() : "", reason});
    }

    void ticks_and_clocks() {
        const auto isolated = format_cpu_list(sets.isolated);
        const auto others = cpus_without(node.present, sets.isolated);
        add("skew_tick=1", by_isolate);
        add("tsc=reliable", by_isolate);
        add("rcupdate.rcu_normal_after_boot=1", by_isolate);
        add("rcutree.nohz_full_patience_delay=1000", by_isolate);
        add("nohz=on", by_isolate);
        add("rcu_nocbs=" + isolated, by_isolate);
        leave_out("tuned.non_isolcpus=" + cpu_mask(others),
                  "nothing on an OSTree node reads it; housekeeping-workqueues in [run-time] sets the masks");
        add("systemd.cpu_affinity=" + expand_cpu_list(others), by_isolate);
    }

    void devices() {
        if (intel()) add("intel_iommu=on", by_isolate);
        if (intel() || amd()) add("iommu=pt", by_isolate);
    }

    void watchdogs_and_power() {
        if (profile.real_time) {
            add("nmi_watchdog=0", by_real_time);
            leave_out("mce=off",
                      "it hides faults of memory and processors; ignore-corrected-errors in [run-time] spares "
                      "CPUs the polling without that, and append takes mce=off from who wants it");
        }
        if (profile.high_power && (intel() || amd())) add("processor.max_cstate=1", by_high_power);
        if (profile.high_power && intel()) add("intel_idle.max_cstate=0", by_high_power);
        if (profile.high_power && profile.real_time) add("idle=poll", by_both);
        const bool old = std::ranges::find(without_hardware_pstates, node.pmu_name) != without_hardware_pstates.end();
        if (intel()) add(old ? "intel_pstate=disable" : "intel_pstate=active", by_isolate);
        if (amd()) add("amd_pstate=guided", by_isolate);
    }

    void isolation() {
        const auto isolated = format_cpu_list(sets.isolated);
        add("nohz_full=" + isolated, by_isolate);
        const std::string flags = profile.balance_isolated ? "managed_irq," : "domain,managed_irq,";
        if (kernel.understands(managed_irq_since)) {
            add("isolcpus=" + flags + isolated, by_isolate);
            taken.back().since = managed_irq_since.text();
        } else {
            leave_out("isolcpus=" + flags + isolated,
                      fmt::format("kernel {} doesn't know the flag managed_irq and would ignore the whole argument",
                                  kernel.release));
            left_out.back().since = managed_irq_since.text();
            if (!profile.balance_isolated) add("isolcpus=domain," + isolated, by_isolate);
        }
        if (!profile.real_time) return;
        add("nosoftlockup", by_real_time);
        add("rcutree.kthread_prio=11", by_real_time);
    }

    void huge_pages() {
        if (profile.default_huge_page_kib != 0)
            add("default_hugepagesz=" + page_size_text(profile.default_huge_page_kib), by_huge_pages);
        bool small_by_argument = false, small_by_node = false;
        for (const auto& pages : profile.huge_pages) {
            if (pages.size_kib == small_page_kib) (pages.numa_node ? small_by_node : small_by_argument) = true;
            if (pages.numa_node) continue; // made at run time
            add("hugepagesz=" + page_size_text(pages.size_kib), by_huge_pages);
            add(fmt::format("hugepages={}", pages.count), by_huge_pages);
        }
        // Else kernels before 5.8 have no pages of 2M at all when the default is another size.
        if (profile.default_huge_page_kib == gigantic_page_kib && small_by_node && !small_by_argument) {
            add("hugepagesz=2M", by_huge_pages);
            add("hugepages=0", by_huge_pages);
        }
    }
};

Formula computed(const Profile& profile, const CpuSets& sets, const NodeTopology& node, const TargetKernel& kernel) {
    Formula formula{profile, sets, node, kernel, {}, {}};
    formula.compute();
    return formula;
}

} // namespace

std::vector<Argument> arguments_of(const Profile& profile, const CpuSets& sets, const NodeTopology& node,
                                   const TargetKernel& kernel) {
    return computed(profile, sets, node, kernel).taken;
}

std::vector<LeftOutArgument> left_out_of(const Profile& profile, const CpuSets& sets, const NodeTopology& node,
                                         const TargetKernel& kernel) {
    return computed(profile, sets, node, kernel).left_out;
}

std::vector<std::string> tokens_of(const std::vector<Argument>& arguments) {
    std::vector<std::string> tokens;
    for (const auto& argument : arguments)
        tokens.push_back(argument.token);
    return tokens;
}

std::vector<std::string> tokens_for(const Profile& profile, const CpuSets& sets, const NodeTopology& node,
                                    const std::string& kernel_release) {
    return tokens_of(arguments_of(profile, sets, node, TargetKernel::parse(kernel_release)));
}

} // namespace rtnode::profile
