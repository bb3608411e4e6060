#include "profile/effects/runtime_settings.hpp"

#include "profile/effects/node_files.hpp"
#include "state/machine_files.hpp"
#include "state/numbers.hpp"
#include "state/unique_fd.hpp"

#include <fcntl.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

namespace rtnode::profile {
namespace {

namespace fs = std::filesystem;
using Kind = Setting::Kind;
using State = SettingOutcome::State;

constexpr std::array<std::pair<State, std::string_view>, 6> names{{
    {State::done, "done"},
    {State::already, "already"},
    {State::fewer, "fewer"},
    {State::left, "left"},
    {State::missing, "missing"},
    {State::failed, "failed"},
}};

void add_huge_pages(const Profile& profile, std::vector<Setting>& settings) {
    for (const auto& pages : profile.huge_pages)
        if (pages.numa_node)
            settings.push_back({fmt::format("sys/devices/system/node/node{}/hugepages/hugepages-{}kB/nr_hugepages",
                                            *pages.numa_node, pages.size_kib),
                                fmt::format("{}", pages.count),
                                fmt::format("{} on NUMA node {}", counted(pages.count, "huge page"), *pages.numa_node),
                                Kind::huge_pages});
}

/// The interrupts' masks without the isolated CPUs, so that nothing else about them changes.
void add_interrupts(const CpuList& isolated, const CpuList& others, const fs::path& root,
                    std::vector<Setting>& settings) {
    const auto without_isolated = [&](const CpuList& allowed) {
        const auto rest = cpus_without(allowed, isolated);
        return cpu_mask(rest.empty() ? others : rest);
    };
    const std::string default_mask = "proc/irq/default_smp_affinity";
    if (const auto allowed = mask_in(root / default_mask))
        settings.push_back({default_mask, without_isolated(*allowed),
                            "interrupts of devices to come stay off isolated CPUs", Kind::cpu_mask});
    for (const auto& interrupt : interrupts(root))
        if (interrupt.movable)
            settings.push_back({fmt::format("proc/irq/{}/smp_affinity", interrupt.number),
                                without_isolated(interrupt.allowed),
                                trimmed(fmt::format("interrupt {} {}", interrupt.number, interrupt.handlers)) +
                                    " stays off isolated CPUs",
                                Kind::interrupt});
}

/// Why a file below the root may not be written to; "" = it may.
std::string unsafe(const fs::path& path) {
    const auto leads_out = [](const fs::path& part) { return part == ".."; };
    return path.empty() || path.is_absolute() || std::any_of(path.begin(), path.end(), leads_out)
               ? fmt::format("'{}' is no path below the root", path.string())
               : "";
}

/// errno, 0 = written. In one write(2), which is what the kernel takes as one value.
int write_value(const fs::path& file, const std::string& value) {
    const UniqueFd fd(::open(file.c_str(), O_WRONLY | O_TRUNC | O_NOFOLLOW | O_CLOEXEC));
    if (!fd) return errno;
    const auto line = value + '\n';
    const auto written = ::write(fd.get(), line.data(), line.size());
    if (written < 0) return errno;
    return static_cast<std::size_t>(written) == line.size() ? 0 : EIO;
}

/// Whether what a file says is as good as what it should say.
bool as_wanted(const Setting& setting, const std::string& now) {
    if (with_single_blanks(now) == with_single_blanks(setting.value)) return true;
    if (setting.kind == Kind::huge_pages) {
        const auto count = whole_number<std::uint64_t>(now), wanted = whole_number<std::uint64_t>(setting.value);
        return count && wanted && *count >= *wanted;
    }
    if (setting.kind == Kind::value) {
        // A sysctl may be a mask, too: net.core.rps_default_mask.
        const auto wanted = setting.value.size() >= 8 ? cpus_of_mask(setting.value) : std::nullopt;
        return wanted && wanted == cpus_of_mask(now);
    }
    const auto cpus = cpus_of_mask(now), wanted = cpus_of_mask(setting.value);
    return cpus && wanted && !cpus->empty() && cpus_without(*cpus, *wanted).empty();
}

SettingOutcome apply_one(const Setting& setting, const fs::path& root, unsigned tries) {
    if (auto why = unsafe(setting.path); !why.empty()) return {setting, State::failed, std::move(why)};
    const auto file = root / setting.path;
    const auto before = line_of(file);
    if (before && as_wanted(setting, *before)) return {setting, State::already, *before};
    const auto attempts = setting.kind == Kind::huge_pages ? std::max(tries, 1u) : 1u;
    std::optional<std::string> now;
    for (unsigned attempt = 0; attempt < attempts; ++attempt) {
        if (const int error = write_value(file, setting.value); error != 0) {
            if (error == ENOENT)
                return {setting, State::missing, fmt::format("the running kernel has no /{}", setting.path)};
            if (error == EIO && setting.kind == Kind::interrupt)
                return {setting, State::left,
                        "the kernel doesn't let it move: its driver spread it (managed), or its CPU is fixed"};
            return {setting, State::failed,
                    fmt::format("cannot write '{}' to /{}: {}", setting.value, setting.path, std::strerror(error))};
        }
        now = line_of(file);
        if (now && as_wanted(setting, *now)) return {setting, State::done, before.value_or("")};
    }
    const auto is = now.value_or("");
    if (setting.kind == Kind::huge_pages && !is.empty())
        return {setting, State::fewer, fmt::format("got {} of {}", is, setting.value)};
    return {setting, State::failed,
            fmt::format("/{} says '{}' after '{}' was written to it", setting.path, is, setting.value)};
}

} // namespace

std::string_view name_of(SettingOutcome::State state) {
    for (const auto& [value, name] : names)
        if (value == state) return name;
    return "unknown";
}

std::vector<Setting> settings_of(const Profile& profile, const CpuSets& sets, const NodeTopology& node,
                                 const fs::path& root) {
    std::vector<Setting> settings;
    const auto others = cpus_without(node.present, sets.isolated);
    add_huge_pages(profile, settings);
    if (profile.housekeeping_workqueues && !sets.isolated.empty())
        for (const auto& file : workqueue_masks(root))
            settings.push_back({file, cpu_mask(others), "unbound workqueues stay off isolated CPUs", Kind::cpu_mask});
    if (profile.ignore_corrected_errors)
        for (const auto& file : corrected_error_switches(root))
            settings.push_back({file, *profile.ignore_corrected_errors ? "1" : "0",
                                *profile.ignore_corrected_errors ? "no timer polls for corrected machine checks"
                                                                 : "corrected machine checks are polled for"});
    if (profile.timer_migration)
        settings.push_back({sysctl_file("kernel.timer_migration"), *profile.timer_migration ? "1" : "0",
                            *profile.timer_migration ? "timers of idle CPUs move to busy ones"
                                                     : "timers stay on the CPU that armed them"});
    for (const auto& [name, value] : profile.sysctls)
        settings.push_back({sysctl_file(name), value, "sysctl " + name});
    if (profile.housekeeping_interrupts && !sets.isolated.empty())
        add_interrupts(sets.isolated, others, root, settings);
    return settings;
}

std::vector<SettingOutcome> apply(const std::vector<Setting>& settings, const fs::path& root, unsigned tries) {
    std::vector<SettingOutcome> outcomes;
    for (const auto& setting : settings)
        outcomes.push_back(apply_one(setting, root, tries));
    return outcomes;
}

} // namespace rtnode::profile
