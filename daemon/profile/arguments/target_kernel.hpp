#pragma once
// The kernel that a deployment will boot, and which arguments it understands.

#include <string>
#include <string_view>

namespace rtnode::profile {

/// From when on something is understood: a mainline version, and the build of Red Hat's older kernels that have it,
/// too.
struct Since {
    unsigned major = 0, minor = 0; ///< 0.0 = before 4.18, the oldest kernel that is met
    unsigned el = 0;               ///< 8 of "el8"; 0 = not in an older kernel of Red Hat's
    unsigned build = 0;            ///< of that release from this build on: 362 of "5.14.0-362.8.1.el9_3.x86_64"
    std::string_view other;        ///< what really has to be there when it isn't the kernel: "systemd 245"

    /// "before 4.18", "6.11", "5.6 (el8: build 193)", "systemd 245".
    std::string text() const;
};

struct TargetKernel {
    std::string release; ///< as uname -r says it
    unsigned major = 0, minor = 0;
    unsigned el = 0;        ///< 9 of "el9_4"; 0 = not Red Hat's
    unsigned build = 0;     ///< what follows the version: 427 of "5.14.0-427.13.1.el9_4.x86_64"; 0 = no number
    bool real_time = false; ///< its name says so: ".rt24.93.", "+rt", "-rt-", "-realtime"

    /// Reads a release as uname -r or a folder of /usr/lib/modules has it. @throws Error{InvalidArgument}
    static TargetKernel parse(std::string_view release);

    bool at_least(unsigned wanted_major, unsigned wanted_minor) const;
    bool understands(const Since& since) const;
};

} // namespace rtnode::profile
