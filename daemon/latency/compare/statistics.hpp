#pragma once
// What can be said of medians when nobody promises that samples are normal or independent: the data are drawn anew many
// times, and the spread of what comes of that is the uncertainty (bootstrap). All functions that draw take a seed and
// say the same for the same data.

#include <cstddef>
#include <cstdint>
#include <vector>

namespace rtnode::latency {

/// The middle one of the values in order; of an even number the mean of the two in the middle; 0 of none.
double median(std::vector<double> values);

/// An estimate and how far it may be off. All 0: nothing to estimate from.
struct Interval {
    double value = 0, low = 0, high = 0;

    bool operator==(const Interval&) const = default;
};

/// The median of independent values and its 95 % interval: the middle 95 % of the medians of 2000 resamples (percentile
/// bootstrap; Efron and Tibshirani, An Introduction to the Bootstrap, chapter 13). With less than some ten values it is
/// too narrow.
Interval median_interval(const std::vector<double>& values, std::uint64_t seed);

/// How many neighbours in time have to be drawn together, so that a drift that is slower than a value stays in the
/// resamples: 2 k + 1 for neighbours that resemble each other up to a distance of k, at least the cube root of the
/// number of values (Hall, Horowitz and Jing 1995, Biometrika 82), at most a third of it.
std::size_t block_length(const std::vector<double>& values);

/// [i][t]: value of the i-th series at time t. All of one run, so all as long, and moved by the same events.
using Series = std::vector<std::vector<double>>;

struct PairedRatios {
    Interval together;           ///< median of the pairs' ratios, of all resamples; its middle 95 %
    std::vector<Interval> pairs; ///< of each pair alone, so wide that in 95 % of cases all of them hold (Bonferroni)
};

/// The ratio of medians b[i] / a[i], by a circular block bootstrap (Politis and Romano 1992): each run is resampled in
/// blocks of the largest block_length() of its series, the same blocks for all of them.
/// @param a,b as many series, none empty, all values above 0; nothing of nothing
PairedRatios ratios_of_medians(const Series& a, const Series& b, std::uint64_t seed);

} // namespace rtnode::latency
