#pragma once
// What the benches compare: our loop with its deadlines where one wants them, and the histogram file that cyclictest
// writes. Both count in columns of one nanosecond, or the rounding would be the difference.

#include "latency/thread.hpp"
#include "state/error.hpp"

#include <poll.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

namespace rtnode::bench {

using namespace rtnode::latency;

/// Of one run, in nanoseconds.
struct Figures {
    std::uint64_t cycles = 0, missed = 0, faults = 0; ///< cyclictest tells neither missed nor faults
    double min = 0, avg = 0, p50 = 0, p90 = 0, p99 = 0, max = 0;

    /// When cycles and max are known. @param counts how many latencies of [i] ns there were; those above count as max
    void set_percentiles(const std::vector<std::uint64_t>& counts) {
        const auto smallest = [&](double share) {
            const auto rank = static_cast<std::uint64_t>(std::ceil(share * static_cast<double>(cycles)));
            std::uint64_t seen = 0;
            for (std::size_t ns = 0; ns < counts.size(); ++ns)
                if ((seen += counts[ns]) >= rank) return static_cast<double>(ns);
            return max;
        };
        p50 = smallest(0.50);
        p90 = smallest(0.90);
        p99 = smallest(0.99);
    }
};

/// What one thread of `cyclictest -N --histfile` wrote. @throws Error{Internal} when there is no such file
inline Figures read_histogram_file(const std::string& path) {
    std::ifstream file(path);
    if (!file) throw fail(Reason::Internal, "there is no histogram file {}: cyclictest failed", path);
    std::vector<std::uint64_t> counts;
    Figures figures;
    for (std::string line; std::getline(file, line);) {
        if (!line.empty() && line.front() != '#') { // "000014 000021": one row for each nanosecond
            char* rest = nullptr;
            const auto ns = std::strtoull(line.c_str(), &rest, 10);
            counts.resize(std::max<std::size_t>(counts.size(), ns + 1));
            counts[ns] = std::strtoull(rest, nullptr, 10);
            figures.cycles += counts[ns];
        }
        const auto take = [&](std::string_view name, auto& value) {
            if (line.starts_with(name)) std::istringstream(line.substr(name.size())) >> value;
        };
        std::uint64_t overflows = 0;
        take("# Histogram Overflows:", overflows);
        take("# Min Latencies:", figures.min);
        take("# Avg Latencies:", figures.avg);
        take("# Max Latencies:", figures.max);
        figures.cycles += overflows;
    }
    figures.set_percentiles(counts);
    return figures;
}

/// Our loop on one CPU, as the daemon runs it. It begins when the object is made.
class OurLoop {
  public:
    /// @param options one CPU; its columns become nanoseconds
    /// @param phase_us the deadlines lie so much after whole seconds of CLOCK_MONOTONIC and the intervals from there
    OurLoop(const Options& options, std::int64_t phase_us)
        : options_(in_nanoseconds(options)), control_(1), thread_(options.cpus.front(), options_, control_) {
        constexpr std::int64_t second = 1'000'000'000;
        ::sem_wait(&control_.ready);
        thread_.set_first_deadline((MonotonicClock().now() / second + 2) * second + phase_us * 1000);
        ::sem_post(&control_.go);
        thread_.verify();
    }

    /// Waits for its end.
    Figures figures() {
        pollfd fd{.fd = control_.finished_fd, .events = POLLIN, .revents = 0};
        ::poll(&fd, 1, -1);
        thread_.join();
        const auto s = thread_.statistics();
        Figures figures{.cycles = s.cycles,
                        .missed = s.missed,
                        .faults = s.minor_faults + s.major_faults,
                        .min = static_cast<double>(s.min_ns),
                        .avg = s.avg_ns,
                        .max = static_cast<double>(s.max_ns)};
        figures.set_percentiles(thread_.recorder().histogram_us());
        return figures;
    }

  private:
    static Options in_nanoseconds(Options options) {
        options.nanoseconds = true;
        return options;
    }

    Options options_;
    Control control_;
    MeasuringThread thread_;
};

} // namespace rtnode::bench
