#include "worker/node.hpp"

#include "ostree/base.hpp"
#include "ostree/deploy.hpp"
#include "ostree/pkgcache.hpp"
#include "worker/failpoint.hpp"

#include <fmt/format.h>

#include <chrono>

namespace rtnode::worker {

Node open_node(const WorkOrder& order, Reporter& reporter, const PackageStore& store, bool packages) {
    reporter.step("Checking the node");
    ostree::Sysroot sysroot(order.sysroot, order.private_node);
    // Before the lock: on a host that wasn't booted by OSTree even the lock file may be out of reach.
    const auto host = ostree::host_facts();
    ostree::check_host(sysroot, host);
    auto lock = sysroot.lock(std::chrono::seconds(order.lock_wait_s), canceled);
    failpoint("after-lock");
    for (const auto& leftover : ostree::remove_leftovers(sysroot))
        reporter.log("removed what an interrupted job left: " + leftover);

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
