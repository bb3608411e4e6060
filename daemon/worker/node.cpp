#include "worker/node.hpp"

#include "host/rpm_ostree.hpp"
#include "host/selinux.hpp"
#include "ostree/base.hpp"
#include "ostree/deploy.hpp"
#include "ostree/pkgcache.hpp"
#include "worker/failpoint.hpp"

#include <fmt/format.h>

#include <chrono>
#include <thread>

namespace rtnode::worker {
namespace {

/// rpm-ostree locks the sysroot too for as long as it works, but only it can say what it is that we wait for.
void wait_for_rpm_ostree(const WorkOrder& order, std::chrono::steady_clock::time_point until, Reporter& reporter) {
    if (order.bus_address.empty()) return;
    for (bool said = false;; said = true) {
        const auto transaction = host::rpm_ostree_transaction(order.bus_address);
        if (!transaction) return;
        if (!said)
            reporter.log(fmt::format("Waiting for rpm-ostree: its transaction '{}' of client {} runs",
                                     transaction->method, transaction->client));
        throw_if_canceled();
        if (std::chrono::steady_clock::now() >= until)
            throw fail(Reason::SysrootLocked,
                       "rpm-ostree's transaction '{}' of client {} still runs after {} s; wait for it ('rpm-ostree "
                       "status') or end it ('rpm-ostree cancel'), then ask again",
                       transaction->method, transaction->client, order.lock_wait_s);
        std::this_thread::sleep_for(std::chrono::milliseconds(200));
    }
}

} // namespace

Node open_node(const WorkOrder& order, Reporter& reporter, const PackageStore& store, bool packages) {
    reporter.step("Checking the node");
    ostree::Sysroot sysroot(order.sysroot, order.private_node);
    // Before the lock: on a host that wasn't booted by OSTree even the lock file may be out of reach.
    auto host = ostree::host_facts();
    ostree::check_host(sysroot, host);
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(order.lock_wait_s);
    wait_for_rpm_ostree(order, until, reporter);
    auto lock = sysroot.lock(
        std::max(std::chrono::milliseconds(0),
                 std::chrono::duration_cast<std::chrono::milliseconds>(until - std::chrono::steady_clock::now())),
        canceled);
    failpoint("after-lock");
    for (const auto& leftover : ostree::remove_leftovers(sysroot))
        reporter.log("removed what an interrupted job left: " + leftover);

    host.confined_as = host::confined_by_selinux(sysroot.repo_folder() / "tmp");
    auto ground =
        ostree::preflight(sysroot, {.os = order.request.os,
                                    .packages = packages,
                                    .host = host,
                                    .have_payload = [&](const std::string& header_sha256, const std::string&) {
                                        return store.find(header_sha256).has_value();
                                    }});
    auto fingerprint = sysroot.fingerprint();
    reporter.end_step();
    return {std::move(sysroot), std::move(lock), std::move(ground), std::move(fingerprint)};
}

void check_unchanged(const Node& node) {
    if (node.sysroot.fingerprint() == node.fingerprint) return;
    throw fail(Reason::DeploymentsChanged,
               "somebody changed the deployments of {} while this job was working, so its plan is no longer right; "
               "nothing was changed by it. Look at 'ostree admin status' and repeat the request",
               node.sysroot.path().string());
}

WorkFolder::WorkFolder(const ostree::Sysroot& sysroot, std::uint64_t job)
    : path_(ostree::make_work_folder(sysroot, std::to_string(job))) {}

WorkFolder::~WorkFolder() {
    try {
        ostree::remove_work_folder(path_);
    } catch (const std::exception& error) {
        // The next job removes it with the lock held; failing a job that is done would be a lie.
        fmt::print(stderr, "the work folder {} stays for now: {}\n", path_.string(), error.what());
    }
}

} // namespace rtnode::worker
