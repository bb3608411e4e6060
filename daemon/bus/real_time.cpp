// Manager's property WillLoseRealTime: a base that somebody else deploys must not cost the node its real-time kernel
// unseen.

#include "bus/manager_object.hpp"
#include "jobs/outcome.hpp"
#include "loop/journal.hpp"
#include "state/request.hpp"

namespace rtnode::bus {

bool ManagerObject::loses_real_time() const {
    const auto *coming = next(), *now = current();
    return now != nullptr && coming != now && now->real_time && !coming->real_time &&
           !jobs::wanted_kernel(queue_.jobs(), coming->checksum, now->checksum);
}

void ManagerObject::look_for_real_time() {
    if (queue_.busy()) return; // its result will say whether it wanted that
    const bool loses = loses_real_time();
    const auto* coming = next();
    if (!loses) warned_of_.clear();
    if (loses != will_lose_real_time_) {
        will_lose_real_time_ = loses;
        announce([&] { emitPropertiesChangedSignal(Manager_adaptor::INTERFACE_NAME, {"WillLoseRealTime"}); });
    }
    if (!loses || warned_of_ == coming->checksum) return;
    warned_of_ = coming->checksum;
    // A deployment of an older base is somebody's way back, not an update.
    const bool puts_back = parts_.reapply && parts_.reapply() && coming->base_timestamp > current()->base_timestamp;
    journal::log(
        journal::Priority::warning,
        fmt::format("the deployment that is booted next ({}, kernel {}) has no real-time kernel, the one of now "
                    "has ({}), and no job of rtnode asked for that; {}",
                    coming->checksum, coming->kernel, current()->kernel,
                    puts_back ? "a job puts it back, as [update] reapply says"
                              : "'rtnodectl update --no-pull' puts it back, 'rtnodectl drop-pending' drops that "
                                "deployment"),
        {{"MESSAGE_ID", std::string(journal::real_time_lost)}, {"RTNODE_DEPLOYMENT", coming->checksum}});
    if (puts_back) reapply();
}

void ManagerObject::reapply() {
    Request request;
    request.kind = JobKind::update;
    request.pull = false;
    try {
        enqueue(request, {}, "rtnoded ([update] reapply)");
    } catch (const Error& e) {
        journal::log(journal::Priority::error,
                     fmt::format("the job that puts the real-time kernel back was not queued: {}", e.what()),
                     {{"MESSAGE_ID", std::string(journal::real_time_lost)}});
    }
}

} // namespace rtnode::bus
