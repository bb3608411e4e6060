#pragma once
// Which build of the real-time kernel `kernel=rt` takes, beside the base's stock kernel.

#include <string>
#include <string_view>

namespace rtnode {

struct KernelVersion {
    enum class Policy {
        match_base, ///< that of the base's kernel; another one is refused
        newest,     ///< the newest of the repositories
        pinned,     ///< `version`, or when that is empty the one that the node has
    };
    Policy policy = Policy::match_base;
    std::string version; ///< [epoch:]version[-release]

    /// "match-base", "newest", "pinned" or [epoch:]version[-release]; "" is match-base. @throws Error{InvalidArgument}
    static KernelVersion parse(const std::string& text);

    /// Whether this pins a build of that epoch-version-release.
    bool names(std::string_view evr) const;

    bool operator==(const KernelVersion&) const = default;
};

/// Whether a real-time kernel was built from the sources of that stock kernel. Red Hat's real-time builds were a
/// package of their own until RHEL 9.2, whose release has the counter of the real-time patches before the distribution:
/// kernel 4.18.0-147.el8 and kernel-rt 4.18.0-147.rt24.93.el8. Since then both have one release.
bool same_sources(const std::string& real_time_evr, const std::string& stock_evr);

} // namespace rtnode
