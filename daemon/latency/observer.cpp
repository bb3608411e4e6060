#include "latency/observer.hpp"

#include "latency/exclusive_cpus.hpp"
#include "latency/housekeeping.hpp"
#include "state/error.hpp"
#include "state/numbers.hpp"

#include <time.h>

#include <algorithm>
#include <iterator>
#include <utility>

namespace rtnode::latency {
namespace {

constexpr std::int64_t second = 1'000'000'000;

std::int64_t realtime_minus_monotonic() {
    timespec real, monotonic;
    ::clock_gettime(CLOCK_MONOTONIC, &monotonic);
    ::clock_gettime(CLOCK_REALTIME, &real);
    return (std::int64_t{real.tv_sec} - monotonic.tv_sec) * second + real.tv_nsec - monotonic.tv_nsec;
}

/// Whole seconds, so that windows of several runs lie on each other.
std::int64_t window_length(std::chrono::nanoseconds duration) {
    return std::max<std::int64_t>(1, (duration.count() + max_windows * second - 1) / (max_windows * second)) * second;
}

} // namespace

Observer::Observer(const Options& options, const Threads& threads, std::function<std::string()> activity,
                   const std::string& trace_root)
    : options_(options), threads_(threads), window_ns_(window_length(options.duration)), activity_(std::move(activity)),
      witness_(options.cpus), seen_(threads.size()) {
    for (auto& seen : seen_)
        seen.counts.resize(LogLinear::buckets);
    if (options.trace) {
        tracer_.emplace(options.cpus, options.tracer, trace_root);
    } else if (options.mode == Mode::Hardware) {
        try {
            tracer_.emplace(options.cpus, options.tracer, trace_root);
        } catch (const Error& e) {
            untraced_ = e.what(); // sum_up_gaps() says it
        }
    }
    witness_.look(MonotonicClock().now());
}

void Observer::begin(std::int64_t first_ns) {
    started_ns_ = window_start_ns_ = last_look_ns_ = first_ns;
}

std::vector<Spike> Observer::look(std::int64_t now_ns) {
    // To read the counter of SMIs the kernel interrupts the CPU, which is no price for a hint that nobody asked for.
    witness_.look(now_ns, options_.spike_us > 0);
    for (const auto& thread : threads_)
        thread->count_faults();
    auto spikes = new_spikes(now_ns);
    check_affinity(now_ns);
    check_exclusive(now_ns);
    // A look comes when it can: a little early is on time, else the first window would have two seconds.
    if (now_ns - window_start_ns_ >= window_ns_ - tolerance()) close_window(now_ns);
    last_look_ns_ = now_ns;
    return spikes;
}

void Observer::finish(std::int64_t now_ns) {
    witness_.look(now_ns);
    for (const auto& thread : threads_)
        thread->settle(); // makes room for those that come now
    new_spikes(now_ns);
    for (const auto& thread : threads_)
        thread->settle();
    if (now_ns - window_start_ns_ < tolerance()) reopen_window();
    close_window(now_ns);
    if (options_.mode == Mode::Hardware) sum_up_gaps();
}

void Observer::close_window(std::int64_t now_ns) {
    for (std::size_t i = 0; i < threads_.size(); ++i) {
        auto& seen = seen_[i];
        auto counts = threads_[i]->recorder().logarithmic();
        const auto missed = threads_[i]->recorder().missed();
        const auto start_ms = (window_start_ns_ - started_ns_) / 1'000'000;
        Window window{.start_ms = start_ms,
                      .length_ms = (now_ns - started_ns_) / 1'000'000 - start_ms, // so that the next begins at its end
                      .missed = missed - seen.missed};
        auto difference = counts;
        for (std::size_t bucket = 0; bucket < counts.size(); ++bucket) {
            difference[bucket] -= seen.counts[bucket];
            window.cycles += difference[bucket];
            if (difference[bucket] > 0)
                window.max_ns = std::min(LogLinear::upper_edge(bucket), threads_[i]->recorder().max());
        }
        const auto percentiles = percentiles_of(difference, window.max_ns);
        window.p50_ns = percentiles[0];
        window.p99_ns = percentiles[2];
        // The end of a run may leave a stretch in which nothing happened any more.
        if (window.cycles + window.missed > 0) seen.windows.push_back(window);
        seen.counts_before = std::exchange(seen.counts, std::move(counts));
        seen.missed_before = std::exchange(seen.missed, missed);
    }
    window_start_before_ns_ = std::exchange(window_start_ns_, now_ns);
}

void Observer::reopen_window() {
    const auto start_ms = (window_start_before_ns_ - started_ns_) / 1'000'000;
    for (auto& seen : seen_) {
        if (seen.windows.empty() || seen.windows.back().start_ms != start_ms) return; // nothing happened in it
    }
    for (auto& seen : seen_) {
        seen.windows.pop_back();
        seen.counts = seen.counts_before;
        seen.missed = seen.missed_before;
    }
    window_start_ns_ = window_start_before_ns_;
}

std::vector<Spike> Observer::new_spikes(std::int64_t now_ns) {
    std::vector<Spike> found;
    for (std::size_t i = 0; i < threads_.size(); ++i) {
        auto spikes = options_.mode == Mode::Hardware ? judged_gaps(i) : recorded_spikes(i);
        std::move(spikes.begin(), spikes.end(), std::back_inserter(found));
    }
    if (found.empty()) return found;
    const auto offset = realtime_minus_monotonic();
    const auto doing = activity_ ? activity_() : std::string();
    const auto about =
        options_.mode == Mode::Hardware && tracer_ ? Witness::About::Hardware : Witness::About::Everything;
    for (auto& spike : found) {
        spike.realtime_ns = spike.monotonic_ns + offset;
        // What made it late happened between its deadline and its wake-up.
        const auto from = std::min(spike.monotonic_ns - spike.late_ns, last_look_ns_);
        for (auto& hint : witness_.hints(spike.cpu, from, now_ns, about))
            spike.hints.push_back(std::move(hint));
        if (!doing.empty()) spike.hints.push_back(doing);
    }
    std::sort(found.begin(), found.end(),
              [](const Spike& a, const Spike& b) { return a.monotonic_ns < b.monotonic_ns; });
    keep(found);
    return found;
}

void Observer::keep(const std::vector<Spike>& found) {
    spikes_.insert(spikes_.end(), found.begin(), found.end());
    for (std::size_t i = 0; i < threads_.size(); ++i) {
        const auto is_of_cpu = [cpu = threads_[i]->cpu()](const Spike& spike) { return spike.cpu == cpu; };
        const auto others = std::stable_partition(spikes_.begin(), spikes_.end(), is_of_cpu);
        if (others - spikes_.begin() >= std::ptrdiff_t{max_spikes}) {
            const auto last = spikes_.begin() + max_spikes - 1;
            std::nth_element(spikes_.begin(), last, others,
                             [](const Spike& a, const Spike& b) { return a.late_ns > b.late_ns; });
            seen_[i].least_ns = last->late_ns;
            spikes_.erase(last + 1, others);
        }
    }
    std::sort(spikes_.begin(), spikes_.end(),
              [](const Spike& a, const Spike& b) { return a.monotonic_ns < b.monotonic_ns; });
}

std::vector<Spike> Observer::recorded_spikes(std::size_t place) {
    const auto& thread = *threads_[place];
    auto& seen = seen_[place];
    auto [end, spikes] = thread.recorder().spikes(thread.cpu(), seen.spikes);
    seen.spikes = end;
    std::erase_if(spikes, [&](const Spike& spike) { return spike.late_ns <= seen.least_ns; });
    if (!tracer_ || spikes.empty()) return spikes;
    std::vector<Tracer::Time> times;
    for (const auto& spike : spikes)
        times.push_back({.deadline_ns = spike.monotonic_ns - spike.late_ns, .woke_ns = spike.monotonic_ns});
    auto words = tracer_->who(thread.cpu(), thread.id(), times);
    for (std::size_t i = 0; i < spikes.size(); ++i)
        spikes[i].hints = std::move(words[i]);
    return spikes;
}

std::vector<Spike> Observer::judged_gaps(std::size_t place) {
    auto& thread = *threads_[place];
    auto& seen = seen_[place];
    const auto gaps = thread.take_suspects();
    std::vector<Tracer::Time> times;
    for (const auto& gap : gaps)
        times.push_back({.deadline_ns = gap.ended_ns - gap.length_ns, .woke_ns = gap.ended_ns});
    std::vector<std::vector<std::string>> words(gaps.size());
    // Also when there are none, since the kernel's buffer must be emptied before it is full.
    if (tracer_) words = tracer_->who(thread.cpu(), thread.id(), times);

    std::vector<Spike> spikes;
    for (std::size_t i = 0; i < gaps.size(); ++i) {
        auto gap = gaps[i];
        const auto unseen = unseen_ns(words[i], gap.length_ns);
        if (unseen && *unseen <= std::int64_t{options_.spike_us} * 1000) {
            ++seen.of_kernel;
            if (gap.length_ns > seen.longest_of_kernel_ns) {
                seen.longest_of_kernel_ns = gap.length_ns;
                seen.longest_of_kernel = words[i].front();
            }
            continue;
        }
        if (unseen) {
            gap.length_ns = *unseen;
        } else {
            ++seen.doubtful;
            words[i].emplace_back("whether the kernel or the hardware had the CPU can't be told");
        }
        thread.count_gap(gap);
        if (unseen && options_.break_us > 0 && gap.length_ns / 1000 > std::int64_t{options_.break_us} && !broken_)
            broken_ = thread.cpu();
        if (gap.length_ns > seen.least_ns)
            spikes.push_back({.cpu = thread.cpu(),
                              .cycle = gap.cycle,
                              .late_ns = gap.length_ns,
                              .monotonic_ns = gap.ended_ns,
                              .hints = std::move(words[i])});
    }
    return spikes;
}

void Observer::sum_up_gaps() {
    const auto above = [&](std::uint64_t count) {
        return fmt::format("{} above {} µs", counted(count, "gap"), options_.spike_us);
    };
    for (std::size_t i = 0; i < threads_.size(); ++i) {
        const auto& seen = seen_[i];
        const auto cpu = threads_[i]->cpu();
        if (seen.of_kernel > 0)
            notes_.push_back(fmt::format("CPU {}: {} made by the kernel and left out; the longest took {} µs: {}", cpu,
                                         above(seen.of_kernel), seen.longest_of_kernel_ns / 1000,
                                         seen.longest_of_kernel));
        if (seen.doubtful > 0)
            taints_.push_back(fmt::format("CPU {}: {} may be the kernel's as well as the hardware's: {}", cpu,
                                          above(seen.doubtful),
                                          untraced_.empty() ? "the trace lacks what had the CPU then" : untraced_));
        if (const auto lost = threads_[i]->lost_gaps(); lost > 0)
            taints_.push_back(
                fmt::format("CPU {}: {} came too fast to be looked at; give a higher 'spike'", cpu, above(lost)));
    }
    if (!untraced_.empty())
        notes_.push_back("what the kernel did could not be told from what the hardware did: " + untraced_);
}

std::vector<std::string> Observer::notes() const {
    auto notes = notes_;
    if (!doubt_.empty()) notes.push_back(doubt_);
    if (tracer_) notes.push_back(tracer_->how());
    if (!tracer_ && options_.mode != Mode::Hardware && !spikes_.empty())
        notes.push_back(
            "which thread or interrupt had the CPU at a spike, and for how long, only a trace tells (option "
            "'trace'); the hints are what was counted in the second around it");
    // Without a threshold there are no hints that could lack something.
    for (const auto& missing : options_.spike_us > 0 ? witness_.missing() : witness_.uncounted())
        notes.push_back(missing);
    return notes;
}

void Observer::check_affinity(std::int64_t now_ns) {
    for (std::size_t i = 0; i < threads_.size(); ++i) {
        const auto& thread = *threads_[i];
        if (thread.ended()) continue;
        try {
            const auto allowed = affinity_of(thread.id());
            if (allowed == CpuList{thread.cpu()}) continue;
            set_affinity(thread.id(), {thread.cpu()});
            // Said once a CPU: what rewrites cpusets does so again and again.
            if (!std::exchange(seen_[i].moved, true))
                taints_.push_back(
                    fmt::format("CPU {}: {} s into the run the measuring thread's affinity was changed to "
                                "{} (a cpuset was rewritten, or the CPU was offline for a moment); it was pinned again",
                                thread.cpu(), (now_ns - started_ns_) / second, format_cpu_list(allowed)));
        } catch (const Error& e) {
            if (thread.ended()) continue; // meanwhile
            taints_.push_back(fmt::format("CPU {}: it was taken away {} s into the run, which ended there: {}",
                                          thread.cpu(), (now_ns - started_ns_) / second, e.what()));
            lost_ = true;
        }
    }
}

void Observer::check_exclusive(std::int64_t now_ns) {
    if (options_.force || lost_) return;
    for (const auto& exclusive : exclusive_cpus(options_.cpus, doubt_)) {
        taints_.push_back(fmt::format("{} s into the run a measured CPU was given away: {}; the run ended there",
                                      (now_ns - started_ns_) / second, describe(exclusive)));
        lost_ = true;
    }
}

} // namespace rtnode::latency
