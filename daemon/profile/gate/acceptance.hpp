#pragma once
// Whether what was booted is good enough to stay, and what follows when it isn't. Values in, values out.

#include "profile/gate/acceptance_record.hpp"
#include "state/profile.hpp"
#include "state/verification.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace rtnode::profile {

/// A measurement, as far as it is judged.
struct MeasurementSummary {
    struct Cpu {
        unsigned cpu = 0;
        std::int64_t max_ns = 0;
        std::int64_t p99_99_ns = 0; ///< of all deadlines, the missed ones too (corrected)
    };
    bool valid = false;
    std::vector<std::string> reasons; ///< why it is not
    std::vector<Cpu> cpus;
    bool real_time_kernel = false; ///< a real-time kernel was running
};

/// The comparison with the last accepted measurement: latency::Comparison's verdict and the figure that decided it.
struct BaselineRatio {
    double ratio = 0, low = 0, high = 0; ///< this run's / the baseline's, and its 95 % interval; 0 = can't be said
    std::string verdict;                 ///< "regression", "improvement", "no-difference" or "not-comparable"
};

enum class Judgement {
    accepted,
    failed,
    not_applicable, ///< a stock kernel isn't judged by its latency
    unknown         ///< not measured, or the measurement can't be trusted: to be measured (again), no verdict
};

/// "accepted", "failed", "not-applicable", "unknown".
std::string_view name_of(Judgement judgement);

struct Verdict {
    Judgement judgement = Judgement::unknown;
    std::vector<std::string> reasons; ///< for people; what decided first, then what is worth knowing

    bool operator==(const Verdict&) const = default;
};

/// A failed check fails, whatever was measured. Then the measurement: passed when each figure is below its limit, on
/// every CPU; a limit that isn't set decides nothing (as the cnf-tests latency runner has it, MAXIMUM_LATENCY). A run
/// that isn't valid neither passes nor fails. Without a baseline, or with one that can't be compared, only the limits
/// decide.
/// @param measurement nothing = none was made (yet)
/// @param baseline nothing = no measurement was accepted before
Verdict judge(const Profile::Acceptance& acceptance, const std::vector<Check>& checks,
              const std::optional<MeasurementSummary>& measurement, const std::optional<BaselineRatio>& baseline);

enum class Step {
    accept,          ///< note it as accepted, pin the deployment, keep the measurement as baseline
    report,          ///< note it, and leave the node as it is
    roll_back,       ///< note it as rolled back, make the good deployment the next one, reboot once
    refuse_rollback, ///< the profile wants to go back, and that can't or mustn't be; report instead
    measure_again
};

/// So many invalid measurements of one boot are enough; then it is reported that nothing is known.
inline constexpr unsigned most_invalid_measurements = 3;

struct GateFacts {
    std::string plan;                  ///< Plan::hash() of what is booted
    bool managed_by_mcd = false;       ///< the machine-config daemon says what this node boots
    bool has_good_deployment = false;  ///< AcceptanceRecord::way_back() knows one
    unsigned invalid_measurements = 0; ///< of this boot, the judged one among them
};

struct NextStep {
    Step step = Step::report;
    std::string why; ///< for people

    bool operator==(const NextStep&) const = default;
};

/// A node goes back from a plan once: booted into it again, it stays and says so.
NextStep what_next(const Verdict& verdict, const Profile& profile, const AcceptanceRecord& record,
                   const GateFacts& facts);

} // namespace rtnode::profile
