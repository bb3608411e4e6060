#include "worker_run.hpp"

#include "namespaces.hpp"

#include <fmt/format.h>

#include <array>
#include <cstdlib>
#include <cstring>
#include <stdexcept>

#include <fcntl.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

namespace rtnode::tests {
namespace {

/// Above everything that is dup2'ed to below.
int high(int descriptor) {
    const int moved = fcntl(descriptor, F_DUPFD_CLOEXEC, 100);
    close(descriptor);
    return moved;
}

int order_memfd(const WorkOrder& order) {
    const auto text = nlohmann::json(order).dump();
    const int memfd = memfd_create("work-order", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (write(memfd, text.data(), text.size()) != static_cast<ssize_t>(text.size())) throw std::runtime_error("memfd");
    fcntl(memfd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL);
    return high(memfd);
}

void take(WorkerRun& run, const worker::Message& message, const RunOptions& options, pid_t child) {
    if (const auto* step = std::get_if<worker::Step>(&message)) {
        run.steps.push_back(step->name);
        if (options.on_step) options.on_step(step->name, child);
    } else if (const auto* log = std::get_if<worker::Log>(&message)) {
        run.log.push_back(log->line);
    } else if (std::get_if<worker::Deploying>(&message) != nullptr) {
        run.deploying = true;
    } else if (const auto* result = std::get_if<worker::Result>(&message)) {
        run.result = nlohmann::json::parse(result->object);
    } else if (const auto* failure = std::get_if<worker::Failure>(&message)) {
        run.failure = *failure;
    }
}

} // namespace

std::string WorkerRun::why() const {
    std::string text = fmt::format("exit status {}", status);
    if (failure) text += fmt::format("\n{}: {}", dbus_name(failure->reason), failure->message);
    for (const auto& line : log)
        text += "\n  log: " + line;
    for (const auto& step : steps)
        text += "\n  step: " + step;
    return text;
}

WorkerRun run_worker(const WorkOrder& order, const RunOptions& options) {
    std::array<int, 2> ends{};
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0) throw std::runtime_error("socketpair");
    const int ours = high(ends[0]), theirs = high(ends[1]), memfd = order_memfd(order);

    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, theirs, worker::socket_fd);
    posix_spawn_file_actions_adddup2(&actions, memfd, worker::order_fd);
    std::vector<int> passed;
    for (const int descriptor : options.descriptors)
        passed.push_back(fcntl(descriptor, F_DUPFD_CLOEXEC, 100));
    for (std::size_t index = 0; index < passed.size(); ++index)
        posix_spawn_file_actions_adddup2(&actions, passed[index], worker::first_passed_fd + static_cast<int>(index));
    std::vector<std::string> environment{"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C.UTF-8"};
    if (!options.failpoint.empty()) environment.push_back("RTNODE_FAILPOINT=" + options.failpoint);
    for (const auto* name : {"G_DEBUG", "ASAN_OPTIONS", "UBSAN_OPTIONS"})
        if (const char* value = std::getenv(name)) environment.push_back(std::string(name) + "=" + value);
    std::vector<char*> variables;
    for (auto& variable : environment)
        variables.push_back(variable.data());
    variables.push_back(nullptr);
    std::vector<std::string> words{RTNODE_WORKER};
    // nsenter stays as the worker's parent and ends as it did, by a signal too.
    if (options.machine != nullptr) words = options.machine->inside({"/run/rtnode-worker"});
    if (options.clean) words.push_back("--clean");
    const auto program = words.front();
    std::vector<char*> arguments;
    for (auto& word : words)
        arguments.push_back(word.data());
    arguments.push_back(nullptr);
    pid_t child = -1;
    const int failed = posix_spawnp(&child, program.c_str(), &actions, nullptr, arguments.data(), variables.data());
    posix_spawn_file_actions_destroy(&actions);
    close(theirs);
    close(memfd);
    for (const int descriptor : passed)
        close(descriptor);
    if (failed != 0) throw std::runtime_error("cannot start " + program + ": " + std::strerror(failed));

    WorkerRun run;
    std::string buffer(worker::max_datagram, '\0');
    for (ssize_t got = 0; (got = recv(ours, buffer.data(), buffer.size(), 0)) > 0;)
        take(run, worker::decode(std::string_view(buffer.data(), static_cast<std::size_t>(got))), options, child);
    close(ours);
    int status = 0;
    waitpid(child, &status, 0);
    run.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    return run;
}

} // namespace rtnode::tests
