#pragma once
// The two histograms that every sample goes into, a third for deadlines that were missed, and the record around them.
// One writer (the measuring thread), any number of readers, no lock: counters are relaxed atomics which on x86-64 cost
// plain loads and stores, and the number of cycles is published last, with release.

#include "latency/arena.hpp"
#include "latency/result.hpp"

#include <algorithm>
#include <atomic>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>

namespace rtnode::latency {

/// A number that one thread writes and others read. Trivial, so that zeroed memory is an array of zeros without being
/// touched first by the thread that makes it.
template <typename T>
class Published {
  public:
    T get(std::memory_order order = std::memory_order_relaxed) const noexcept { return ref().load(order); }
    void set(T value, std::memory_order order = std::memory_order_relaxed) noexcept { ref().store(value, order); }
    void add(T value) noexcept { set(get() + value); }

  private:
    using Ref = std::atomic_ref<T>;
    static_assert(Ref::is_always_lock_free && Ref::required_alignment <= alignof(T));
    Ref ref() const noexcept { return Ref(value_); }

    mutable T value_; // atomic_ref wants a T& for reading too
};
using Count = Published<std::uint64_t>;

/// Buckets whose width grows with the value, so that every latency from 1 ns to 292 years has one and none is wrong by
/// more than 1/128: values below 128 have a bucket each, every power of two above is cut into 128 equal ones. The idea
/// is HdrHistogram's (http://hdrhistogram.org), the layout is not.
class LogLinear {
  public:
    static constexpr unsigned sub_bits = 7;
    static constexpr std::size_t sub_count = std::size_t{1} << sub_bits;
    static constexpr std::size_t buckets = (63 - sub_bits + 1) * sub_count; // values of 63 bits

    static constexpr std::size_t index_of(std::uint64_t value) noexcept {
        if (value < sub_count) return value;
        const unsigned shift = static_cast<unsigned>(std::bit_width(value)) - 1 - sub_bits;
        return shift * sub_count + static_cast<std::size_t>(value >> shift);
    }
    /// The smallest and the largest value that share a bucket.
    static constexpr std::int64_t lower_edge(std::size_t index) noexcept {
        if (index < sub_count) return static_cast<std::int64_t>(index);
        const auto shift = index / sub_count - 1;
        return static_cast<std::int64_t>((index % sub_count + sub_count) << shift);
    }
    static constexpr std::int64_t upper_edge(std::size_t index) noexcept {
        return index + 1 < buckets ? lower_edge(index + 1) - 1 : std::numeric_limits<std::int64_t>::max();
    }
};

/// By percentile_ranks, of counts in LogLinear buckets: the upper edge of the bucket in which the rank lies, but no
/// more than `max`. All 0 when nothing was counted.
template <typename Counts>
std::array<std::int64_t, percentile_ranks.size()> percentiles_of(const Counts& counts, std::int64_t max) {
    std::array<std::int64_t, percentile_ranks.size()> values{};
    std::uint64_t total = 0;
    for (const std::uint64_t count : counts)
        total += count;
    if (total == 0) return values;
    std::uint64_t seen = 0;
    std::size_t index = 0;
    for (std::size_t i = 0; i < percentile_ranks.size(); ++i) {
        const double exact = std::ceil(percentile_ranks[i] / 100 * static_cast<double>(total) - 1e-9);
        const auto rank = std::clamp<std::uint64_t>(static_cast<std::uint64_t>(exact), 1, total);
        while (seen < rank)
            seen += counts[index++];
        values[i] = std::min(LogLinear::upper_edge(index - 1), max);
    }
    return values;
}

/// Everything that one measuring thread writes while it measures.
class Recorder {
  public:
    static std::size_t bytes(std::uint32_t columns) {
        return Arena::need<Count>(columns) * 2 + Arena::need<Count>(LogLinear::buckets) * 2 +
               Arena::need<SpikeSlot>(max_spikes + 1) + Arena::need<Head>(1);
    }

    /// @param spike_us latencies above it are kept one by one, the newest max_spikes of them and the worst; 0 = none
    /// @param nanoseconds the linear histogram's columns are 1 ns wide, not 1 µs
    explicit Recorder(std::uint32_t columns, std::uint32_t spike_us = 0, bool nanoseconds = false)
        : nanoseconds_(nanoseconds),
          spike_ns_(spike_us > 0 ? std::int64_t{spike_us} * 1000 : std::numeric_limits<std::int64_t>::max()),
          arena_(bytes(columns)), head_(arena_.make<Head>()), linear_(arena_.make<Count>(columns), columns),
          overflow_cycles_(arena_.make<Count>(columns), columns),
          logarithmic_(arena_.make<Count>(LogLinear::buckets), LogLinear::buckets),
          passed_(arena_.make<Count>(LogLinear::buckets), LogLinear::buckets),
          spikes_(arena_.make<SpikeSlot>(max_spikes + 1), max_spikes), worst_(spikes_.data() + max_spikes) {
        head_->min.set(std::numeric_limits<std::int64_t>::max());
    }

    /// By the thread that will write: as new.
    void clear() noexcept {
        for (const auto counts : {linear_, overflow_cycles_, logarithmic_, passed_})
            for (auto& count : counts)
                count.set(0);
        for (auto* count : {&head_->missed, &head_->early, &head_->overflows, &head_->sum, &head_->spikes})
            count->set(0);
        worst_->late.set(0);
        head_->most_passed.set(0);
        head_->min.set(std::numeric_limits<std::int64_t>::max());
        head_->max.set(0);
        head_->last.set(0);
        head_->cycles.set(0, std::memory_order_release);
    }

    /// By the thread that will write, before it starts.
    void prefault() noexcept { arena_.prefault(); }

    /// The writer's: one wake-up, `late_ns` after its deadline. @param woke_ns CLOCK_MONOTONIC
    void record(std::int64_t late_ns, std::int64_t woke_ns = 0) noexcept {
        Head& head = *head_;
        if (late_ns < 0) [[unlikely]] {
            head.early.add(1);
            late_ns = 0;
        }
        const auto value = static_cast<std::uint64_t>(late_ns);
        const auto cycle = head.cycles.get();
        // A division by a constant is a multiplication.
        if (const auto column = nanoseconds_ ? value : value / 1000; column < linear_.size()) [[likely]] {
            linear_[column].add(1);
        } else {
            const auto nth = head.overflows.get();
            if (nth < overflow_cycles_.size()) overflow_cycles_[nth].set(cycle);
            head.overflows.set(nth + 1);
        }
        logarithmic_[LogLinear::index_of(value)].add(1);
        if (late_ns < head.min.get()) head.min.set(late_ns);
        if (late_ns > head.max.get()) head.max.set(late_ns);
        head.last.set(late_ns);
        head.sum.add(value);
        if (late_ns > spike_ns_) [[unlikely]]
            keep_spike(cycle, late_ns, woke_ns);
        head.cycles.set(cycle + 1, std::memory_order_release);
    }

    /// The writer's: `deadlines` that passed before they could be waited for, `interval_ns` apart, the oldest of them
    /// `late_ns` ago. Each counts with its own lateness, so that a stall weighs as much as it lasted. Takes one turn a
    /// bucket, not one a deadline: after a minute of suspension there are millions of those.
    void miss(std::uint64_t deadlines, std::int64_t late_ns, std::int64_t interval_ns) noexcept {
        head_->missed.add(deadlines);
        if (late_ns > head_->most_passed.get()) head_->most_passed.set(late_ns);
        while (deadlines > 0) {
            const auto value = static_cast<std::uint64_t>(std::max<std::int64_t>(late_ns, 0));
            const auto index = LogLinear::index_of(value);
            const auto in_bucket = (static_cast<std::int64_t>(value) - LogLinear::lower_edge(index)) / interval_ns + 1;
            const auto taken = std::min(deadlines, static_cast<std::uint64_t>(in_bucket));
            passed_[index].add(taken);
            deadlines -= taken;
            late_ns -= static_cast<std::int64_t>(taken) * interval_ns;
        }
    }

    std::uint64_t cycles() const noexcept { return head_->cycles.get(std::memory_order_acquire); }
    std::uint64_t missed() const noexcept { return head_->missed.get(); }
    std::int64_t max() const noexcept { return head_->max.get(); }   ///< the largest latency, ns
    std::int64_t last() const noexcept { return head_->last.get(); } ///< the last latency, ns

    /// Any reader's. While the writer runs, the histograms may be a few samples ahead of `cycles`, never behind.
    CpuStatistics statistics(unsigned cpu) const {
        CpuStatistics s;
        s.cpu = cpu;
        s.cycles = cycles();
        s.missed = missed();
        s.early = head_->early.get();
        s.overflows = head_->overflows.get();
        s.spikes = head_->spikes.get();
        if (s.cycles == 0) return s;
        s.min_ns = head_->min.get();
        s.last_ns = head_->last.get();
        s.max_ns = head_->max.get();
        s.avg_ns = static_cast<double>(head_->sum.get()) / static_cast<double>(s.cycles);
        auto counts = copied(logarithmic_);
        s.percentiles_ns = percentiles_of(counts, s.max_ns);
        s.corrected_percentiles_ns = s.percentiles_ns;
        if (s.missed > 0) {
            for (std::size_t i = 0; i < counts.size(); ++i)
                counts[i] += passed_[i].get();
            s.corrected_percentiles_ns = percentiles_of(counts, std::max(s.max_ns, head_->most_passed.get()));
        }
        return s;
    }

    /// Counts by LogLinear buckets, of the cycles so far.
    std::vector<std::uint64_t> logarithmic() const { return copied(logarithmic_); }

    std::vector<std::uint64_t> histogram_us() const { return copied(linear_); }

    std::vector<std::uint64_t> overflow_cycles() const {
        return copied(overflow_cycles_.first(std::min<std::uint64_t>(head_->overflows.get(), overflow_cycles_.size())));
    }

    using Filled = std::vector<std::pair<std::int64_t, std::uint64_t>>;

    /// Non-empty buckets: lower edge, count. Of the cycles.
    Filled histogram_ns() const {
        return filled([&](std::size_t i) { return logarithmic_[i].get(); });
    }
    /// Of the cycles and the missed deadlines.
    Filled corrected_ns() const {
        return filled([&](std::size_t i) { return logarithmic_[i].get() + passed_[i].get(); });
    }

    struct Spikes {
        std::uint64_t end = 0; ///< number of the next one
        std::vector<Spike> kept;
    };
    /// Spikes from number `from` on; without real time and hints. Of more than max_spikes that came meanwhile the
    /// newest, and the worst of the run where it is older than these but not than `from`.
    Spikes spikes(unsigned cpu, std::uint64_t from = 0) const {
        Spikes spikes{.end = head_->spikes.get(std::memory_order_acquire)};
        if (spikes.end - from > spikes_.size())
            if (const auto worst = read(*worst_, cpu); worst && worst->number >= from && worst->number < spikes.end)
                spikes.kept.push_back(worst->spike);
        for (auto i = std::max(from, spikes.end - std::min<std::uint64_t>(spikes.end, spikes_.size())); i < spikes.end;
             ++i) {
            const auto slot = read(spikes_[i % spikes_.size()], cpu);
            if (!slot || slot->number != i) continue; // overwritten meanwhile
            if (spikes.kept.empty() || spikes.kept.front().cycle != slot->spike.cycle)
                spikes.kept.push_back(slot->spike);
        }
        return spikes;
    }

  private:
    struct alignas(64) Head {
        Count cycles, missed, early, overflows, sum, spikes;
        Published<std::int64_t> min, max, last, most_passed;
    };
    /// Written again and again while others read it (a seqlock: Documentation/locking/seqlock.rst).
    struct SpikeSlot {
        Count version; ///< odd while it is written
        Count number, cycle;
        Published<std::int64_t> late, woke;
    };
    struct NumberedSpike {
        std::uint64_t number;
        Spike spike;
    };

    void keep_spike(std::uint64_t cycle, std::int64_t late_ns, std::int64_t woke_ns) noexcept {
        const auto nth = head_->spikes.get();
        write(spikes_[nth % spikes_.size()], nth, cycle, late_ns, woke_ns);
        if (late_ns > worst_->late.get()) write(*worst_, nth, cycle, late_ns, woke_ns);
        head_->spikes.set(nth + 1, std::memory_order_release);
    }

    static void write(SpikeSlot& slot, std::uint64_t number, std::uint64_t cycle, std::int64_t late_ns,
                      std::int64_t woke_ns) noexcept {
        const auto version = slot.version.get();
        slot.version.set(version + 1);
        std::atomic_thread_fence(std::memory_order_release);
        slot.number.set(number);
        slot.cycle.set(cycle);
        slot.late.set(late_ns);
        slot.woke.set(woke_ns);
        slot.version.set(version + 2, std::memory_order_release);
    }

    /// Nothing when it was never written, or is written all the time.
    static std::optional<NumberedSpike> read(const SpikeSlot& slot, unsigned cpu) {
        for (int tries = 0; tries < 1000; ++tries) {
            const auto version = slot.version.get(std::memory_order_acquire);
            if (version == 0) break;
            NumberedSpike spike{.number = slot.number.get(),
                                .spike = {.cpu = cpu,
                                          .cycle = slot.cycle.get(),
                                          .late_ns = slot.late.get(),
                                          .monotonic_ns = slot.woke.get()}};
            std::atomic_thread_fence(std::memory_order_acquire);
            if (version % 2 == 0 && slot.version.get() == version) return spike;
        }
        return std::nullopt;
    }

    template <typename CountOf>
    static Filled filled(CountOf count_of) {
        Filled filled;
        for (std::size_t i = 0; i < LogLinear::buckets; ++i)
            if (const std::uint64_t count = count_of(i); count > 0)
                filled.emplace_back(LogLinear::lower_edge(i), count);
        return filled;
    }

    static std::vector<std::uint64_t> copied(std::span<const Count> counts) {
        std::vector<std::uint64_t> values(counts.size());
        std::transform(counts.begin(), counts.end(), values.begin(), [](const Count& count) { return count.get(); });
        return values;
    }

    bool nanoseconds_;
    std::int64_t spike_ns_;
    Arena arena_;
    Head* head_;
    std::span<Count> linear_, overflow_cycles_, logarithmic_, passed_; ///< passed_: missed deadlines, by lateness
    std::span<SpikeSlot> spikes_;
    SpikeSlot* worst_; ///< of the run
};

} // namespace rtnode::latency
