#include "worker/download_progress.hpp"

#include <fmt/format.h>

#include <utility>

namespace rtnode::worker {
namespace {

double mega(std::uint64_t bytes) {
    return static_cast<double>(bytes) / 1e6;
}

double rate(std::uint64_t bytes, DownloadProgress::Clock::duration took) {
    const auto seconds = std::chrono::duration<double>(took).count();
    return seconds > 0 ? mega(bytes) / seconds : 0;
}

} // namespace

void DownloadProgress::operator()(std::uint64_t done, std::uint64_t total) {
    const auto now = Clock::now();
    if (began_ == Clock::time_point{} || done < done_) { // the first, or a try anew
        began_ = said_ = now;
        first_ = said_done_ = done;
        percent_ = 0;
    }
    done_ = done;
    if (total > 0)
        if (const auto percent = static_cast<unsigned>(100 * done / total); percent > percent_) {
            percent_ = percent;
            reporter_.progress(static_cast<double>(done) / static_cast<double>(total));
        }
    if (now - said_ < every_) return;
    const auto of_all = total > 0 ? fmt::format(" of {:.1f} MB ({} %)", mega(total), percent_) : " MB";
    reporter_.log(fmt::format("  {:.1f}{}, {:.1f} MB/s", mega(done), of_all, rate(done - said_done_, now - said_)));
    said_ = now;
    said_done_ = done;
}

std::string DownloadProgress::summary() {
    const auto began = std::exchange(began_, {});
    const auto bytes = std::exchange(done_, 0) - first_;
    if (began == Clock::time_point{} || bytes == 0) return {};
    const auto took = Clock::now() - began;
    return fmt::format("{:.1f} MB in {:.1f} s, {:.1f} MB/s", mega(bytes), std::chrono::duration<double>(took).count(),
                       rate(bytes, took));
}

} // namespace rtnode::worker
