#include "machine.hpp"

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

Machine::Machine(const TestNode& node) : node_(node) {
    std::array<int, 2> power{}, ready{};
    if (pipe2(power.data(), O_CLOEXEC) != 0 || pipe2(ready.data(), O_CLOEXEC) != 0) throw std::runtime_error("no pipe");
    std::vector<std::string> words{
        RTNODE_NODE_SCRIPTS "/boot",       "--worker", RTNODE_WORKER, node.sysroot.string(), "sh", "-c",
        "echo booted; exec cat >/dev/null"};
    std::vector<char*> arguments;
    for (auto& word : words)
        arguments.push_back(word.data());
    arguments.push_back(nullptr);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, power[0], 0);
    posix_spawn_file_actions_adddup2(&actions, ready[1], 1);
    const int failed = posix_spawn(&init_, arguments[0], &actions, nullptr, arguments.data(), environ);
    posix_spawn_file_actions_destroy(&actions);
    close(power[0]);
    close(ready[1]);
    power_ = power[1];
    std::array<char, 64> line{};
    const auto got = read(ready[0], line.data(), line.size());
    close(ready[0]);
    if (failed != 0 || got <= 0) throw std::runtime_error("the node in " + node.sysroot.string() + " does not boot");
}

Machine::~Machine() {
    close(power_);
    waitpid(init_, nullptr, 0);
}

std::filesystem::path Machine::root() const {
    return fmt::format("/proc/{}/root", init_);
}

std::string Machine::mounts() const {
    std::ifstream stream(fmt::format("/proc/{}/mountinfo", init_));
    return {std::istreambuf_iterator<char>(stream), {}};
}

std::string Machine::file(const char* path) const {
    std::ifstream stream(root().string() + path, std::ios::binary);
    return {std::istreambuf_iterator<char>(stream), {}};
}

std::vector<std::string> Machine::inside(std::vector<std::string> command) const {
    command.insert(command.begin(), {"nsenter", fmt::format("--mount=/proc/{}/ns/mnt", init_),
                                     fmt::format("--pid=/proc/{}/ns/pid_for_children", init_)});
    return command;
}

std::string Machine::output(std::vector<std::string> command) const {
    return output_of(inside(std::move(command)));
}

int Machine::status(std::vector<std::string> command) const {
    return status_of(inside(std::move(command)));
}

WorkOrder Machine::order(Request request) const {
    auto order = node_.order(std::move(request));
    order.sysroot = "/";
    order.state_dir = "/var/lib/rtnode";
    order.cache_dir = "/var/cache/rtnode";
    order.private_node = false;
    return order;
}

WorkerRun Machine::run(Request request, RunOptions options) const {
    options.machine = init_;
    return run_worker(order(std::move(request)), options);
}

int Machine::finalize() const {
    return status({"ostree", "admin", "finalize-staged"});
}

} // namespace rtnode::tests
