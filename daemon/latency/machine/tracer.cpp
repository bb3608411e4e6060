#include "latency/machine/tracer.hpp"

#include "state/error.hpp"
#include "state/unique_fd.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <string_view>
#include <utility>

namespace rtnode::latency {
namespace {

constexpr std::string_view prefix = "rtnode-";
constexpr const char* buffer_kib = "2048"; ///< some 30,000 events a CPU

std::string instances(const std::string& root) {
    return (root == "/" ? "" : root) + "/sys/kernel/tracing/instances";
}

/// @returns whether it could be written
bool put(const std::string& path, std::string_view text) {
    const UniqueFd file(::open(path.c_str(), O_WRONLY | O_TRUNC | O_CLOEXEC));
    return file && ::write(file.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size());
}

/// As tracing_cpumask wants it: hexadecimal, groups of 32 CPUs, the highest first.
std::string mask_of(const CpuList& cpus) {
    std::vector<std::uint32_t> groups(cpus.back() / 32 + 1);
    for (const auto cpu : cpus)
        groups[cpu / 32] |= 1U << cpu % 32;
    std::string mask;
    for (auto group = groups.rbegin(); group != groups.rend(); ++group)
        mask += fmt::format("{}{:08x}", mask.empty() ? "" : ",", *group);
    return mask;
}

} // namespace

Tracer::Tracer(const CpuList& cpus, const std::string& root)
    : instance_(fmt::format("{}/{}{}", instances(root), prefix, cpus.front())) {
    const auto failed = [&](const std::string& what) {
        const int error = errno;
        ::rmdir(instance_.c_str());
        return fail(
            Reason::InvalidArgument,
            "the measured CPUs can't be traced: {}: {}; is tracefs mounted (systemctl start "
            "sys-kernel-tracing.mount), and the kernel not locked down? Without 'trace' there are hints all the same",
            what, std::strerror(error));
    };
    ::rmdir(instance_.c_str()); // of a killed daemon
    if (::mkdir(instance_.c_str(), 0700) != 0) throw failed("no instance " + instance_);
    const auto set = [&](const std::string& file, std::string_view text) {
        if (!put(instance_ + "/" + file, text)) throw failed("writing " + file);
    };
    set("trace_clock", "mono");
    set("tracing_cpumask", mask_of(cpus));
    // Memory only for the CPUs that are traced.
    set("buffer_size_kb", "4");
    for (const auto cpu : cpus)
        set(fmt::format("per_cpu/cpu{}/buffer_size_kb", cpu), buffer_kib);
    for (const auto* event : {"sched/sched_switch", "irq/irq_handler_entry", "irq/irq_handler_exit",
                              "irq/softirq_entry", "irq/softirq_exit"})
        set(fmt::format("events/{}/enable", event), "1");
    // Not every kernel and architecture has these.
    put(instance_ + "/events/nmi/nmi_handler/enable", "1");
    for (const auto* vector : {"local_timer", "reschedule", "call_function", "call_function_single", "irq_work",
                               "thermal_apic", "error_apic", "spurious_apic", "x86_platform_ipi"})
        for (const auto* side : {"entry", "exit"})
            put(fmt::format("{}/events/irq_vectors/{}_{}/enable", instance_, vector, side), "1");
    set("tracing_on", "1");
}

Tracer::~Tracer() {
    ::rmdir(instance_.c_str());
}

const std::vector<TraceEvent>& Tracer::read(unsigned cpu) {
    constexpr std::int64_t kept_ns = 1'000'000'000;
    auto& events = recent_[cpu];
    if (!events.empty()) {
        const auto oldest = events.back().at_ns - kept_ns;
        std::erase_if(events, [&](const TraceEvent& event) { return event.at_ns < oldest; });
    }
    // trace_pipe takes out what it gives: nothing that comes meanwhile is lost, and nothing is read twice.
    const UniqueFd pipe(
        ::open(fmt::format("{}/per_cpu/cpu{}/trace_pipe", instance_, cpu).c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
    std::string text;
    std::vector<char> buffer(64 * 1024);
    for (;;) {
        const auto got = pipe ? ::read(pipe.get(), buffer.data(), buffer.size()) : 0;
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) break;
        text.append(buffer.data(), static_cast<std::size_t>(got));
        std::size_t start = 0;
        for (auto end = text.find('\n'); end != std::string::npos; end = text.find('\n', start)) {
            if (auto event = parse_trace_line(std::string_view(text).substr(start, end - start)))
                events.push_back(std::move(*event));
            start = end + 1;
        }
        text.erase(0, start);
    }
    return events;
}

std::vector<std::vector<std::string>> Tracer::who(unsigned cpu, int self, const std::vector<Time>& times) {
    const auto& events = read(cpu);
    std::vector<std::vector<std::string>> words;
    for (const auto& time : times) {
        if (events.empty() || events.front().at_ns > time.deadline_ns)
            words.push_back({"what had the CPU is lost: the trace's buffer was full of what came after it"});
        else
            words.push_back(culprits(events, time.deadline_ns, time.woke_ns, self));
    }
    return words;
}

void Tracer::clean(const std::string& root) noexcept {
    std::error_code error;
    for (const auto& entry : std::filesystem::directory_iterator(instances(root), error))
        if (entry.path().filename().string().starts_with(prefix)) ::rmdir(entry.path().c_str());
}

} // namespace rtnode::latency
