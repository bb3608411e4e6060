#include "client/follow.hpp"

#include "client/job.hpp"
#include "client/latency.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <sys/signalfd.h>
#include <unistd.h>

namespace rtnode::client {

namespace {

/// Ctrl-C as a readable descriptor, and as before when it goes.
class CtrlC {
  public:
    CtrlC() {
        sigset_t set;
        sigemptyset(&set);
        sigaddset(&set, SIGINT);
        sigprocmask(SIG_BLOCK, &set, &before_);
        fd_ = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
        if (fd_ < 0) {
            sigprocmask(SIG_SETMASK, &before_, nullptr);
            throw ClientError(Exit::failed, "",
                              fmt::format("can't watch for Ctrl-C: {}; start it with --no-follow, and look at it with "
                                          "rtnodectl jobs or latency list",
                                          std::strerror(errno)));
        }
    }
    ~CtrlC() {
        // Taken here, else it would end the program once it is let through again.
        signalfd_siginfo info;
        while (read(fd_, &info, sizeof info) > 0) {
        }
        close(fd_);
        sigprocmask(SIG_SETMASK, &before_, nullptr);
    }
    CtrlC(const CtrlC&) = delete;
    CtrlC& operator=(const CtrlC&) = delete;

    int fd() const { return fd_; }

  private:
    sigset_t before_{};
    int fd_ = -1;
};

/// Prints what the log has gained: the job's own lines, and with `verbose` what scriptlets and tools said (indented
/// lines). The error that ends a failed job is left to who reports the job's end.
class LogReader {
  public:
    LogReader(Bus& bus, std::string path, Terminal& terminal, bool verbose)
        : bus_(bus), path_(std::move(path)), terminal_(terminal), verbose_(verbose) {}

    void read() {
        for (;;) {
            auto [lines, next] = bus_.job_log(path_, next_);
            if (lines.empty()) return;
            for (std::string& line : lines) {
                line = printable(line);
                has_freed_ = has_freed_ || line.starts_with("Freed:");
            }
            std::erase_if(lines, [this](const std::string& line) {
                return line.starts_with("error: ") || (!verbose_ && line.starts_with("  "));
            });
            terminal_.lines(lines);
            if (next <= next_) return; // no progress: a daemon that we don't understand
            next_ = next;
        }
    }

    bool has_freed() const { return has_freed_; }

  private:
    Bus& bus_;
    std::string path_;
    Terminal& terminal_;
    bool verbose_;
    std::uint64_t next_ = 0;
    bool has_freed_ = false;
};

/// While following, Ctrl-C is looked at between calls: none may take long, even if the daemon hangs.
constexpr std::chrono::seconds answer_limit{5};

std::uint64_t now_us() {
    const auto since_epoch = std::chrono::system_clock::now().time_since_epoch();
    return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::microseconds>(since_epoch).count());
}

std::string bar_of(const Json& job, unsigned width) {
    if (text(job, "State") == "queued") return "Waiting for the jobs before it";
    const std::string step = text(job, "State") == "canceling" ? "Canceling" : text(job, "Step");
    return progress_bar(static_cast<unsigned>(count(job, "Percent").value_or(0)), step, width);
}

} // namespace

Followed follow_job(Bus& bus, const std::string& path, Terminal& terminal, bool verbose) {
    const CtrlC ctrl_c;
    bus.limit_calls(answer_limit);
    std::string last_step;
    try {
        const auto job = bus.watch_job(path);
        LogReader log(bus, path, terminal, verbose);
        log.read();
        for (;;) {
            const std::string step = text(job->properties(), "Step");
            if (!step.empty()) last_step = step;
            if (has_ended(text(job->properties(), "State"))) {
                job->refresh(); // the signal may have carried the state before the result
                log.read();
                terminal.clear_live();
                return {job->properties(), false, log.has_freed()};
            }
            terminal.show_live({bar_of(job->properties(), terminal.width())});
            if (bus.wait(ctrl_c.fd(), std::nullopt) == Bus::Woken::descriptor) {
                terminal.clear_live();
                return {job->properties(), true, log.has_freed()};
            }
            if (job->take_changed()) log.read();
        }
    } catch (const ClientError& error) {
        terminal.clear_live();
        if (error.exit() != Exit::unreachable) throw;
        const std::string number = number_of(path);
        throw ClientError(
            Exit::unreachable, error.name(),
            fmt::format("{} while job {} {}. A job that hadn't deployed yet has changed nothing and will "
                        "be shown as interrupted. See systemctl status rtnoded, then: rtnodectl jobs show {}",
                        error.what(), number,
                        last_step.empty() ? "was followed" : "was at \"" + printable(last_step) + "\"", number));
    }
}

Followed follow_measurement(Bus& bus, const std::string& path, Terminal& terminal) {
    const CtrlC ctrl_c;
    bus.limit_calls(answer_limit);
    try {
        const auto measurement = bus.watch_measurement(path);
        for (;;) {
            const std::string state = text(measurement->properties(), "State");
            if (state == "done" || state == "failed") {
                measurement->refresh();
                terminal.clear_live();
                return {measurement->properties(), false};
            }
            // The numbers change without signals, which would disturb what is measured; somebody who looks reads them.
            if (terminal.live()) {
                const unsigned rows = terminal.height();
                terminal.show_live(live_lines(measurement->properties(), rows > 3 ? rows - 2 : 1, now_us()));
            }
            std::optional<std::chrono::milliseconds> period;
            if (terminal.live()) period = std::chrono::milliseconds(250);
            const auto woken = bus.wait(ctrl_c.fd(), period);
            if (woken == Bus::Woken::descriptor) {
                terminal.clear_live();
                return {measurement->properties(), true};
            }
            if (woken == Bus::Woken::time) measurement->refresh();
        }
    } catch (const ClientError& error) {
        terminal.clear_live();
        if (error.exit() != Exit::unreachable) throw;
        throw ClientError(Exit::unreachable, error.name(),
                          fmt::format("{} during measurement {}, which is lost. See systemctl status rtnoded, then "
                                      "start it again",
                                      error.what(), number_of(path)));
    }
}

} // namespace rtnode::client
