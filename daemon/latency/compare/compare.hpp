#pragma once
// Whether one measurement differs from another by more than chance.

#include "latency/result.hpp"

#include <string>
#include <vector>

namespace rtnode::latency {

/// One figure of both runs, over the CPUs that both measured. The ratio is b / a; below 1 means that b is better.
///
/// | name              | of each CPU                         | over CPUs      | decides                           |
/// | ---               | ---                                 | ---            | ---                               |
/// | avg               | mean                                | median         | no: windows don't have it         |
/// | p50, p99          | percentile                          | median         | beyond the tolerance              |
/// | window-max        | median of the windows' maxima       | median         | beyond a factor of 2              |
/// | p99.9-corrected   | percentile with missed deadlines    | the worst CPU  | no                                |
/// | p99.99-corrected  | percentile with missed deadlines    | the worst CPU  | no                                |
/// | max               | maximum                             | the worst CPU  | no: one wake-up of a whole run    |
struct ComparedFigure {
    std::string name;
    double a_ns = 0, b_ns = 0;
    double ratio = 0, low = 0, high = 0; ///< median of resampled ratios and the middle 95 % of them; 0 = can't be said
    bool decides = false;                ///< whether the verdict rests on it; a maximum of one run is chance
};

struct Comparison {
    std::string verdict;                 ///< "regression", "improvement", "no-difference" or "not-comparable"
    std::vector<std::string> reasons;    ///< why, for people; for not-comparable what stands in the way
    std::vector<ComparedFigure> figures; ///< none when not comparable
    std::vector<std::string> changes;    ///< what is different about the machine: machine_changes()
};

/// b against a.
///
/// The samples are the windows of the runs, paired by CPU, resampled in blocks, since what is slow (a neighbour on the
/// host, warmth) would else pass for certainty. It is a regression or an improvement when the whole interval of a ratio
/// that decides lies beyond its tolerance, over all CPUs or on one of them alone; when one figure is worse and another
/// better, it is a regression. Maxima are compared by the typical maximum of a window, and only a factor of two counts:
/// between equals they differ by tens of percent, and what spoils real-time work (a timer interrupt of the firmware, a
/// deep idle state) makes them several times as large.
///
/// A latency above Options::break_us that ended b but not a is a regression, too: the caller has set that limit, and
/// one violation is one. That nothing was above it proves nothing, so there is no improvement by that.
///
/// Runs of fewer than eight windows have no intervals: "no-difference", and the reasons say that it is not known. What
/// lasts for most of a run (a neighbour on the host that came between the two) can't be told from a change of the node;
/// only more runs can, by turns. Runs with different loads beside them are compared, since whether a load shows is
/// worth knowing; the reasons and the changes say that they differ.
/// @param tolerance a ratio within 1 ± this counts as no difference, however sure it is
Comparison compare(const Result& a, const Result& b, double tolerance = 0.03);

/// What a run was asked to do, in a form that can be compared and shown: CPUs, mode, interval, duration, scheduling …
std::string options_key(const Options& options);

/// The state of a node, as lines "KEY VALUE" that can be compared and shown: the deployment's checksum, kernel,
/// microcode, BIOS, kernel command line (without ostree= and BOOT_IMAGE=, which only name the deployment's place).
std::string conditions_key(const Environment& environment);

/// What must be equal for a result to be a baseline of another on this node: conditions_key() and options_key().
std::string baseline_key(const Result& result);

} // namespace rtnode::latency
