#include "worker/new_base.hpp"

#include "ostree/base.hpp"
#include "ostree/foreign.hpp"
#include "worker/failpoint.hpp"

namespace rtnode::worker {

NewBase move_to_new_base(const WorkOrder& order, Node& node, Reporter& reporter) {
    auto& start = node.ground.start;
    NewBase base{.before = start.base_checksum};
    if (order.request.kind != JobKind::update || !order.request.pull) return base;
    const auto from = ostree::remote_of(start.origin);
    reporter.step("Pulling " + from.str());
    base.pulled = ostree::pull(node.sysroot, from, std::to_string(order.job), start.base_checksum, canceled);
    failpoint("after-pull");
    const auto& checksum = base.pulled->checksum();
    const auto version = ostree::metadata_string(node.sysroot, checksum, "version");
    reporter.end_step(base.before == checksum ? "nothing new" : version.empty() ? checksum.substr(0, 7) : version);
    if (!from.remote.empty()) base.refs[from.str()] = checksum;
    if (base.before == checksum) return base;
    ostree::check_new_base(node.sysroot, checksum);
    start.base_checksum = checksum;
    start.base_version = version;
    return base;
}

DesiredPackages desired_of(const Node& node, const NewBase& new_base) {
    auto start = node.ground.start;
    start.base_checksum = new_base.before; // what it is layered on
    auto desired = DesiredPackages::of(start.origin);
    desired.layered = ostree::layered_from_repositories(node.sysroot, start);
    return desired;
}

void put_back(DesiredPackages& desired, const Node& node, const Request& request, Reporter& reporter) {
    if (request.restore.empty()) return;
    const auto& booted = node.ground.merge;
    if (booted.checksum != request.restore)
        throw fail(
            Reason::DeploymentsChanged,
            "the changes of deployment {} were to be put back, and it isn't the booted one any more ({} is); look "
            "at 'rtnodectl status' and ask again",
            request.restore, booted.checksum);
    auto lost = DesiredPackages::of(booted.origin);
    reporter.log(fmt::format("Putting back what the pending deployment lost: {}", lost.summary()));
    desired.remove.merge(lost.remove);
    desired.replace.merge(lost.replace);
    desired.install.merge(lost.install);
    const auto& origin = booted.origin;
    if (!origin.requested.empty() || !origin.overrides_replace.empty() || !origin.requested_fileoverride.empty())
        reporter.warn(
            "the booted deployment also has packages that rpm-ostree layered from repositories; rtnode doesn't "
            "put those back: 'rpm-ostree status' shows them");
}

} // namespace rtnode::worker
