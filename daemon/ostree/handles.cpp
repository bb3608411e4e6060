#include "ostree/handles.hpp"

namespace rtnode::ostree {

Reason reason_for(const GError& error, Reason fallback) {
    if (error.domain == G_IO_ERROR && error.code == G_IO_ERROR_NO_SPACE) return Reason::NoSpace;
    const std::string_view message = error.message ? error.message : "";
    const auto says = [&](std::string_view part) { return message.find(part) != std::string_view::npos; };
    // libostree has no own code for these: strerror()'s text and its messages are the only sign.
    if (says("No space left on device") || says("min-free-space")) return Reason::NoSpace;
    if (says("Corrupted") || says("orrupt") || says("checksum expected") || says("invalid checksum"))
        return Reason::CorruptObject;
    if (error.domain == G_IO_ERROR && error.code == G_IO_ERROR_NOT_FOUND &&
        (says("No such metadata object") || says("Couldn't find file object") || says("No such file object")))
        return Reason::PartialCommit;
    return fallback;
}

void ErrorSlot::raise(Reason reason, const std::string& context) const {
    const Reason actual = error_ ? reason_for(*error_, reason) : reason;
    std::string_view remedy;
    if (actual == Reason::NoSpace)
        remedy = "; free space there (for instance drop an old deployment with `ostree admin undeploy`) and try again";
    else if (actual == Reason::CorruptObject)
        remedy = "; run `ostree fsck` on the repository, then pull the base commit again";
    else if (actual == Reason::PartialCommit)
        remedy = "; the commit is not complete in the repository: pull it again";
    throw fail(actual, "{}: {}{}", context, message(), remedy);
}

} // namespace rtnode::ostree
