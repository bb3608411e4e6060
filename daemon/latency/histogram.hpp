#pragma once
// The two histograms that every sample goes into, and the record around them. One writer (the measuring thread), any
// number of readers, no lock: counters are relaxed atomics which on x86-64 cost plain loads and stores, and the number
// of cycles is published last, with release.

#include "latency/arena.hpp"
#include "latency/result.hpp"

#include <algorithm>
#include <atomic>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
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
        return Arena::need<Count>(columns) * 2 + Arena::need<Count>(LogLinear::buckets) + Arena::need<Head>(1);
    }

    explicit Recorder(std::uint32_t columns)
        : arena_(bytes(columns)), head_(arena_.make<Head>()), linear_(arena_.make<Count>(columns), columns),
          overflow_cycles_(arena_.make<Count>(columns), columns),
          logarithmic_(arena_.make<Count>(LogLinear::buckets), LogLinear::buckets) {
        head_->min.set(std::numeric_limits<std::int64_t>::max());
    }

    /// By the thread that will write: as new.
    void clear() noexcept {
        for (const auto counts : {linear_, overflow_cycles_, logarithmic_})
            for (auto& count : counts)
                count.set(0);
        for (auto* count : {&head_->missed, &head_->early, &head_->overflows, &head_->sum})
            count->set(0);
        head_->min.set(std::numeric_limits<std::int64_t>::max());
        head_->max.set(0);
        head_->last.set(0);
        head_->cycles.set(0, std::memory_order_release);
    }

    /// By the thread that will write, before it starts.
    void prefault() noexcept { arena_.prefault(); }

    /// The writer's: one wake-up, `late_ns` after its deadline.
    void record(std::int64_t late_ns) noexcept {
        Head& head = *head_;
        if (late_ns < 0) [[unlikely]] {
            head.early.add(1);
            late_ns = 0;
        }
        const auto value = static_cast<std::uint64_t>(late_ns);
        const auto cycle = head.cycles.get();
        if (const auto us = value / 1000; us < linear_.size()) [[likely]] {
            linear_[us].add(1);
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
        head.cycles.set(cycle + 1, std::memory_order_release);
    }

    /// The writer's: deadlines that passed before they could be waited for.
    void miss(std::uint64_t deadlines) noexcept { head_->missed.add(deadlines); }

    std::uint64_t cycles() const noexcept { return head_->cycles.get(std::memory_order_acquire); }
    std::uint64_t missed() const noexcept { return head_->missed.get(); }

    /// Any reader's. While the writer runs, the histograms may be a few samples ahead of `cycles`, never behind.
    CpuStatistics statistics(unsigned cpu) const {
        CpuStatistics s;
        s.cpu = cpu;
        s.cycles = cycles();
        s.missed = missed();
        s.early = head_->early.get();
        s.overflows = head_->overflows.get();
        if (s.cycles == 0) return s;
        s.min_ns = head_->min.get();
        s.last_ns = head_->last.get();
        s.max_ns = head_->max.get();
        s.avg_ns = static_cast<double>(head_->sum.get()) / static_cast<double>(s.cycles);
        s.percentiles_ns = percentiles_of(copied(logarithmic_), s.max_ns);
        return s;
    }

    std::vector<std::uint64_t> histogram_us() const { return copied(linear_); }

    std::vector<std::uint64_t> overflow_cycles() const {
        return copied(overflow_cycles_.first(std::min<std::uint64_t>(head_->overflows.get(), overflow_cycles_.size())));
    }

    std::vector<std::pair<std::int64_t, std::uint64_t>> histogram_ns() const {
        std::vector<std::pair<std::int64_t, std::uint64_t>> filled;
        for (std::size_t i = 0; i < logarithmic_.size(); ++i)
            if (const auto count = logarithmic_[i].get(); count > 0)
                filled.emplace_back(LogLinear::lower_edge(i), count);
        return filled;
    }

  private:
    struct alignas(64) Head {
        Count cycles, missed, early, overflows, sum;
        Published<std::int64_t> min, max, last;
    };

    static std::vector<std::uint64_t> copied(std::span<const Count> counts) {
        std::vector<std::uint64_t> values(counts.size());
        std::transform(counts.begin(), counts.end(), values.begin(), [](const Count& count) { return count.get(); });
        return values;
    }

    Arena arena_;
    Head* head_;
    std::span<Count> linear_, overflow_cycles_, logarithmic_;
};

} // namespace rtnode::latency
