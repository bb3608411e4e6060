#include "latency/thread.hpp"

#include "latency/allocations.hpp"
#include "latency/housekeeping.hpp"
#include "latency/permission.hpp"
#include "state/error.hpp"

#include <sched.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>

namespace rtnode::latency {
namespace {

constexpr std::size_t stack_bytes = 256 * 1024;
constexpr std::size_t stack_used = 64 * 1024; // far more than the loop's few hundred bytes

int number_of(Policy policy) {
    switch (policy) {
    case Policy::Fifo:
        return SCHED_FIFO;
    case Policy::RoundRobin:
        return SCHED_RR;
    case Policy::Other:
        break;
    }
    return SCHED_OTHER;
}

std::string policy_name(int number) {
    switch (number) {
    case SCHED_FIFO:
        return "fifo";
    case SCHED_RR:
        return "rr";
    case SCHED_OTHER:
        return "other";
    default:
        return fmt::format("{}", number);
    }
}

struct Attributes {
    Attributes() { ::pthread_attr_init(&value); }
    ~Attributes() { ::pthread_attr_destroy(&value); }
    Attributes(const Attributes&) = delete;
    Attributes& operator=(const Attributes&) = delete;
    pthread_attr_t value;
};

[[gnu::noinline]] void touch_stack() noexcept {
    char pages[stack_used];
    ::explicit_bzero(pages, sizeof pages);
}

std::uint64_t nanoseconds_of(const timeval& time) {
    return static_cast<std::uint64_t>(time.tv_sec) * 1'000'000'000 + static_cast<std::uint64_t>(time.tv_usec) * 1000;
}

} // namespace

Control::Control(unsigned threads) : arena_(Arena::need<Flags>(1)), flags(*arena_.make<Flags>()) {
    finished_fd = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (finished_fd < 0) throw fail(Reason::Internal, "cannot make an event descriptor: {}", std::strerror(errno));
    flags.running = threads;
    ::sem_init(&ready, 0, 0);
    ::sem_init(&go, 0, 0);
}

Control::~Control() {
    ::close(finished_fd);
    ::sem_destroy(&ready);
    ::sem_destroy(&go);
}

void Control::ended() noexcept {
    flags.ended_at = MonotonicClock().now();
    if (flags.running.fetch_sub(1, std::memory_order_acq_rel) == 1) ::eventfd_write(finished_fd, 1);
}

void ReadBack::read() noexcept {
    policy = ::sched_getscheduler(0) & ~SCHED_RESET_ON_FORK;
    sched_param param{};
    ::sched_getparam(0, &param);
    priority = param.sched_priority;
    cpu = ::sched_getcpu();
    ::syscall(SYS_sched_getaffinity, 0, sizeof affinity, affinity.data());
}

CpuList ReadBack::cpus() const {
    constexpr unsigned bits = 8 * sizeof(unsigned long);
    CpuList list;
    for (unsigned i = 0; i < affinity.size() * bits; ++i)
        if ((affinity[i / bits] >> i % bits & 1) != 0) list.push_back(i);
    return list;
}

MeasuringThread::MeasuringThread(unsigned cpu, const Options& options, Control& control)
    : cpu_(cpu), options_(options), control_(control),
      recorder_(options.histogram_us, options.spike_us, options.nanoseconds),
      gaps_(options.mode == Mode::Hardware ? std::make_unique<Gaps>() : nullptr),
      interval_(std::chrono::nanoseconds(options.interval).count()), deadlines_(options.deadlines_of(0)) {
    Attributes attributes;
    ::pthread_attr_setstacksize(&attributes.value, stack_bytes);
    ::pthread_attr_setinheritsched(&attributes.value, PTHREAD_EXPLICIT_SCHED);
    ::pthread_attr_setschedpolicy(&attributes.value, number_of(options.policy));
    const sched_param param{.sched_priority = options.policy == Policy::Other ? 0 : options.priority};
    ::pthread_attr_setschedparam(&attributes.value, &param);
    ReadBack wanted;
    constexpr unsigned bits = 8 * sizeof(unsigned long);
    wanted.affinity[cpu / bits] = 1UL << cpu % bits;
    ::pthread_attr_setaffinity_np(&attributes.value, sizeof wanted.affinity,
                                  reinterpret_cast<const cpu_set_t*>(wanted.affinity.data()));

    // The thread inherits this mask, so no signal ever finds it open.
    sigset_t all, old;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &old);
    const int error = ::pthread_create(&handle_, &attributes.value, &MeasuringThread::main, this);
    ::pthread_sigmask(SIG_SETMASK, &old, nullptr);

    if (error == EPERM)
        throw Error(Reason::RealTimeDenied, explain_denied(Permissions::read(), options.policy, options.priority));
    if (error == EINVAL)
        throw fail(Reason::CpuUnavailable,
                   "cannot pin a thread to CPU {}: it went offline or is outside the cpuset of this process; choose "
                   "other CPUs, or take AllowedCPUs= out of the daemon's unit",
                   cpu);
    if (error != 0)
        throw fail(Reason::Internal, "cannot start a measuring thread for CPU {}: {}", cpu, std::strerror(error));
}

MeasuringThread::~MeasuringThread() {
    join();
}

void MeasuringThread::join() noexcept {
    if (!joined_) ::pthread_join(handle_, nullptr);
    joined_ = true;
}

void MeasuringThread::unpin(const CpuList& cpus) noexcept {
    ReadBack wanted;
    constexpr unsigned bits = 8 * sizeof(unsigned long);
    for (const auto cpu : cpus)
        wanted.affinity[cpu / bits] |= 1UL << cpu % bits;
    if (!joined_)
        ::pthread_setaffinity_np(handle_, sizeof wanted.affinity,
                                 reinterpret_cast<const cpu_set_t*>(wanted.affinity.data()));
}

void* MeasuringThread::main(void* self) noexcept {
    static_cast<MeasuringThread*>(self)->run();
    return nullptr;
}

void MeasuringThread::run() noexcept {
    ::pthread_setname_np(::pthread_self(), fmt::format("latency/{}", cpu_).c_str());
    id_ = static_cast<int>(::syscall(SYS_gettid));
    // 50 µs by default for what isn't real-time, which would be measured as latency.
    ::prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL);
    before_.read();
    touch_stack();
    recorder_.prefault();
    if (gaps_)
        for (auto* queue : {&gaps_->suspects, &gaps_->judged})
            queue->prefault();
    // A few turns for nothing bring in the code and data of everything that the real ones use.
    MonotonicClock clock;
    run_loop(clock, Pace(clock.now() + 50'000, 50'000, 8), recorder_, 0, control_.flags.stop);
    recorder_.clear();
    ::sem_post(&control_.ready);
    while (::sem_wait(&control_.go) != 0 && errno == EINTR) {
    }
    auto& flags = control_.flags;
    if (!flags.abandon) {
        ::getrusage(RUSAGE_THREAD, &usage_before_);
        ::getrusage(RUSAGE_THREAD, &usage_before_); // the first call may itself have faulted
        const auto allocations = allocations_of_this_thread();
        const auto end = measure(clock);
        allocations_ = allocations_of_this_thread() - allocations;
        if (end == End::Break && control_.trace) control_.trace->stop_trace(recorder_.last() / 1000, options_.break_us);
        ::getrusage(RUSAGE_THREAD, &usage_after_);
        if (end == End::Break || end == End::Overloaded) {
            if (int nobody = -1; flags.end_cpu.compare_exchange_strong(nobody, static_cast<int>(cpu_))) flags.end = end;
            flags.stop = true;
        }
        after_.read();
    }
    ended_.store(true, std::memory_order_release);
    control_.ended();
}

End MeasuringThread::measure(MonotonicClock& clock) noexcept {
    const auto& stop = control_.flags.stop;
    const auto end_ns = first_deadline_ + std::chrono::nanoseconds(options_.duration).count();
    switch (options_.mode) {
    case Mode::Busy:
        return run_busy_loop(clock, end_ns, recorder_, options_.break_us, stop);
    case Mode::Hardware:
        return run_hardware_loop(clock, first_deadline_, end_ns, std::int64_t{options_.spike_us} * 1000, recorder_,
                                 *gaps_, stop);
    case Mode::Cyclic:
        break;
    }
    return run_loop(clock, Pace(first_deadline_, interval_, deadlines_), recorder_, options_.break_us, stop);
}

std::vector<Gap> MeasuringThread::take_suspects() {
    std::vector<Gap> suspects;
    while (gaps_ && suspects.size() < GapQueue::capacity) {
        const auto gap = gaps_->suspects.take();
        if (!gap) break;
        suspects.push_back(*gap);
    }
    return suspects;
}

void MeasuringThread::count_gap(const Gap& judged) noexcept {
    if (gaps_) gaps_->judged.put(judged);
}

void MeasuringThread::settle() noexcept {
    if (gaps_) gaps_->record(recorder_);
}

void MeasuringThread::verify() const {
    const auto wanted = number_of(options_.policy);
    const auto priority = options_.policy == Policy::Other ? 0 : options_.priority;
    if (before_.policy != wanted || before_.priority != priority)
        throw fail(Reason::RealTimeDenied,
                   "the thread for CPU {} asked for policy {} with priority {} and got {} with {}; something on this "
                   "node changes the scheduling of our threads",
                   cpu_, name_of(options_.policy), priority, policy_name(before_.policy), before_.priority);
    if (before_.cpu != static_cast<int>(cpu_) || before_.cpus() != CpuList{cpu_})
        throw fail(Reason::CpuUnavailable,
                   "the thread for CPU {} runs on CPU {} and may run on {}; its pinning was taken away, probably by a "
                   "cpuset; choose other CPUs",
                   cpu_, before_.cpu, format_cpu_list(before_.cpus()));
}

CpuStatistics MeasuringThread::statistics() const {
    const bool ended = this->ended();
    auto statistics = recorder_.statistics(cpu_);
    // The thread writes usage_before_ before its first cycle, and usage_after_ before it has ended.
    if (!ended && statistics.cycles == 0) return statistics;
    const auto minor = ended ? usage_after_.ru_minflt : minor_faults_;
    const auto major = ended ? usage_after_.ru_majflt : major_faults_;
    statistics.minor_faults = static_cast<std::uint64_t>(std::max(0L, minor - usage_before_.ru_minflt));
    statistics.major_faults = static_cast<std::uint64_t>(std::max(0L, major - usage_before_.ru_majflt));
    return statistics;
}

void MeasuringThread::count_faults() {
    // proc_pid_stat(5): after the name in parentheses, state is field 3, minflt 10, majflt 12.
    std::ifstream file(fmt::format("/proc/self/task/{}/stat", id_));
    std::string line;
    std::getline(file, line);
    std::istringstream fields(line.substr(std::min(line.rfind(')') + 1, line.size())));
    std::string skipped;
    for (int field = 3; field < 10; ++field)
        fields >> skipped;
    long minor = 0, major = 0;
    if (fields >> minor >> skipped >> major) minor_faults_ = minor, major_faults_ = major;
}

CpuResult MeasuringThread::result() const {
    CpuResult result;
    result.statistics = statistics();
    result.histogram_us = recorder_.histogram_us();
    result.overflow_cycles = recorder_.overflow_cycles();
    result.histogram_ns = recorder_.histogram_ns();
    result.corrected_ns = recorder_.corrected_ns();
    auto& audit = result.audit;
    audit.thread = id_;
    if (!ended()) return result;
    audit.policy = policy_name(after_.policy);
    audit.priority = after_.priority;
    audit.affinity = after_.cpus();
    audit.migrated = after_.cpu != static_cast<int>(cpu_) || audit.affinity != CpuList{cpu_};
    audit.voluntary_switches = static_cast<std::uint64_t>(usage_after_.ru_nvcsw - usage_before_.ru_nvcsw);
    audit.involuntary_switches = static_cast<std::uint64_t>(usage_after_.ru_nivcsw - usage_before_.ru_nivcsw);
    audit.allocations = allocations_;
    audit.cpu_time_ns = nanoseconds_of(usage_after_.ru_utime) + nanoseconds_of(usage_after_.ru_stime) -
                        nanoseconds_of(usage_before_.ru_utime) - nanoseconds_of(usage_before_.ru_stime);
    return result;
}

} // namespace rtnode::latency
