// Our measuring loop beside cyclictest: both at once on one CPU with the same priority and interval, half an interval
// apart, so that each pair of samples sees the same machine. One after the other would compare the machine's moods. Who
// comes first changes at random from round to round; every second round pairs cyclictest with itself, which shows what
// a ratio of two equals looks like here. Prints; asserts nothing. Neither maximum nor p99.9: on a shared machine they
// say nothing.
//
//     ninja -C build bench/latency/paired && build/bench/latency/paired [--cpu N] [--rounds N] [--seconds N]
//
// Needs root (or CAP_SYS_NICE and CAP_IPC_LOCK), two CPUs and Debian's rt-tests.

#include "latency/housekeeping.hpp"
#include "latency/memory_lock.hpp"
#include "latency/thread.hpp"
#include "state/error.hpp"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <random>
#include <sstream>

namespace {

using namespace rtnode;
using namespace rtnode::latency;

constexpr int priority = 90;
constexpr std::int64_t interval_us = 1000;
constexpr int ns_columns = 400'000; // cyclictest's own histogram in ns, up to 400 µs

struct Settings {
    unsigned cpu = 1;
    unsigned rounds = 10;
    unsigned seconds = 5;
    std::uint64_t cycles() const { return std::uint64_t{seconds} * 1'000'000 / interval_us; }
};

/// What is compared, in nanoseconds.
struct Figures {
    double avg = 0, p50 = 0, p90 = 0, p99 = 0;
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

    /// Waits. Percentiles by the same buckets as ours, or their rounding would be the difference.
    Figures figures() {
        int status = 0;
        ::waitpid(std::exchange(pid_, 0), &status, 0);
        if (status != 0) throw fail(Reason::Internal, "cyclictest failed with status {}", status);
        std::vector<std::uint64_t> buckets(LogLinear::buckets);
        Figures figures;
        std::ifstream file(file_);
        for (std::string line; std::getline(file, line);) {
            std::istringstream words(line);
            if (line.starts_with("# Avg Latencies:")) {
                words.ignore(16);
                words >> figures.avg;
            } else if (line.starts_with("# Histogram Overflows:")) {
                std::uint64_t overflows = 0;
                words.ignore(22);
                words >> overflows;
                buckets.back() += overflows;
            } else if (std::uint64_t ns = 0, count = 0; !line.starts_with('#') && words >> ns >> count) {
                buckets[LogLinear::index_of(ns)] += count;
            }
        }
        const auto percentiles = percentiles_of(buckets, INT64_MAX);
        figures.p50 = static_cast<double>(percentiles[0]);
        figures.p90 = static_cast<double>(percentiles[1]);
        figures.p99 = static_cast<double>(percentiles[2]);
        return figures;
    }

  private:
    std::string file_;
    pid_t pid_ = 0;
};

/// Our loop, its deadlines `phase_us` after those that start at whole seconds.
class Ours {
  public:
    Ours(const Settings& settings, std::int64_t phase_us)
        : options_{.cpus = {settings.cpu},
                   .duration = std::chrono::microseconds(settings.cycles() * interval_us),
                   .priority = priority},
          control_(1), thread_(settings.cpu, options_, control_) {
        constexpr std::int64_t second = 1'000'000'000;
        ::sem_wait(&control_.ready);
        thread_.set_first_deadline((MonotonicClock().now() / second + 2) * second + phase_us * 1000);
        ::sem_post(&control_.go);
        thread_.verify();
    }

    Figures figures() {
        pollfd fd{.fd = control_.finished_fd, .events = POLLIN, .revents = 0};
        ::poll(&fd, 1, -1);
        thread_.join();
        const auto s = thread_.statistics();
        if (s.minor_faults + s.major_faults > 0)
            fmt::print(stderr, "{} page faults in the loop\n", s.minor_faults + s.major_faults);
        return {s.avg_ns, static_cast<double>(s.percentiles_ns[0]), static_cast<double>(s.percentiles_ns[1]),
                static_cast<double>(s.percentiles_ns[2])};
    }

  private:
    Options options_;
    Control control_;
    MeasuringThread thread_;
};

double median(std::vector<double> values) {
    std::sort(values.begin(), values.end());
    const auto middle = values.size() / 2;
    return values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
}

/// The median and the middle 95 % of medians of resampled rounds.
std::string interval_of(const std::vector<double>& ratios, std::mt19937& random) {
    std::uniform_int_distribution<std::size_t> any(0, ratios.size() - 1);
    std::vector<double> medians(2000);
    for (auto& value : medians) {
        std::vector<double> sample(ratios.size());
        for (auto& ratio : sample)
            ratio = ratios[any(random)];
        value = median(sample);
    }
    std::sort(medians.begin(), medians.end());
    return fmt::format("{:.3f} [{:.3f}, {:.3f}]", median(ratios), medians[50], medians[1949]);
}

struct Ratios {
    std::vector<double> avg, p50, p90, p99;

    void add(const Figures& a, const Figures& b) {
        avg.push_back(a.avg / b.avg);
        p50.push_back(a.p50 / b.p50);
        p90.push_back(a.p90 / b.p90);
        p99.push_back(a.p99 / b.p99);
    }
    void print(std::string_view name, std::mt19937& random) const {
        fmt::print("{:<24} {:<22} {:<22} {:<22} {:<22}\n", name, interval_of(avg, random), interval_of(p50, random),
                   interval_of(p90, random), interval_of(p99, random));
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
            Ours mine(settings, phase);
            const auto figures = mine.figures();
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
    null.print("cyclictest / cyclictest", random);
    ours.print("ours / cyclictest", random);
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
