#include "latency/compare/statistics.hpp"

#include <algorithm>
#include <cmath>
#include <random>

namespace rtnode::latency {
namespace {

constexpr std::size_t resamples = 2000;
constexpr double confidence = 0.95;

/// median() that may put the values in another order.
double median_of(std::vector<double>& values) {
    if (values.empty()) return 0;
    const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
    std::nth_element(values.begin(), middle, values.end());
    if (values.size() % 2 == 1) return *middle;
    return (*std::max_element(values.begin(), middle) + *middle) / 2;
}

/// The median of the estimates and their middle `share`.
Interval middle_of(std::vector<double> estimates, double share) {
    std::sort(estimates.begin(), estimates.end());
    const auto cut = static_cast<std::size_t>((1 - share) / 2 * static_cast<double>(estimates.size()));
    return {median(estimates), estimates[cut], estimates[estimates.size() - 1 - cut]};
}

/// Draws places of a series. Not std::uniform_int_distribution, which each library implements in its own way.
class Draw {
  public:
    explicit Draw(std::uint64_t seed) : random_(seed) {}

    /// As many places as there are, in blocks of neighbours; after the last place comes the first.
    void places(std::vector<std::size_t>& places, std::size_t block) {
        const auto count = places.size();
        for (std::size_t i = 0; i < count;) {
            auto place = static_cast<std::size_t>(random_() % count);
            for (std::size_t k = 0; k < block && i < count; ++k, ++i) {
                places[i] = place;
                place = place + 1 == count ? 0 : place + 1;
            }
        }
    }

  private:
    std::mt19937_64 random_;
};

/// One run that is resampled.
class Resampled {
  public:
    explicit Resampled(const Series& series) : series_(series), places_(series.front().size()), drawn_(places_.size()) {
        for (const auto& values : series)
            block_ = std::max(block_, block_length(values));
    }

    void draw(Draw& draw) { draw.places(places_, block_); }

    double median(std::size_t series) {
        for (std::size_t i = 0; i < places_.size(); ++i)
            drawn_[i] = series_[series][places_[i]];
        return median_of(drawn_);
    }

  private:
    const Series& series_;
    std::size_t block_ = 1;
    std::vector<std::size_t> places_;
    std::vector<double> drawn_;
};

/// Twice the mean rank of each value. Correlation of ranks, since one huge value would drown that of the others.
std::vector<double> ranks_of(const std::vector<double>& values) {
    auto sorted = values;
    std::sort(sorted.begin(), sorted.end());
    std::vector<double> ranks;
    for (const auto value : values) {
        const auto [first, last] = std::equal_range(sorted.begin(), sorted.end(), value);
        ranks.push_back(static_cast<double>((first - sorted.begin()) + (last - sorted.begin())));
    }
    return ranks;
}

} // namespace

double median(std::vector<double> values) {
    return median_of(values);
}

Interval median_interval(const std::vector<double>& values, std::uint64_t seed) {
    if (values.empty()) return {};
    Draw draw(seed);
    std::vector<std::size_t> places(values.size());
    std::vector<double> drawn(values.size()), medians(resamples);
    for (auto& estimate : medians) {
        draw.places(places, 1);
        std::transform(places.begin(), places.end(), drawn.begin(), [&](std::size_t place) { return values[place]; });
        estimate = median_of(drawn);
    }
    auto interval = middle_of(std::move(medians), confidence);
    interval.value = median(values);
    return interval;
}

std::size_t block_length(const std::vector<double>& values) {
    const auto count = values.size();
    const auto longest = std::max<std::size_t>(1, count / 3);
    const auto shortest = static_cast<std::size_t>(std::ceil(std::cbrt(static_cast<double>(count)) - 1e-9));
    auto ranks = ranks_of(values);
    double variance = 0;
    for (auto& rank : ranks) {
        rank -= static_cast<double>(count); // the mean of what ranks_of() gives
        variance += rank * rank;
    }
    const auto correlation = [&](std::size_t distance) {
        double sum = 0;
        for (std::size_t i = 0; i + distance < count; ++i)
            sum += ranks[i] * ranks[i + distance];
        return sum / variance;
    };
    // Of values without any connection, all but 2 % lie below this.
    const double chance = 2 / std::sqrt(static_cast<double>(count));
    std::size_t alike = 0;
    if (variance > 0)
        while (alike < longest && correlation(alike + 1) > chance)
            ++alike;
    return std::min(std::max(2 * alike + 1, shortest), longest);
}

PairedRatios ratios_of_medians(const Series& a, const Series& b, std::uint64_t seed) {
    if (a.empty()) return {};
    Draw draw(seed);
    Resampled from_a(a), from_b(b);
    const auto pairs = a.size();
    std::vector<double> together(resamples);
    Series of_pair(pairs, std::vector<double>(resamples));
    std::vector<double> ratios(pairs);
    for (std::size_t i = 0; i < resamples; ++i) {
        from_a.draw(draw);
        from_b.draw(draw);
        for (std::size_t pair = 0; pair < pairs; ++pair)
            of_pair[pair][i] = ratios[pair] = from_b.median(pair) / from_a.median(pair);
        together[i] = median_of(ratios);
    }
    PairedRatios result{middle_of(std::move(together), confidence), {}};
    for (auto& estimates : of_pair)
        result.pairs.push_back(middle_of(std::move(estimates), 1 - (1 - confidence) / static_cast<double>(pairs)));
    return result;
}

} // namespace rtnode::latency
