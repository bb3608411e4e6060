#include "process.hpp"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstring>
#include <stdexcept>

extern char** environ;

namespace rtnode::test {
namespace {

pid_t spawn(const Words& command, const Variables& variables, const std::string& log_file, int out) {
    std::vector<std::string> environment;
    for (char** variable = environ; *variable != nullptr; ++variable)
        environment.emplace_back(*variable);
    for (const auto& [name, value] : variables)
        environment.push_back(name + "=" + value);
    std::vector<char*> argv, envp;
    auto words = command;
    for (auto& word : words)
        argv.push_back(word.data());
    argv.push_back(nullptr);
    for (auto& variable : environment)
        envp.push_back(variable.data());
    envp.push_back(nullptr);

    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    if (out >= 0)
        posix_spawn_file_actions_adddup2(&actions, out, 1);
    else
        posix_spawn_file_actions_addopen(&actions, 1, log_file.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0644);
    posix_spawn_file_actions_adddup2(&actions, 1, 2);
    pid_t pid = -1;
    const int e = posix_spawnp(&pid, argv[0], &actions, nullptr, argv.data(), envp.data());
    posix_spawn_file_actions_destroy(&actions);
    if (e != 0) throw std::runtime_error(command[0] + ": " + std::strerror(e));
    return pid;
}

int reap(pid_t pid) {
    int status = 0;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

} // namespace

Ran run(const Words& command, const Variables& variables) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) throw std::runtime_error("pipe");
    const pid_t pid = spawn(command, variables, {}, ends[1]);
    close(ends[1]);
    Ran ran;
    std::array<char, 4096> part{};
    for (ssize_t n = 0; (n = read(ends[0], part.data(), part.size())) > 0;)
        ran.out.append(part.data(), static_cast<std::size_t>(n));
    close(ends[0]);
    ran.status = reap(pid);
    return ran;
}

Process::Process(const Words& command, const std::string& log_file, const Variables& variables)
    : pid_(spawn(command, variables, log_file, -1)) {}

Process::~Process() {
    if (pid_ < 0) return;
    kill(pid_, SIGKILL);
    reap(pid_);
}

void Process::signal(int number) const {
    kill(pid_, number);
}

int Process::wait() {
    const int status = reap(pid_);
    pid_ = -1;
    return status;
}

} // namespace rtnode::test
