#include "assemble/sandbox_process.hpp"

#include "assemble/sandbox.hpp"

#include <fmt/ranges.h>

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <array>
#include <cstring>
#include <memory>

namespace rtnode::assemble {
namespace {

constexpr std::size_t tail_lines = 8;
constexpr std::size_t longest_line = 4096; // bytes; longer output lines are cut into several
constexpr std::chrono::milliseconds cancel_poll{250};

UniqueFd memory_file(const char* name, std::string_view content = {}) {
    UniqueFd file(memfd_create(name, MFD_CLOEXEC));
    for (std::size_t done = 0; file && done < content.size();) {
        const auto wrote = write(file.get(), content.data() + done, content.size() - done);
        if (wrote <= 0)
            throw fail(Reason::Internal, "the description of the work could not be written: {}", std::strerror(errno));
        done += static_cast<std::size_t>(wrote);
    }
    if (!file) throw fail(Reason::SandboxUnavailable, "no memory file could be made: {}", std::strerror(errno));
    return file;
}

std::string content_of(int file) {
    std::string content;
    std::array<char, 65536> buffer{};
    for (off_t at = 0;;) {
        const auto got = pread(file, buffer.data(), buffer.size(), at);
        if (got <= 0) return content;
        content.append(buffer.data(), static_cast<std::size_t>(got));
        at += got;
    }
}

struct FileActions {
    FileActions() { posix_spawn_file_actions_init(&value); }
    ~FileActions() { posix_spawn_file_actions_destroy(&value); }
    FileActions(const FileActions&) = delete;
    FileActions& operator=(const FileActions&) = delete;
    posix_spawn_file_actions_t value;
};

struct Attributes {
    Attributes() { posix_spawnattr_init(&value); }
    ~Attributes() { posix_spawnattr_destroy(&value); }
    Attributes(const Attributes&) = delete;
    Attributes& operator=(const Attributes&) = delete;
    posix_spawnattr_t value;
};

/// A clean environment: what scriptlets see is decided in the sandbox.
std::vector<std::string> environment() {
    std::vector<std::string> variables{"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C.UTF-8"};
    for (const auto* kept : {"ASAN_OPTIONS", "UBSAN_OPTIONS"})
        if (const char* value = getenv(kept)) variables.push_back(fmt::format("{}={}", kept, value));
    return variables;
}

} // namespace

SandboxProcess::SandboxProcess(const SandboxSpec& spec, const Assembly& assembly)
    : scriptlets_left_(std::chrono::seconds(assembly.scriptlet_limit_s)),
      dracut_limit_(std::chrono::seconds(assembly.dracut_limit_s)), scriptlet_limit_(assembly.scriptlet_limit_s) {
    std::array<int, 2> sockets{}, pipe{};
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets.data()) != 0)
        throw fail(Reason::SandboxUnavailable, "no socket for the sandbox could be made: {}", std::strerror(errno));
    channel_ = UniqueFd(sockets[0]);
    const UniqueFd their_channel(sockets[1]);
    if (pipe2(pipe.data(), O_CLOEXEC) != 0)
        throw fail(Reason::SandboxUnavailable, "no pipe for the sandbox could be made: {}", std::strerror(errno));
    output_ = UniqueFd(pipe[0]);
    const UniqueFd their_output(pipe[1]);
    fcntl(output_.get(), F_SETFL, O_NONBLOCK);
    const auto spec_file = memory_file("rtnode-sandbox-spec", nlohmann::json(spec).dump());
    result_ = memory_file("rtnode-sandbox-result");

    std::vector<UniqueFd> packages;
    std::vector<int> descriptors{their_output.get(), their_channel.get(), spec_file.get(), result_.get()};
    for (const auto& package : assembly.install) {
        packages.emplace_back(open(package.path.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
        if (!packages.back())
            throw fail(Reason::UnsafePath, "the file of package '{}' can't be opened any more: {}", package.nevra.str(),
                       std::strerror(errno));
        descriptors.push_back(packages.back().get());
    }
    spawn(descriptors);
}

/// `descriptors`: output, channel, spec, result, packages.
void SandboxProcess::spawn(const std::vector<int>& descriptors) {
    FileActions actions;
    posix_spawn_file_actions_addopen(&actions.value, 0, "/dev/null", O_RDONLY, 0);
    // First out of the way: a target number may be somebody's source.
    std::vector<UniqueFd> sources;
    const int beyond = first_package_fd + static_cast<int>(descriptors.size());
    for (const int descriptor : descriptors) {
        sources.emplace_back(fcntl(descriptor, F_DUPFD_CLOEXEC, beyond));
        if (!sources.back())
            throw fail(Reason::SandboxUnavailable, "too many open files for the sandbox: {}", std::strerror(errno));
    }
    posix_spawn_file_actions_adddup2(&actions.value, sources[0].get(), 1);
    posix_spawn_file_actions_adddup2(&actions.value, sources[0].get(), 2);
    posix_spawn_file_actions_adddup2(&actions.value, sources[1].get(), channel_fd);
    posix_spawn_file_actions_adddup2(&actions.value, sources[2].get(), spec_fd);
    posix_spawn_file_actions_adddup2(&actions.value, sources[3].get(), result_fd);
    for (std::size_t i = 4; i < sources.size(); ++i)
        posix_spawn_file_actions_adddup2(&actions.value, sources[i].get(), first_package_fd + static_cast<int>(i) - 4);

    Attributes attributes;
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawnattr_setsigmask(&attributes.value, &none);
    posix_spawnattr_setsigdefault(&attributes.value, &all);
    posix_spawnattr_setflags(&attributes.value, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);

    std::string program = "/proc/self/exe", argument(sandbox_argument);
    std::array<char*, 3> arguments{program.data(), argument.data(), nullptr};
    auto variables = environment();
    std::vector<char*> pointers;
    for (auto& variable : variables)
        pointers.push_back(variable.data());
    pointers.push_back(nullptr);
    if (const int error =
            posix_spawn(&pid_, program.c_str(), &actions.value, &attributes.value, arguments.data(), pointers.data());
        error != 0) {
        pid_ = -1;
        throw fail(Reason::SandboxUnavailable, "the sandbox could not be started: {}", std::strerror(error));
    }
}

SandboxProcess::~SandboxProcess() {
    if (pid_ > 0) end(true);
}

int SandboxProcess::end(bool kill_it) {
    // On SIGTERM the outer process kills the inner world and waits for it, so its own end is the end of all.
    if (kill_it) kill(pid_, SIGTERM);
    int status = 0;
    struct rusage usage {};
    while (wait4(pid_, &status, 0, &usage) < 0 && errno == EINTR) {
    }
    pid_ = -1;
    peak_memory_ = static_cast<std::uint64_t>(usage.ru_maxrss) * 1024;
    return status;
}

SandboxResult SandboxProcess::wait(Progress& progress) {
    bool open = true;
    while (open) {
        std::array<pollfd, 2> waiting{{{channel_.get(), POLLIN, 0}, {output_.get(), POLLIN, 0}}};
        auto timeout = cancel_poll;
        if (!running_.empty()) {
            const auto limit = limit_ == Limit::dracut ? dracut_limit_ : scriptlets_left_;
            const auto left = std::chrono::ceil<std::chrono::milliseconds>(began_ + limit - Clock::now());
            timeout = std::max(std::chrono::milliseconds(0), std::min(timeout, left));
        }
        poll(waiting.data(), waiting.size(), static_cast<int>(timeout.count()));
        if (progress.cancelled()) {
            end(true);
            throw fail(Reason::Canceled, "the job was canceled{}", running_.empty() ? "" : " during " + running_);
        }
        if (waiting[0].revents != 0)
            open = receive(progress);
        else if (waiting[1].revents != 0)
            read_output(progress);
        watch_clock(progress);
    }
    read_output(progress);
    flush_line(progress);
    const int status = end(false);
    if (status != 0)
        throw fail(Reason::WorkerDied,
                   "the sandbox ended without a result ({}{}); the journal of the kernel may say why",
                   WIFSIGNALED(status) ? fmt::format("signal {}", WTERMSIG(status))
                                       : fmt::format("exit status {}", WEXITSTATUS(status)),
                   last_lines_.empty() ? "" : fmt::format("; last output: {}", fmt::join(last_lines_, " / ")));
    try {
        return nlohmann::json::parse(content_of(result_.get())).get<SandboxResult>();
    } catch (const nlohmann::json::exception& error) {
        throw fail(Reason::Internal, "the sandbox's result makes no sense: {}", error.what());
    }
}

bool SandboxProcess::receive(Progress& progress) {
    std::string datagram(64 * 1024, '\0');
    const auto size = recv(channel_.get(), datagram.data(), datagram.size(), 0);
    if (size < 0 && (errno == EINTR || errno == EAGAIN)) return true;
    if (size <= 0) return false;
    datagram.resize(static_cast<std::size_t>(size));
    try {
        handle(nlohmann::json::parse(datagram), progress);
    } catch (const nlohmann::json::exception& error) {
        throw fail(Reason::Internal, "the sandbox sent something that makes no sense: {}", error.what());
    }
    return true;
}

void SandboxProcess::handle(const nlohmann::json& message, Progress& progress) {
    if (message.contains("step")) {
        progress.step(message["step"].get<std::string>());
    } else if (message.contains("log")) {
        progress.log(message["log"].get<std::string>());
    } else if (message.contains("warning")) {
        progress.warn(message["warning"].get<std::string>() + last_output());
    } else if (message.contains("began")) {
        read_output(progress);
        flush_line(progress);
        last_lines_.clear();
        running_ = last_program_ = message["began"].get<std::string>();
        limit_ = message["limit"] == "dracut" ? Limit::dracut : Limit::scriptlets;
        began_ = Clock::now();
        answer();
    } else if (message.contains("ended")) {
        read_output(progress);
        flush_line(progress);
        if (limit_ == Limit::scriptlets) scriptlets_left_ -= Clock::now() - began_;
        running_.clear();
        answer();
    } else if (message.contains("error")) {
        read_output(progress);
        flush_line(progress);
        fail_with(message, progress);
    }
}

void SandboxProcess::answer() {
    const char byte = 0;
    // When it is gone, the next receive() says so.
    static_cast<void>(send(channel_.get(), &byte, 1, MSG_NOSIGNAL));
}

std::string SandboxProcess::last_output() const {
    return last_lines_.empty() ? std::string() : fmt::format("; its last output: {}", fmt::join(last_lines_, " / "));
}

void SandboxProcess::fail_with(const nlohmann::json& message, Progress&) {
    auto reason = reason_of(message["error"].get<std::string>()).value_or(Reason::Internal);
    auto text = message["message"].get<std::string>();
    if (message["with-output"].get<bool>()) {
        const auto output = last_output();
        if (output.find("No space left on device") != std::string::npos) reason = Reason::NoSpace;
        text += output;
    }
    end(true);
    throw Error(reason, text);
}

void SandboxProcess::watch_clock(Progress& progress) {
    if (running_.empty()) return;
    const bool dracut = limit_ == Limit::dracut;
    if (Clock::now() < began_ + (dracut ? dracut_limit_ : scriptlets_left_)) return;
    read_output(progress);
    flush_line(progress);
    const auto limit = std::chrono::duration_cast<std::chrono::seconds>(dracut ? dracut_limit_ : scriptlet_limit_);
    end(true);
    throw fail(Reason::StepTimedOut, "{} '{}' did not end within the limit of {} s{}{}; the node is unchanged",
               dracut ? "the program" : "the scriptlet", running_, limit.count(),
               dracut ? "" : " for all scriptlets of a change",
               last_lines_.empty() ? "" : fmt::format("; its last output: {}", fmt::join(last_lines_, " / ")));
}

void SandboxProcess::read_output(Progress& progress) {
    std::array<char, 16384> buffer{};
    // Bounded: something that writes without end must not keep us from the clock.
    for (int round = 0; round < 64; ++round) {
        const auto got = read(output_.get(), buffer.data(), buffer.size());
        if (got <= 0) return;
        for (const char byte : std::string_view(buffer.data(), static_cast<std::size_t>(got))) {
            if (byte == '\n' || byte == '\r' || partial_line_.size() >= longest_line) flush_line(progress);
            if (byte != '\n' && byte != '\r') partial_line_ += byte;
        }
    }
}

void SandboxProcess::flush_line(Progress& progress) {
    if (!partial_line_.empty()) take_line(std::exchange(partial_line_, {}), progress);
}

void SandboxProcess::take_line(std::string line, Progress& progress) {
    const auto prefix = (last_program_.empty() ? "sandbox" : last_program_) + ": ";
    progress.log(line.starts_with(prefix) ? line : prefix + line);
    last_lines_.push_back(std::move(line));
    if (last_lines_.size() > tail_lines) last_lines_.pop_front();
}

} // namespace rtnode::assemble
