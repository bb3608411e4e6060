#include "latency/machine/witness.hpp"

#include "latency/machine/environment.hpp"
#include "state/file_text.hpp"
#include "state/machine_files.hpp"
#include "state/numbers.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cmath>
#include <cstring>
#include <fstream>
#include <initializer_list>
#include <iterator>
#include <string_view>
#include <tuple>
#include <utility>

namespace rtnode::latency {
namespace {

constexpr std::size_t kept_looks = 4;    // the two around a spike, and one beside them to say what is usual
constexpr std::size_t named_devices = 5; // of hints(), each with a line of its own

/// Kernels before 5.19 interrupt the CPU to learn its frequency, and sleep 10 ms or more before they do so again when
/// they last did a second ago (arch/x86/kernel/cpu/aperfmperf.c): too much for each of many CPUs each second.
bool sleeps_when_read(const std::string& path) {
    const auto sleeps = [] {
        rusage usage{};
        ::getrusage(RUSAGE_THREAD, &usage);
        return usage.ru_nvcsw;
    };
    const auto before = sleeps();
    const auto started = std::chrono::steady_clock::now();
    file_text(path);
    return sleeps() > before && std::chrono::steady_clock::now() - started > std::chrono::milliseconds(5);
}

std::uint64_t grown(std::uint64_t before, std::uint64_t after) {
    return after > before ? after - before : 0;
}

/// Of a counter that is 32 bits wide. One that fell from low down began anew, as a device's does that was replugged.
std::uint64_t grown_32(std::uint64_t before, std::uint64_t after) {
    constexpr std::uint64_t wrap = std::uint64_t{1} << 32;
    if (after >= before) return after - before;
    return before > wrap / 2 ? wrap - before + after : after;
}

/// The strongest suspect first: by how long each stops a CPU, and by how seldom it comes. Up to Steal they do so
/// without the kernel.
enum class Suspect { Smi, Nmi, Steal, Throttling, Device, Time, Ipi, Softirq, DeepIdle, Frequency };

struct Moved {
    Suspect suspect;
    std::string key; ///< to find the same among what moved at another time
    std::uint64_t count;
    std::string text;
};

bool is_one_of(std::string_view word, std::initializer_list<std::string_view> words) {
    return std::find(words.begin(), words.end(), word) != words.end();
}

/// Timers expire there, the measurement's own above all: LOC, Hyper-V's HVS, "timer" of an IO-APIC, "hpet2", "timer0"
/// of Xen.
bool is_timer(std::string_view row, const std::string& what) {
    if (!is_number(row)) return is_one_of(row, {"LOC", "HVS"});
    return what.starts_with("timer") || what.starts_with("hpet");
}

/// Raised by the clock's tick, where it isn't stopped.
bool is_driven_by_tick(const std::string& softirq) {
    return is_one_of(softirq, {"TIMER", "SCHED", "HRTIMER", "RCU"});
}

/// @param own_calls function calls that the looks themselves made
void interrupts_moved(const Counters& before, const Counters& after, std::uint64_t own_calls,
                      std::vector<Moved>& moved) {
    for (const auto& [row, now] : after.interrupts) {
        const auto old = before.interrupts.find(row);
        auto count = grown_32(old == before.interrupts.end() ? 0 : old->second.count, now.count);
        if (row == "CAL") count = grown(own_calls, count);
        if (count == 0 || is_timer(row, now.what) || is_one_of(row, {"ERR", "MIS"})) continue;
        if (is_number(row)) {
            const auto device = now.what.empty() ? "IRQ " + row : fmt::format("{} (IRQ {})", now.what, row);
            const auto text = fmt::format("{} of {}", counted(count, "interrupt"), device);
            moved.push_back({Suspect::Device, row, count, text});
        } else {
            const bool severe = is_one_of(row, {"NMI", "PMI", "MCE", "MCP", "THR", "DFR", "TRM"});
            const auto name = now.what.empty() ? row : fmt::format("{} ({})", now.what, row);
            moved.push_back({severe ? Suspect::Nmi : Suspect::Ipi, row, count, fmt::format("{}: {}", name, count)});
        }
    }
}

std::uint64_t milliseconds_of(std::uint64_t ticks) {
    static const auto tick_ms = 1000 / static_cast<std::uint64_t>(std::max(1L, ::sysconf(_SC_CLK_TCK)));
    return ticks * tick_ms;
}

std::vector<Moved> moved_between(unsigned cpu, const Counters& before, const Counters& after, std::uint64_t looks) {
    std::vector<Moved> moved;
    const auto add = [&](Suspect suspect, std::string key, std::uint64_t count, auto text_of) {
        if (count > 0) moved.push_back({suspect, std::move(key), count, text_of(count)});
    };
    if (before.smis && after.smis)
        add(Suspect::Smi, "", grown_32(*before.smis, *after.smis), [](auto n) { return counted(n, "SMI"); });
    add(Suspect::Steal, "", milliseconds_of(grown(before.steal_ticks, after.steal_ticks)),
        [&](auto ms) { return fmt::format("steal: the hypervisor took {} ms of CPU {}", ms, cpu); });
    add(Suspect::Throttling, "", grown(before.throttled, after.throttled),
        [](auto n) { return fmt::format("CPU quota: the daemon's cgroup was stopped {}", counted(n, "time")); });
    interrupts_moved(before, after, before.smis ? looks : 0, moved);
    add(Suspect::Time, "irq", milliseconds_of(grown(before.irq_ticks, after.irq_ticks)),
        [](auto ms) { return fmt::format("interrupts took {} ms", ms); });
    add(Suspect::Time, "softirq", milliseconds_of(grown(before.softirq_ticks, after.softirq_ticks)),
        [](auto ms) { return fmt::format("softirqs took {} ms", ms); });
    for (const auto& [kind, count] : after.softirqs) {
        const auto old = before.softirqs.find(kind);
        add(Suspect::Softirq, kind, grown_32(old == before.softirqs.end() ? 0 : old->second, count),
            [&](auto n) { return fmt::format("softirq {}: {}", kind, n); });
    }
    add(Suspect::DeepIdle, "", grown(before.deep_idle, after.deep_idle),
        [](auto n) { return fmt::format("woke from a deep idle state {}", counted(n, "time")); });
    if (before.frequency_khz && after.frequency_khz) {
        const auto from = *before.frequency_khz, to = *after.frequency_khz;
        // It always wavers a little.
        if (const auto change = from > to ? from - to : to - from; change * 10 >= std::max(from, to))
            add(Suspect::Frequency, "", change,
                [&](auto) { return fmt::format("frequency went from {} to {} MHz", from / 1000, to / 1000); });
    }
    return moved;
}

} // namespace

Witness::Witness(CpuList cpus, std::string root)
    : cpus_(std::move(cpus)), root_(std::move(root)), cgroups_(cgroup_folders(root_)) {
    using Table = std::pair<const char*, const char*>;
    for (const auto& [file, what] :
         {Table{"/proc/interrupts", "interrupts"}, Table{"/proc/softirqs", "softirqs"}, Table{"/proc/stat", "steal"}})
        if (file_text(root_ + file).empty())
            missing_.push_back(
                fmt::format("{} can't be seen: {} can't be read; the daemon's unit needs ProcSubset=all", what, file));
    find_sources();
}

void Witness::find_sources() {
    const auto vendor = first_processor(root_)["vendor_id"];
    const bool has_counter = vendor == "GenuineIntel";
    if (!has_counter)
        uncounted_.push_back(fmt::format("SMIs can't be counted: only Intel's processors do (this one: {})",
                                         vendor.empty() ? "unknown" : vendor));
    std::map<std::string, CpuList> no_smis; // by reason
    CpuList no_frequency;
    bool slow = false;
    for (const auto cpu : cpus_) {
        auto& source = sources_[cpu];
        if (has_counter) {
            const auto path = fmt::format("{}/dev/cpu/{}/msr", root_, cpu);
            source.msr = UniqueFd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
            const int error = source.msr ? 0 : errno;
            if (error == ENOENT)
                no_smis["/dev/cpu/N/msr is absent; load the kernel module msr"].push_back(cpu);
            else if (error != 0)
                no_smis[fmt::format("/dev/cpu/N/msr can't be opened ({}); the daemon needs CAP_SYS_RAWIO, which its "
                                    "unit gives unless a drop-in takes it away",
                                    std::strerror(error))]
                    .push_back(cpu);
            else if (!smis_of(source.msr.get())) {
                no_smis["MSR 0x34 can't be read; the processor or the hypervisor doesn't have it"].push_back(cpu);
                source.msr.reset();
            }
        }
        for (const auto& state : deep_idle_states(root_, cpu))
            source.deep_idle.push_back(state.folder + "/usage");
        const auto frequency = fmt::format("{}/sys/devices/system/cpu/cpu{}/cpufreq/scaling_cur_freq", root_, cpu);
        slow = slow || sleeps_when_read(frequency);
        if (slow) continue;
        if (count_in(frequency))
            source.frequency = frequency;
        else
            no_frequency.push_back(cpu);
    }
    for (const auto& [why, cpus] : no_smis)
        uncounted_.push_back(fmt::format("SMIs of CPU {} can't be counted: {}", format_cpu_list(cpus), why));
    missing_.insert(missing_.end(), uncounted_.begin(), uncounted_.end());
    if (slow) {
        for (auto& [cpu, source] : sources_)
            source.frequency.clear();
        missing_.push_back("changes of frequency aren't looked for: this kernel interrupts a CPU to learn its "
                           "frequency, and waits; kernels from 5.19 on don't");
    } else if (!no_frequency.empty()) {
        missing_.push_back(fmt::format("changes of frequency of CPU {} can't be seen: it has no cpufreq driver, or the "
                                       "hypervisor decides",
                                       format_cpu_list(no_frequency)));
    }
}

void Witness::look(std::int64_t monotonic_ns, bool smis) {
    if (!looks_.empty() && monotonic_ns <= looks_.back().at_ns) return;
    Look look{.at_ns = monotonic_ns, .cpus = read_counters(cpus_, root_)};
    const auto throttled = throttled_of(cgroups_);
    for (auto& [cpu, counters] : look.cpus) {
        const auto& source = sources_.at(cpu);
        counters.throttled = throttled;
        if (smis) counters.smis = smis_of(source.msr.get());
        for (const auto& usage : source.deep_idle)
            counters.deep_idle += count_in(usage).value_or(0);
        if (!source.frequency.empty()) counters.frequency_khz = count_in(source.frequency);
    }
    for (const auto& [cpu, now] : look.cpus) {
        auto& totals = totals_[cpu];
        if (now.smis) {
            const auto last = last_smis_.try_emplace(cpu, *now.smis).first;
            totals.smis = totals.smis.value_or(0) + grown_32(last->second, *now.smis);
            last->second = *now.smis;
        }
        if (looks_.empty() || !looks_.back().cpus.contains(cpu)) continue;
        const auto& before = looks_.back().cpus.at(cpu);
        totals.stolen_ms += milliseconds_of(grown(before.steal_ticks, now.steal_ticks));
    }
    looks_.push_back(std::move(look));
    if (looks_.size() > kept_looks) looks_.pop_front();
}

Witness::Totals Witness::totals(unsigned cpu) const {
    const auto found = totals_.find(cpu);
    return found == totals_.end() ? Totals{} : found->second;
}

std::vector<std::string> Witness::hints(unsigned cpu, std::int64_t from_ns, std::int64_t to_ns, About about) const {
    const auto later = std::find_if(looks_.begin(), looks_.end(), [&](const Look& l) { return l.at_ns >= to_ns; });
    const auto past = std::find_if(looks_.begin(), looks_.end(), [&](const Look& l) { return l.at_ns > from_ns; });
    if (later == looks_.end() || past == looks_.begin() || past > later) return {};
    const auto first = std::prev(past);

    using Position = decltype(later);
    const auto moved = [&](Position a, Position b) {
        const auto before = a->cpus.find(cpu), after = b->cpus.find(cpu);
        if (before == a->cpus.end() || after == b->cpus.end()) return std::vector<Moved>();
        return moved_between(cpu, before->second, after->second, static_cast<std::uint64_t>(b - a));
    };
    if (first->cpus.contains(cpu) != later->cpus.contains(cpu)) return {fmt::format("CPU {} was offline", cpu)};
    auto found = moved(first, later);
    if (about == About::Hardware) std::erase_if(found, [](const Moved& m) { return m.suspect > Suspect::Steal; });

    // What is usual: the looks before, or else after.
    const auto length = [](Position a, Position b) { return static_cast<double>(b->at_ns - a->at_ns); };
    std::vector<Moved> beside;
    double scale = 0; // 0 = nothing is known
    if (first != looks_.begin()) {
        beside = moved(std::prev(first), first);
        scale = length(first, later) / length(std::prev(first), first);
    } else if (std::next(later) != looks_.end()) {
        beside = moved(later, std::next(later));
        scale = length(first, later) / length(later, std::next(later));
    }
    const auto usual = [&](const Moved& m) {
        const auto same = std::find_if(beside.begin(), beside.end(), [&](const Moved& other) {
            return other.suspect == m.suspect && other.key == m.key;
        });
        return same == beside.end() ? std::int64_t{0} : std::llround(static_cast<double>(same->count) * scale);
    };
    const auto excess = [&](const Moved& m) { return static_cast<std::int64_t>(m.count) - usual(m); };

    // What always moves, by the tick and the measurement itself, is named only when it is far from usual; what moves
    // here and there only when it is more than usual.
    std::erase_if(found, [&](const Moved& m) {
        const bool always = m.suspect == Suspect::Time || (m.suspect == Suspect::Softirq && is_driven_by_tick(m.key));
        const bool often = m.suspect == Suspect::Device || m.suspect == Suspect::Ipi || m.suspect == Suspect::Softirq;
        return always ? scale == 0 || excess(m) <= usual(m) + 10 : often && excess(m) <= 0;
    });
    std::stable_sort(found.begin(), found.end(), [&](const Moved& a, const Moved& b) {
        return std::tuple(a.suspect, -excess(a)) < std::tuple(b.suspect, -excess(b));
    });

    std::vector<std::string> words;
    std::size_t devices = 0, more_at = 0;
    for (const auto& m : found) {
        if (m.suspect == Suspect::Device && ++devices > named_devices) continue;
        const auto often = m.suspect == Suspect::Frequency ? 0 : usual(m);
        words.push_back(often > 0 ? fmt::format("{} (usually {})", m.text, often) : m.text);
        if (m.suspect == Suspect::Device && devices == named_devices) more_at = words.size();
    }
    if (devices > named_devices)
        words.insert(words.begin() + static_cast<std::ptrdiff_t>(more_at),
                     fmt::format("interrupts of {}", counted(devices - named_devices, "other device")));
    if (about == About::Hardware && first->cpus.contains(cpu)) {
        const auto before = first->cpus.at(cpu).smis, after = later->cpus.at(cpu).smis;
        if (before && before == after) words.emplace_back("no SMI was counted in that second");
    }
    return words;
}

} // namespace rtnode::latency
