// Our measuring loop beside cyclictest: both at once on one CPU with the same priority and interval, half an interval
// apart, so that each pair of samples sees the same machine. One after the other would compare the machine's moods. Who
// comes first changes at random from round to round; every second round pairs cyclictest with itself, which shows what
// a ratio of two equals looks like here. Prints; asserts nothing. Neither maximum nor p99.9: on a shared machine they
// say nothing.
//
//     ninja -C build bench/latency/paired && build/bench/latency/paired [--cpu N] [--rounds N] [--seconds N]
//
// Needs root (or CAP_SYS_NICE and CAP_IPC_LOCK), two CPUs and Debian's rt-tests.

#include "loops.hpp"

#include "latency/compare/statistics.hpp"
#include "latency/housekeeping.hpp"
#include "latency/memory_lock.hpp"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <random>

namespace {

using namespace rtnode;
using namespace rtnode::bench;

constexpr int priority = 90;
constexpr std::int64_t interval_us = 1000;
constexpr std::uint32_t ns_columns = 400'000; // up to 400 µs

struct Settings {
    unsigned cpu = 1;
    unsigned rounds = 10;
    unsigned seconds = 5;
    std::uint64_t cycles() const { return std::uint64_t{seconds} * 1'000'000 / interval_us; }
};

/// A cyclictest that runs, and the file that it will write.
class Cyclictest {
  public:
    Cyclictest(const Settings& settings, const CpuList& others, std::int64_t phase_us, std::string file)
        : file_(std::move(file)) {
        const std::vector<std::string> words{"cyclictest",
                                             "-q",
                                             "-N",
                                             "-m",
                                             "-t1",
                                             fmt::format("-h{}", ns_columns),
                                             fmt::format("-a{}", settings.cpu),
                                             fmt::format("--mainaffinity={}", others.front()),
                                             fmt::format("-p{}", priority),
                                             fmt::format("-i{}", interval_us),
                                             fmt::format("-l{}", settings.cycles()),
                                             fmt::format("--secaligned={}", phase_us),
                                             "--histfile=" + file_};
        std::vector<char*> arguments;
        for (const auto& word : words)
            arguments.push_back(const_cast<char*>(word.c_str()));
        arguments.push_back(nullptr);
        posix_spawn_file_actions_t actions;
        ::posix_spawn_file_actions_init(&actions);
        ::posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
        const int error = ::posix_spawnp(&pid_, "cyclictest", &actions, nullptr, arguments.data(), environ);
        ::posix_spawn_file_actions_destroy(&actions);
        if (error != 0)
            throw fail(Reason::Internal, "cannot start cyclictest: {}; install rt-tests", std::strerror(error));
    }
    ~Cyclictest() {
        if (pid_ > 0) ::waitpid(pid_, nullptr, 0);
    }
    Cyclictest(const Cyclictest&) = delete;
    Cyclictest& operator=(const Cyclictest&) = delete;

    /// Waits for its end.
    Figures figures() {
        int status = 0;
        ::waitpid(std::exchange(pid_, 0), &status, 0);
        if (status != 0) throw fail(Reason::Internal, "cyclictest failed with status {}", status);
        return read_histogram_file(file_);
    }

  private:
    std::string file_;
    pid_t pid_ = 0;
};

/// The median and its interval over resampled rounds.
std::string shown(const std::vector<double>& ratios) {
    const auto interval = median_interval(ratios, 1);
    return fmt::format("{:.3f} [{:.3f}, {:.3f}]", interval.value, interval.low, interval.high);
}

struct Ratios {
    std::vector<double> avg, p50, p90, p99;

    void add(const Figures& a, const Figures& b) {
        avg.push_back(a.avg / b.avg);
        p50.push_back(a.p50 / b.p50);
        p90.push_back(a.p90 / b.p90);
        p99.push_back(a.p99 / b.p99);
    }
    void print(std::string_view name) const {
        fmt::print("{:<24} {:<22} {:<22} {:<22} {:<22}\n", name, shown(avg), shown(p50), shown(p90), shown(p99));
    }
};

Settings parse(int argc, char** argv) {
    Settings settings;
    for (int i = 1; i + 1 < argc; i += 2) {
        const std::string_view option = argv[i];
        const auto value = static_cast<unsigned>(std::strtoul(argv[i + 1], nullptr, 10));
        if (option == "--cpu") settings.cpu = value;
        if (option == "--rounds") settings.rounds = std::max(2u, value);
        if (option == "--seconds") settings.seconds = std::max(1u, value);
    }
    return settings;
}

void run(const Settings& settings) {
    const auto housekeeping = housekeeping_cpus(affinity_of(0), {settings.cpu});
    if (housekeeping.shared || housekeeping.cpus.empty())
        throw fail(Reason::CpuUnavailable, "a CPU beside the measured one is needed");
    set_affinity(0, housekeeping.cpus);
    const MemoryLock memory;
    if (!memory.held()) fmt::print(stderr, "{}\n", memory.why_not());

    const auto folder = std::filesystem::temp_directory_path() / fmt::format("rtnode-paired-{}", ::getpid());
    std::filesystem::create_directory(folder);
    std::mt19937 random(std::random_device{}());
    Ratios ours, null;
    for (unsigned round = 0; round < settings.rounds; ++round) {
        const std::int64_t phase = random() % 2 == 0 ? 0 : interval_us / 2;
        const auto other_phase = interval_us / 2 - phase;
        {
            Cyclictest theirs(settings, housekeeping.cpus, other_phase, folder / "a");
            OurLoop mine({.cpus = {settings.cpu},
                          .duration = std::chrono::microseconds(settings.cycles() * interval_us),
                          .priority = priority,
                          .histogram_us = ns_columns},
                         phase);
            const auto figures = mine.figures();
            if (figures.faults > 0) fmt::print(stderr, "{} page faults in the loop\n", figures.faults);
            ours.add(figures, theirs.figures());
        }
        Cyclictest a(settings, housekeeping.cpus, phase, folder / "a");
        Cyclictest b(settings, housekeeping.cpus, other_phase, folder / "b");
        const auto figures = a.figures();
        null.add(figures, b.figures());
    }
    std::filesystem::remove_all(folder);

    fmt::print("CPU {}, {} rounds of {} s, every {} µs, priority {}: median of the rounds' ratios [95 % interval]\n",
               settings.cpu, settings.rounds, settings.seconds, interval_us, priority);
    fmt::print("{:<24} {:<22} {:<22} {:<22} {:<22}\n", "", "avg", "p50", "p90", "p99");
    null.print("cyclictest / cyclictest");
    ours.print("ours / cyclictest");
}

} // namespace

int main(int argc, char** argv) {
    try {
        run(parse(argc, argv));
    } catch (const std::exception& e) {
        fmt::print(stderr, "{}\n", e.what());
        return 1;
    }
}
