#pragma once
// What happened on a CPU between two looks at the kernel's counters: hints at what made a wake-up late, not proof.
// Taken from another CPU and without tracefs. A look takes the housekeeping CPU a few milliseconds on a large machine.
// The CPUs that it looks at don't notice, but for SMI counts: for each of these the kernel interrupts the CPU once (a
// function call, which hints() leaves out).

#include "latency/machine/counters.hpp"
#include "latency/options.hpp"
#include "state/unique_fd.hpp"

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace rtnode::latency {

class Witness {
  public:
    explicit Witness(CpuList cpus, std::string root = "/");

    /// About once a second; only the last few looks are kept.
    /// @param monotonic_ns now; a look that isn't later than the last one is none
    /// @param smis whether to count SMIs, too; where nobody wants hints, the first look and the last one are enough
    void look(std::int64_t monotonic_ns, bool smis = true);

    enum class About {
        Everything,
        /// Only what stops a CPU without the kernel's doing: SMIs, NMIs and machine checks, steal. That no SMI was
        /// counted is said too.
        Hardware
    };

    /// What moved on a CPU between the last look not after `from_ns` and the first one not before `to_ns`, in words
    /// with numbers, the strongest suspect first; how much is usual is added, by the looks beside. What the clock's
    /// tick and the measurement do by themselves is left out. Empty when no looks enclose that time, or nothing moved.
    std::vector<std::string> hints(unsigned cpu, std::int64_t from_ns, std::int64_t to_ns,
                                   About about = About::Everything) const;

    struct Totals {
        std::optional<std::uint64_t> smis; ///< nothing = they can't be counted
        std::uint64_t stolen_ms = 0;
    };
    /// Of a CPU, from the first look to the last.
    Totals totals(unsigned cpu) const;

    /// What could not be read when this was made, and what would make it readable.
    std::vector<std::string> missing() const { return missing_; }
    /// Of that why totals() has no SMIs.
    std::vector<std::string> uncounted() const { return uncounted_; }

  private:
    struct Look {
        std::int64_t at_ns = 0;
        std::map<unsigned, Counters> cpus;
    };
    /// Where what isn't in one of the tables is read.
    struct Source {
        UniqueFd msr;
        std::vector<std::string> deep_idle; ///< files
        std::string frequency;              ///< file; "" = none
    };

    void find_sources();

    CpuList cpus_;
    std::string root_;
    std::vector<std::string> cgroups_;
    std::map<unsigned, Source> sources_;
    std::vector<std::string> missing_, uncounted_;
    std::deque<Look> looks_;
    std::map<unsigned, Totals> totals_;
    std::map<unsigned, std::uint64_t> last_smis_;
};

} // namespace rtnode::latency
