// rtnode-worker: does one job of rtnoded and ends. See state/worker_message.hpp for what it inherits and says.

#include "assemble/sandbox.hpp"
#include "ostree/sysroot.hpp"
#include "worker/jobs.hpp"
#include "worker/reporter.hpp"
#include "worker/verify.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <string_view>

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace {

using namespace rtnode;

/// A worker whose daemon is gone has nobody to report to: it must not go on changing the node.
void die_with_parent() {
    const auto parent = getppid();
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    // It may have died before the call above. (If even earlier, then the first message finds nobody; see Reporter.)
    if (getppid() != parent) raise(SIGKILL);
}

bool is_open(int descriptor) {
    return fcntl(descriptor, F_GETFD) != -1;
}

WorkOrder read_order() {
    struct stat info {};
    if (fstat(worker::order_fd, &info) != 0)
        throw fail(Reason::Internal, "no work order on descriptor {}: rtnode-worker is started by rtnoded only",
                   worker::order_fd);
    std::string text(static_cast<std::size_t>(info.st_size), '\0');
    for (std::size_t done = 0; done < text.size();) {
        const auto got = pread(worker::order_fd, text.data() + done, text.size() - done, static_cast<off_t>(done));
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) throw fail(Reason::Internal, "cannot read the work order: {}", std::strerror(errno));
        done += static_cast<std::size_t>(got);
    }
    return nlohmann::json::parse(text).get<WorkOrder>();
}

/// What we inherited is for us, not for the sandbox that we start: a descriptor there would outlive us.
void keep_descriptors_to_ourselves() {
    constexpr int passed = 64; // OverrideFiles takes no more
    for (int descriptor = worker::socket_fd; descriptor < worker::first_passed_fd + passed; ++descriptor)
        if (is_open(descriptor)) fcntl(descriptor, F_SETFD, FD_CLOEXEC);
}

int work(worker::Reporter& reporter, std::string_view mode) {
    try {
        const auto order = read_order();
        if (mode == "--verify") {
            reporter.result(worker::verify(order).dump());
            return 0;
        }
        // Single-threaded still: libostree's remounts of /sysroot and /boot are then ours alone.
        if (!order.private_node) ostree::enter_private_mounts();
        if (mode == "--clean") {
            worker::clean(order, reporter);
            return 0;
        }
        auto result = worker::run(order, reporter);
        for (const auto& [step, seconds] : reporter.seconds()) {
            auto& sum = result["seconds"][step];
            sum = (sum.is_null() ? 0.0 : sum.get<double>()) + seconds;
        }
        result["warnings"] = reporter.warnings();
        reporter.result(result.dump());
        return 0;
    } catch (const Error& error) {
        reporter.failure(error.reason(), error.what());
    } catch (const std::exception& error) {
        reporter.failure(Reason::Internal,
                         fmt::format("the worker failed in a way that it has no name for: {}", error.what()));
    }
    return 1;
}

} // namespace

int main(int argc, char** argv) {
    const std::string_view mode = argc > 1 ? argv[1] : "";
    if (mode == "--sandbox") return assemble::sandbox_main();
    if (mode == "--version") {
        fmt::print("rtnode-worker {}\n", RTNODE_VERSION);
        return 0;
    }
    if (!mode.empty() && mode != "--clean" && mode != "--verify") {
        fmt::print(stderr,
                   "rtnode-worker is started by rtnoded; it takes --version, --clean, --verify or nothing, not '{}'\n",
                   mode);
        return 2;
    }
    die_with_parent();
    keep_descriptors_to_ourselves();
    worker::watch_for_cancel();
    worker::Reporter reporter(is_open(worker::socket_fd) ? worker::socket_fd : -1);
    return work(reporter, mode);
}
