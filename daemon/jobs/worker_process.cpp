#include "jobs/worker_process.hpp"

#include "loop/journal.hpp"
#include "state/memory_file.hpp"

#include <fcntl.h>
#include <spawn.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <array>
#include <cstdlib>
#include <cstring>
#include <system_error>

namespace rtnode::jobs {
namespace {

using namespace std::chrono_literals;

constexpr auto exit_grace = 30s; ///< from the last message to SIGKILL
constexpr std::size_t max_line = 8192;

Error system_error(const char* what, int e) {
    return fail(Reason::Internal, "the worker can't be started: {}: {}", what, std::strerror(e));
}

/// A copy far above the numbers that the child gets, so that placing one never overwrites another.
UniqueFd out_of_the_way(int fd) {
    UniqueFd copy(::fcntl(fd, F_DUPFD_CLOEXEC, 256));
    if (!copy) throw system_error("duplicating a descriptor", errno);
    return copy;
}

class FileActions {
  public:
    FileActions() { ::posix_spawn_file_actions_init(&actions_); }
    ~FileActions() { ::posix_spawn_file_actions_destroy(&actions_); }
    FileActions(const FileActions&) = delete;
    FileActions& operator=(const FileActions&) = delete;

    void place(int from, int to) { check(::posix_spawn_file_actions_adddup2(&actions_, from, to)); }
    void open_null(int to) { check(::posix_spawn_file_actions_addopen(&actions_, to, "/dev/null", O_RDONLY, 0)); }
    void close_from(int first) { check(::posix_spawn_file_actions_addclosefrom_np(&actions_, first)); }
    const posix_spawn_file_actions_t* get() const { return &actions_; }

  private:
    static void check(int e) {
        if (e != 0) throw system_error("posix_spawn", e);
    }
    posix_spawn_file_actions_t actions_{};
};

class Attributes {
  public:
    Attributes() {
        ::posix_spawnattr_init(&attributes_);
        sigset_t none, all;
        sigemptyset(&none);
        sigfillset(&all);
        ::posix_spawnattr_setsigmask(&attributes_, &none);
        ::posix_spawnattr_setsigdefault(&attributes_, &all);
        ::posix_spawnattr_setpgroup(&attributes_, 0); // a Ctrl-C for the daemon isn't one for the worker
        ::posix_spawnattr_setflags(&attributes_,
                                   POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
    }
    ~Attributes() { ::posix_spawnattr_destroy(&attributes_); }
    Attributes(const Attributes&) = delete;
    Attributes& operator=(const Attributes&) = delete;
    const posix_spawnattr_t* get() const { return &attributes_; }

  private:
    posix_spawnattr_t attributes_{};
};

std::vector<std::string> environment() {
    std::vector<std::string> variables{"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C.UTF-8"};
    for (const auto name : worker::worker_environment)
        if (const char* value = std::getenv(std::string(name).c_str()))
            variables.push_back(fmt::format("{}={}", name, value));
    return variables;
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
    std::vector<char*> result;
    for (auto& text : texts)
        result.push_back(text.data());
    result.push_back(nullptr);
    return result;
}

pid_t spawn(const std::filesystem::path& program, const std::vector<std::string>& arguments, int socket, int order,
            int output, const std::vector<UniqueFd>& files) {
    std::vector<UniqueFd> held; // until the child has its own
    FileActions actions;
    const auto place = [&](int from, int to) {
        held.push_back(out_of_the_way(from));
        actions.place(held.back().get(), to);
    };
    actions.open_null(STDIN_FILENO);
    place(output, STDOUT_FILENO);
    place(output, STDERR_FILENO);
    place(socket, worker::socket_fd);
    place(order, worker::order_fd);
    int next = worker::first_passed_fd;
    for (const auto& file : files)
        place(file.get(), next++);
    actions.close_from(next);

    std::vector<std::string> words{program.filename().string()};
    words.insert(words.end(), arguments.begin(), arguments.end());
    auto variables = environment();
    pid_t pid = -1;
    const Attributes attributes;
    const int e = ::posix_spawn(&pid, program.c_str(), actions.get(), attributes.get(), pointers(words).data(),
                                pointers(variables).data());
    if (e != 0) throw system_error(program.c_str(), e);
    return pid;
}

} // namespace

std::filesystem::path find_worker() {
    if (const char* path = std::getenv("RTNODE_WORKER")) return path;
    std::error_code error;
    const auto self = std::filesystem::read_symlink("/proc/self/exe", error);
    for (const auto& beside : {self.parent_path() / "rtnode-worker", self.parent_path() / "worker/rtnode-worker"})
        if (!error && std::filesystem::exists(beside, error)) return beside;
    return RTNODE_LIBEXECDIR "/rtnode-worker";
}

WorkerProcess::WorkerProcess(EventLoop& loop, const std::filesystem::path& program,
                             const std::vector<std::string>& arguments, const std::string& order,
                             const std::vector<UniqueFd>& files, Events events, std::chrono::milliseconds cancel_grace)
    : loop_(loop), events_(std::move(events)), cancel_grace_(cancel_grace) {
    std::array<int, 2> ends{};
    if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0)
        throw system_error("socketpair", errno);
    socket_ = UniqueFd(ends[0]);
    const UniqueFd their_socket(ends[1]);
    const int room = 2 * static_cast<int>(worker::max_datagram);
    ::setsockopt(their_socket.get(), SOL_SOCKET, SO_SNDBUF, &room, sizeof room);
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) throw system_error("pipe", errno);
    output_ = UniqueFd(ends[0]);
    const UniqueFd their_output(ends[1]);
    ::fcntl(output_.get(), F_SETFL, O_NONBLOCK);

    const auto memfd = sealed_memory_file("rtnode-order", order);
    pid_ = spawn(program, arguments, their_socket.get(), memfd.get(), their_output.get(), files);
    pidfd_ = UniqueFd(static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0)));
    if (!pidfd_) {
        const int e = errno;
        kill_all();
        ::waitpid(pid_, nullptr, 0);
        pid_ = -1;
        throw system_error("pidfd_open", e);
    }
    child_ = loop_.child(pidfd_.get(), [this](const siginfo_t& info) { on_exit(info); });
    messages_ = loop_.io(socket_.get(), EPOLLIN, [this](std::uint32_t) { read_messages(); });
    output_source_ = loop_.io(output_.get(), EPOLLIN, [this](std::uint32_t) { read_output(false); });
}

WorkerProcess::~WorkerProcess() {
    if (pid_ < 0) return;
    child_.stop();
    kill_all();
    ::waitpid(pid_, nullptr, 0);
}

void WorkerProcess::kill_all() noexcept {
    if (pid_ < 0) return;
    ::kill(-pid_, SIGKILL); // its process group; what it put into other namespaces dies with it
    ::kill(pid_, SIGKILL);
}

void WorkerProcess::cancel() {
    if (canceled_ || pid_ < 0) return;
    canceled_ = true;
    ::kill(pid_, SIGTERM);
    kill_timer_ = loop_.timer(cancel_grace_, [this] { kill_all(); });
}

void WorkerProcess::give_time_to_exit() {
    kill_timer_ = loop_.timer(exit_grace, [this] { kill_all(); });
}

void WorkerProcess::read_messages() {
    std::string datagram(worker::max_datagram + 1, '\0');
    for (;;) {
        const auto n = ::recv(socket_.get(), datagram.data(), datagram.size(), MSG_DONTWAIT);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) {
            if (n == 0 || (errno != EAGAIN && errno != EWOULDBLOCK)) messages_.stop(); // closed; on_exit() tells
            return;
        }
        if (outcome_.result || outcome_.failure) continue; // nothing comes after the last message
        try {
            const auto message = worker::decode(std::string_view(datagram.data(), static_cast<std::size_t>(n)));
            if (const auto* result = std::get_if<worker::Result>(&message)) {
                outcome_.result = *result;
                give_time_to_exit();
            } else if (const auto* failure = std::get_if<worker::Failure>(&message)) {
                outcome_.failure = *failure;
                give_time_to_exit();
            } else {
                deploying_ = deploying_ || std::holds_alternative<worker::Deploying>(message);
                events_.message(message);
            }
        } catch (const Error& e) {
            outcome_.failure = worker::Failure{e.reason(), e.what()};
            outcome_.died = true;
            kill_all();
        }
    }
}

void WorkerProcess::read_output(bool last) {
    std::array<char, 4096> part{};
    for (;;) {
        const auto n = ::read(output_.get(), part.data(), part.size());
        if (n < 0 && errno == EINTR) continue;
        if (n == 0) output_source_.stop(); // nobody holds the other end any more
        if (n <= 0) break;
        line_.append(part.data(), static_cast<std::size_t>(n));
        for (std::size_t end = 0; (end = std::min(line_.find('\n'), max_line)) < line_.size();) {
            last_line_ = line_.substr(0, end);
            line_.erase(0, end + (line_[end] == '\n' ? 1 : 0));
            events_.output(last_line_);
        }
        if (!last) return; // other events are due, too
    }
    if (last && !line_.empty()) events_.output(last_line_ = std::exchange(line_, {}));
}

void WorkerProcess::on_exit(const siginfo_t& info) {
    pid_ = -1; // reaped
    kill_timer_.stop();
    read_messages();
    read_output(true);
    outcome_.exited_well = info.si_code == CLD_EXITED && info.si_status == 0;
    if (!outcome_.result && !outcome_.failure) {
        const auto how = info.si_code == CLD_EXITED
                             ? fmt::format("exited with status {} without a result", info.si_status)
                             : fmt::format("was killed by signal {} ({})", info.si_status, ::strsignal(info.si_status));
        outcome_.died = true;
        outcome_.failure = worker::Failure{
            Reason::WorkerDied,
            fmt::format("the worker process {}{}; {}. See the job's log and the journal, then try again", how,
                        last_line_.empty() ? "" : fmt::format(" (it last wrote: {})", last_line_),
                        deploying_ ? "this was in the deploy step: see the deployments for whether it took effect"
                                   : "no deployment was changed")};
    } else if (outcome_.result && !outcome_.exited_well) {
        journal::log(journal::Priority::warning,
                     fmt::format("the worker process ended its work, but then with {} {}",
                                 info.si_code == CLD_EXITED ? "status" : "signal", info.si_status));
    }
    const auto ended = std::move(events_.ended);
    const auto outcome = std::move(outcome_);
    ended(outcome); // may destroy this object
}

} // namespace rtnode::jobs
