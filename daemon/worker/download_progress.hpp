#pragma once
// How far downloads are: in percent of the job, and as lines of its log with the rate.

#include "worker/reporter.hpp"

#include <chrono>
#include <cstdint>
#include <string>

namespace rtnode::worker {

class DownloadProgress {
  public:
    using Clock = std::chrono::steady_clock;

    /// @param every so often a line goes to the log
    explicit DownloadProgress(Reporter& reporter, std::chrono::milliseconds every = std::chrono::seconds(5))
        : reporter_(reporter), every_(every) {}

    /// As fetch::Progress: bytes of all transfers that run; total is 0 while it isn't known.
    void operator()(std::uint64_t done, std::uint64_t total);

    /// "80.1 MB in 12.3 s, 6.5 MB/s" of what came since the last call; empty when nothing did.
    std::string summary();

  private:
    Reporter& reporter_;
    std::chrono::milliseconds every_;
    Clock::time_point began_{}, said_{};
    std::uint64_t first_ = 0; ///< bytes that were there when the first came
    std::uint64_t done_ = 0, said_done_ = 0;
    unsigned percent_ = 0;
};

} // namespace rtnode::worker
