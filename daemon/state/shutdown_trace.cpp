#include "state/shutdown_trace.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

namespace rtnode {
namespace {

constexpr std::string_view error_label = "error: "; // of ostree's command line, on stderr

void add_once(std::vector<std::string>& texts, std::string text) {
    if (std::find(texts.begin(), texts.end(), text) == texts.end()) texts.push_back(std::move(text));
}

} // namespace

ShutdownTrace trace_of(const std::vector<FinalizationEntry>& entries) {
    ShutdownTrace trace;
    std::string unit_result;
    for (const auto& entry : entries) {
        trace.orderly |= entry.message_id == unit_stopping_id;
        if (!entry.unit_result.empty()) unit_result = entry.unit_result;
        if (entry.message_id == finalizing_id) {
            trace.began = true;
            trace.checksum = entry.checksum;
        }
        trace.written |= entry.message_id == deployments_written_id;
        trace.nothing_staged |= entry.message.starts_with("No deployment staged for finalization");
        trace.locked |= entry.message.starts_with("Not finalizing");
        if (entry.message.starts_with(error_label)) add_once(trace.errors, entry.message.substr(error_label.size()));
    }
    if (trace.errors.empty() && !unit_result.empty())
        trace.errors.push_back(fmt::format("ostree-finalize-staged.service ended with the result '{}'", unit_result));
    return trace;
}

std::string fate_of(const std::string& checksum, const ShutdownTrace& trace) {
    if (trace.written && trace.checksum != checksum)
        return fmt::format("at the shutdown another one, {}, was finalized in its place, so somebody replaced it; "
                           "look at `ostree admin status`, then ask again",
                           trace.checksum);
    if (trace.written)
        return "it was finalized, so somebody moved the deployments afterwards, or the boot loader was told to boot "
               "another one; look at `ostree admin status`, then ask again";
    if (!trace.errors.empty())
        return fmt::format("finalizing it at the shutdown failed: {}. Put that right, then ask again",
                           fmt::join(trace.errors, "; "));
    if (trace.began) return "the node went down (power, reset) while it was finalized at the shutdown; ask again";
    if (trace.locked)
        return "finalizing it was locked (/run/ostree/staged-deployment-locked) by who staged last; ask again";
    if (trace.nothing_staged) return "it was no longer staged at the shutdown, so somebody dropped it; ask again";
    if (!trace.boot_known)
        return "why can't be told, because the journal of that boot isn't kept (see Storage= in journald.conf(5)); ask "
               "again";
    if (trace.orderly) return "ostree-finalize-staged.service was stopped at the shutdown but left no word; ask again";
    return "the node went down (power, reset, crash) without a shutdown, which would have finalized it; ask again";
}

} // namespace rtnode
