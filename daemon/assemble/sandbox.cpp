#include "assemble/sandbox.hpp"

#include "assemble/channel.hpp"
#include "assemble/root.hpp"
#include "assemble/stages.hpp"
#include "rpm/configuration.hpp"
#include "state/unique_fd.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>

namespace rtnode::assemble {
namespace {

SandboxSpec read_spec() {
    struct stat about {};
    if (fstat(spec_fd, &about) != 0) throw fail(Reason::Internal, "the sandbox got no description of its work");
    std::string text(static_cast<std::size_t>(about.st_size), '\0');
    if (pread(spec_fd, text.data(), text.size(), 0) != about.st_size)
        throw fail(Reason::Internal, "the description of the sandbox's work is cut short");
    close(spec_fd);
    return nlohmann::json::parse(text).get<SandboxSpec>();
}

void write_result(const SandboxResult& result) {
    const auto text = nlohmann::json(result).dump();
    for (std::size_t done = 0; done < text.size();) {
        const auto wrote = write(result_fd, text.data() + done, text.size() - done);
        if (wrote <= 0) throw fail(Reason::Internal, "the sandbox's result could not be written");
        done += static_cast<std::size_t>(wrote);
    }
}

/// Runs `body`; what it throws goes to the other end. @returns the exit status
template <typename Body>
int report(Body body) {
    Channel channel;
    try {
        body(channel);
        return 0;
    } catch (const Error& error) {
        channel.error(error, false);
    } catch (const std::exception& error) {
        channel.error(fail(Reason::Internal, "the sandbox failed: {}", error.what()), false);
    }
    return 1;
}

/// pid 1 of the inner world. `life` closes with the outer process.
[[noreturn]] void inner(const SandboxSpec& spec, int life) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    // It may have died before the line above; getppid() says 0 in a pid namespace of its own.
    pollfd outer{life, POLLIN, 0};
    if (poll(&outer, 1, 0) != 0) _exit(1);
    close(life);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, nullptr);
    _exit(report([&](Channel& channel) {
        enter_root(spec);
        write_result(run_stages(spec, channel));
    }));
}

/// Waits for the inner world; SIGTERM ends it. @returns its exit status
int guard(pid_t child) {
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGCHLD);
    for (;;) {
        int status = 0;
        if (const auto got = waitpid(child, &status, WNOHANG); got == child)
            return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
        siginfo_t info{};
        // Killing pid 1 kills its whole world, and waitpid() returns after the last process and mount of it are gone.
        if (sigwaitinfo(&signals, &info) == SIGTERM) kill(child, SIGKILL);
    }
}

int outer(const SandboxSpec& spec) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != spec.parent) return 1;
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGCHLD);
    sigprocmask(SIG_BLOCK, &signals, nullptr);

    std::array<int, 2> life{};
    if (pipe2(life.data(), O_CLOEXEC) != 0) return 1;
    // A plain clone, not unshare: with unshare(CLONE_NEWPID) the first child's end would end all further forks. The
    // process has one thread, so what fork(2) may do, this may.
    const auto child = static_cast<pid_t>(
        syscall(SYS_clone, CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWNET | SIGCHLD, nullptr,
                nullptr, nullptr, nullptr));
    if (child < 0) {
        const int error = errno;
        Channel().error(fail(Reason::SandboxUnavailable,
                             "the kernel refused new namespaces: {}; rtnode needs CAP_SYS_ADMIN and namespaces",
                             std::strerror(error)),
                        false);
        return 1;
    }
    if (child == 0) {
        close(life[1]);
        inner(spec, life[0]);
    }
    close(life[0]);
    return guard(child);
}

} // namespace

int sandbox_main() {
    int status = 1;
    const int reported = report([&](Channel&) {
        const auto spec = read_spec();
        // Nothing of this must reach a scriptlet.
        const int last = first_package_fd + static_cast<int>(spec.install.size());
        for (int descriptor = channel_fd; descriptor < last; ++descriptor)
            fcntl(descriptor, F_SETFD, FD_CLOEXEC);
        close_range(static_cast<unsigned>(last), ~0U, 0);
        rpm::read_configuration(); // the host's librpm has its configuration on the host
        status = outer(spec);
    });
    return reported != 0 ? reported : status;
}

} // namespace rtnode::assemble
