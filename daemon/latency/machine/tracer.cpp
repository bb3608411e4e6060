#include "latency/machine/tracer.hpp"

#include "latency/machine/noise.hpp"
#include "latency/machine/tracefs.hpp"
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

std::string tracing_below(const std::string& root) {
    return (root == "/" ? "" : root) + "/sys/kernel/tracing";
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

/// Also when its folder can't go yet, because somebody looks into it, nothing of it goes on.
void remove_instance(const std::string& tracing, const std::string& name) {
    const auto path = tracing + "/instances/" + name;
    write_tracefs(path + "/tracing_on", "0");
    write_tracefs(path + "/current_tracer", "nop");
    ::rmdir(path.c_str());
    NoiseTracer::restore(tracing, name);
}

Error untraceable(const std::string& what) {
    const int error = errno;
    return fail(Reason::InvalidArgument,
                "the measured CPUs can't be traced: {}: {}; is tracefs mounted (systemctl start "
                "sys-kernel-tracing.mount), and the kernel not locked down? Without a trace there are only hints",
                what, std::strerror(error));
}

} // namespace

Tracer::Instance::Instance(std::string tracing, std::string name)
    : tracing_(std::move(tracing)), name_(std::move(name)), path_(tracing_ + "/instances/" + name_) {
    ::rmdir(path_.c_str()); // of a killed daemon
    if (::mkdir(path_.c_str(), 0700) != 0) throw untraceable("no instance " + path_);
}

Tracer::Instance::~Instance() {
    remove_instance(tracing_, name_);
}

Tracer::Tracer(const CpuList& cpus, TraceBy by, const std::string& root) : tracing_(tracing_below(root)) {
    const auto name = fmt::format("{}{}", prefix, cpus.front());
    std::string why_not = "as asked for";
    if (by != TraceBy::Events) {
        const auto* tracer = by == TraceBy::Timerlat ? "timerlat" : "osnoise";
        why_not = run(tracer, cpus, name);
        // Where there is no tracefs at all, what follows says so.
        if (!why_not.empty() && by != TraceBy::Auto && std::filesystem::exists(tracing_ + "/available_tracers"))
            throw fail(Reason::InvalidArgument,
                       "the measured CPUs can't be traced by {}: {}; leave out 'tracer', or trace by events", tracer,
                       why_not);
        how_ = fmt::format("who had the measured CPUs was traced by the kernel's tracer {}", tracer);
    }
    const bool by_events = !why_not.empty();
    if (by_events) {
        set_up(cpus, name);
        how_ = fmt::format("who had the measured CPUs was traced by the kernel's single events: {}", why_not);
    }

    require("sched/sched_switch");
    // Also beside osnoise: with PREEMPT_RT softirqs run in threads, and osnoise tells nothing of them.
    for (const auto* event : {"irq/softirq_entry", "irq/softirq_exit"})
        require(event);
    if (by_events) {
        for (const auto* event : {"irq/irq_handler_entry", "irq/irq_handler_exit"})
            require(event);
        // Not every kernel and architecture has these.
        enable("nmi/nmi_handler");
        for (const auto vector : interrupt_vectors)
            for (const auto* side : {"entry", "exit"})
                enable(fmt::format("irq_vectors/{}_{}", vector, side));
    } else {
        for (const auto* event : {"osnoise/irq_noise", "osnoise/nmi_noise"})
            require(event);
    }
    set("tracing_on", "1");
}

std::string Tracer::run(const std::string& tracer, const CpuList& cpus, const std::string& name) {
    const NoiseTracer noise(tracer, cpus, tracing_);
    if (!noise.why_not().empty()) return noise.why_not();
    set_up(cpus, name + noise.kept());
    auto why_not = noise.start(instance_->path());
    if (!why_not.empty()) instance_.reset();
    return why_not;
}

void Tracer::set_up(const CpuList& cpus, const std::string& name) {
    instance_.emplace(tracing_, name);
    set("trace_clock", "mono");
    set("tracing_cpumask", mask_of(cpus));
    // Memory only for the CPUs that are traced.
    set("buffer_size_kb", "4");
    for (const auto cpu : cpus)
        set(fmt::format("per_cpu/cpu{}/buffer_size_kb", cpu), buffer_kib);
}

void Tracer::set(const std::string& file, std::string_view text) {
    if (!write_tracefs(instance_->path() + "/" + file, text)) throw untraceable("writing " + file);
}

bool Tracer::enable(std::string_view event) {
    return write_tracefs(fmt::format("{}/events/{}/enable", instance_->path(), event), "1");
}

void Tracer::require(std::string_view event) {
    if (!enable(event)) throw untraceable(fmt::format("enabling {}", event));
}

const std::vector<TraceEvent>& Tracer::read(unsigned cpu) {
    constexpr std::int64_t kept_ns = 1'000'000'000;
    auto& events = recent_[cpu];
    if (!events.empty()) {
        const auto oldest = events.back().at_ns - kept_ns;
        std::erase_if(events, [&](const TraceEvent& event) { return event.at_ns < oldest; });
    }
    // trace_pipe takes out what it gives: nothing that comes meanwhile is lost, and nothing is read twice.
    const UniqueFd pipe(::open(fmt::format("{}/per_cpu/cpu{}/trace_pipe", instance_->path(), cpu).c_str(),
                               O_RDONLY | O_NONBLOCK | O_CLOEXEC));
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
    const auto tracing = tracing_below(root);
    std::vector<std::string> left;
    std::error_code error;
    for (const auto& entry : std::filesystem::directory_iterator(tracing + "/instances", error))
        if (auto name = entry.path().filename().string(); name.starts_with(prefix)) left.push_back(std::move(name));
    for (const auto& name : left)
        remove_instance(tracing, name);
}

} // namespace rtnode::latency
