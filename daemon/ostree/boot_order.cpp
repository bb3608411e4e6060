#include "ostree/boot_order.hpp"

#include "ostree/sysroot_impl.hpp"
#include "ostree/write_deployments.hpp"

#include <algorithm>
#include <set>

namespace rtnode::ostree {
namespace {

/// Writes the order and returns what is first in the stateroot afterwards.
Deployment reorder(Sysroot& sysroot, const std::string& stateroot, const std::vector<GObj<OstreeDeployment>>& order,
                   const std::string& context) {
    const std::string first = label_of(order.front().get());
    write_deployments(sysroot, order, context);
    sysroot.reload();
    for (auto& deployment : sysroot.deployments())
        if (deployment.stateroot == stateroot) {
            if (label(deployment) != first)
                throw fail(Reason::DeployFailed, "{}: {} is first after it, not {}", context, label(deployment), first);
            return deployment;
        }
    throw fail(Reason::DeployFailed, "{}: no deployment of '{}' is left", context, stateroot);
}

} // namespace

Deployment rollback(Sysroot& sysroot, const std::string& stateroot) {
    const auto deployments = sysroot.deployments();
    const auto find = [&](auto&& wanted) {
        return std::find_if(deployments.begin(), deployments.end(), [&](const Deployment& deployment) {
            return deployment.stateroot == stateroot && wanted(deployment);
        });
    };
    const bool pending = find([](const Deployment& deployment) { return deployment.pending; }) != deployments.end();
    const auto target = pending ? sysroot.merge_deployment(stateroot) : [&] {
        const auto rollback = find([](const Deployment& deployment) { return deployment.rollback; });
        if (rollback == deployments.end())
            throw fail(Reason::NoRollbackDeployment,
                       "stateroot '{}' has no other deployment to roll back to; see `ostree admin status`", stateroot);
        return *rollback;
    }();
    return boot_next(sysroot, target);
}

Deployment boot_next(Sysroot& sysroot, const Deployment& target) {
    const auto chosen = sysroot.impl().find(target);
    std::vector<GObj<OstreeDeployment>> order;
    order.push_back(share(chosen.get()));
    for (auto& deployment : sysroot.impl().all())
        if (!ostree_deployment_is_staged(deployment.get()) && !ostree_deployment_equal(deployment.get(), chosen.get()))
            order.push_back(std::move(deployment));
    return reorder(sysroot, target.stateroot, order, fmt::format("cannot roll back to {}", label(target)));
}

void set_pinned(Sysroot& sysroot, const Deployment& deployment, bool pinned) {
    ErrorSlot error;
    error.check(ostree_sysroot_deployment_set_pinned(sysroot.impl().sysroot.get(),
                                                     sysroot.impl().find(deployment).get(), pinned, error.address()),
                Reason::DeployFailed, fmt::format("cannot {} {}", pinned ? "pin" : "unpin", label(deployment)));
}

Deployment drop_pending(Sysroot& sysroot, const std::string& stateroot) {
    const auto deployments = sysroot.deployments();
    std::set<unsigned> dropped;
    bool any = false;
    for (const auto& deployment : deployments)
        if (deployment.stateroot == stateroot && deployment.pending) {
            any = true;
            if (!deployment.pinned) dropped.insert(deployment.index);
        }
    if (!any)
        throw fail(Reason::NoPendingDeployment, "stateroot '{}' has no pending deployment; nothing to drop", stateroot);
    const auto merge = sysroot.impl().merge(stateroot);
    std::vector<GObj<OstreeDeployment>> order;
    order.push_back(share(merge.get()));
    unsigned index = 0;
    for (auto& deployment : sysroot.impl().all()) {
        if (!dropped.contains(index) && !ostree_deployment_equal(deployment.get(), merge.get()))
            order.push_back(std::move(deployment)); // a pinned pending one stays, but no longer boots next
        ++index;
    }
    return reorder(sysroot, stateroot, order, fmt::format("cannot drop the pending deployment of '{}'", stateroot));
}

} // namespace rtnode::ostree
