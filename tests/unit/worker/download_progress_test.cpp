// What a job's log and percent say of downloads.

#include "worker/download_progress.hpp"

#include "listener.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

using namespace rtnode::worker;
using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::MatchesRegex;

TEST(DownloadProgress, IsPercentOfTheWholeJobAndOnlyWhenItChanges) {
    const Listener daemon;
    Reporter reporter(daemon.socket());
    DownloadProgress progress(reporter, 1h);
    reporter.step("Downloading packages"); // from 9 to 15 percent
    for (const auto done : {0U, 100U, 500U, 500U, 501U, 1000U})
        progress(done, 1000);
    std::vector<unsigned> percents;
    for (const auto& message : daemon.heard())
        percents.push_back(std::get<Step>(message).percent.value());
    EXPECT_THAT(percents, ElementsAre(9, 9, 12, 15));
    EXPECT_THAT(progress.summary(), MatchesRegex("0\\.0 MB in [0-9.]+ s, [0-9.]+ MB/s"));
    EXPECT_EQ(progress.summary(), "") << "nothing came since";
}

TEST(DownloadProgress, SaysHowMuchAndHowFastFromTimeToTime) {
    const Listener daemon;
    Reporter reporter(daemon.socket());
    DownloadProgress progress(reporter, 0ms);
    reporter.step("Downloading packages");
    progress(2'000'000, 8'000'000);
    progress(4'000'000, 8'000'000);
    progress(5'000'000, 0);
    EXPECT_THAT(daemon.lines(), ElementsAre(MatchesRegex("  2\\.0 of 8\\.0 MB \\(25 %\\), 0\\.0 MB/s"),
                                            MatchesRegex("  4\\.0 of 8\\.0 MB \\(50 %\\), [0-9.]+ MB/s"),
                                            MatchesRegex("  5\\.0 MB, [0-9.]+ MB/s")));
}

TEST(DownloadProgress, OfAStepWhosePlaceIsNotKnownIsInTheLogOnly) {
    const Listener daemon;
    Reporter reporter(daemon.socket());
    DownloadProgress progress(reporter, 1h);
    reporter.step("Elsewhere");
    progress(50, 100);
    EXPECT_EQ(daemon.heard().size(), 1U);
}
