#include "namespaces.hpp"

#include <fmt/format.h>

#include <array>
#include <fstream>
#include <stdexcept>

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

extern char** environ;

namespace rtnode::tests {

Namespaces::Namespaces(std::vector<std::string> command) {
    std::array<int, 2> end{}, ready{};
    if (pipe2(end.data(), O_CLOEXEC) != 0 || pipe2(ready.data(), O_CLOEXEC) != 0) throw std::runtime_error("no pipe");
    std::vector<char*> arguments;
    for (auto& word : command)
        arguments.push_back(word.data());
    arguments.push_back(nullptr);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, end[0], 0);
    posix_spawn_file_actions_adddup2(&actions, ready[1], 1);
    const int failed = posix_spawnp(&maker_, arguments[0], &actions, nullptr, arguments.data(), environ);
    posix_spawn_file_actions_destroy(&actions);
    close(end[0]);
    close(ready[1]);
    end_ = end[1];
    std::array<char, 64> line{};
    const auto got = read(ready[0], line.data(), line.size());
    close(ready[0]);
    if (failed != 0 || got <= 0) throw std::runtime_error(fmt::format("{} did not get ready", fmt::join(command, " ")));
}

Namespaces::~Namespaces() {
    close(end_);
    waitpid(maker_, nullptr, 0);
}

std::vector<std::string> Namespaces::inside(std::vector<std::string> command) const {
    command.insert(command.begin(), {"nsenter", fmt::format("--mount=/proc/{}/ns/mnt", maker_),
                                     fmt::format("--pid=/proc/{}/ns/pid_for_children", maker_),
                                     fmt::format("--net=/proc/{}/ns/net", maker_)});
    return command;
}

std::string Namespaces::mounts() const {
    std::ifstream stream(fmt::format("/proc/{}/mountinfo", maker_));
    return {std::istreambuf_iterator<char>(stream), {}};
}

std::string Namespaces::file(const std::string& path) const {
    std::ifstream stream(fmt::format("/proc/{}/root{}", maker_, path), std::ios::binary);
    return {std::istreambuf_iterator<char>(stream), {}};
}

} // namespace rtnode::tests
