// Byte for byte what cyclictest 2.4 writes, from the same samples. golden/NAME.samples holds what a run of the real one
// printed with -v (thread:cycle:microseconds), golden/NAME.histfile what that same run wrote with --histfile. Where the
// tool is installed and may run, it is run again now.
#include "latency/report/report.hpp"
#include "../support.hpp"

#include <gtest/gtest.h>

#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>

namespace rtnode::latency {
namespace {

std::string content(const std::filesystem::path& path) {
    std::ifstream file(path);
    EXPECT_TRUE(file) << path;
    return {std::istreambuf_iterator<char>(file), {}};
}

/// By thread; lines of another form are passed over.
std::vector<std::vector<std::int64_t>> samples_in(const std::filesystem::path& path) {
    std::vector<std::vector<std::int64_t>> samples;
    std::ifstream file(path);
    for (std::string line; std::getline(file, line);) {
        unsigned thread = 0;
        unsigned long cycle = 0;
        long us = 0;
        char end = 0;
        if (std::sscanf(line.c_str(), " %u: %lu: %ld%c", &thread, &cycle, &us, &end) != 3) continue;
        if (samples.size() <= thread) samples.resize(thread + 1);
        EXPECT_EQ(samples[thread].size(), cycle) << "a sample is lost";
        samples[thread].push_back(us * 1000);
    }
    return samples;
}

void expect_the_same(const std::filesystem::path& samples, const std::filesystem::path& histfile,
                     std::uint32_t columns) {
    const auto read = samples_in(samples);
    ASSERT_FALSE(read.empty());
    EXPECT_EQ(report_cyclictest_2_4(result_of(read, columns)), content(histfile));
}

const std::filesystem::path golden = RTNODE_GOLDEN;

TEST(Golden, EqualsARunWithFewOverflows) {
    expect_the_same(golden / "plain.samples", golden / "plain.histfile", 60);
}

TEST(Golden, EqualsARunWithMoreOverflowsThanAreListed) {
    expect_the_same(golden / "overflow.samples", golden / "overflow.histfile", 16);
}

TEST(Golden, EqualsTheToolThatIsInstalledHere) {
    const auto folder = std::filesystem::path(::testing::TempDir()) / ("rtnode-golden-" + std::to_string(::getpid()));
    std::filesystem::create_directories(folder);
    std::size_t compared = 0;
    // One thread: with more, the tool prints its histogram while others still measure, and the samples don't fit it.
    for (const auto* columns : {"300", "30", "16", "5"}) {
        // Newer ones write another format: rows of zeros left out, no total.
        const auto command =
            "cyclictest --help 2>&1 | grep -q 'V 2\\.40$' && cyclictest -v -l 100 -m -t 1 -a 0 -p 90 -i 200 -h " +
            std::string(columns) + " --histfile='" + (folder / "hist").string() + "' > '" + (folder / "out").string() +
            "' 2>/dev/null";
        const int status = std::system(command.c_str());
        if (status != 0) continue; // not installed, another version, or no permission for SCHED_FIFO
        expect_the_same(folder / "out", folder / "hist", static_cast<std::uint32_t>(std::atoi(columns)));
        ++compared;
    }
    std::filesystem::remove_all(folder);
    if (compared > 0) {
        std::cout << "[ golden   ] the installed cyclictest, " << compared << " runs\n";
        EXPECT_EQ(compared, 4u);
    } else {
        std::cout << "[ golden   ] cyclictest can't run here: its recorded output only\n";
        expect_the_same(golden / "plain.samples", golden / "plain.histfile", 60);
    }
}

} // namespace
} // namespace rtnode::latency
