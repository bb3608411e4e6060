#include "rpm/configuration.hpp"

#include "rpm/handles.hpp"
#include "state/error.hpp"

#include <rpm/rpmlib.h>
#include <rpm/rpmlog.h>

namespace rtnode::rpm {
namespace {

int say_nothing(rpmlogRec, rpmlogCallbackData) {
    return 0; // librpm would write to stderr; what matters is in our exceptions
}

bool configure() {
    rpmlogSetCallback(say_nothing, nullptr);
    if (rpmReadConfigFiles(nullptr, nullptr) != 0)
        throw fail(Reason::Internal,
                   "librpm could not read its configuration in /usr/lib/rpm; reinstall librpm's data");
    // Distributions may prefer another back end. It is the one to write; to read, librpm falls back on what is there.
    rpmPushMacro(nullptr, "_db_backend", nullptr, "sqlite", RMIL_CMDLINE);
    return true;
}

} // namespace

void read_configuration() {
    [[maybe_unused]] static const bool done = configure();
}

} // namespace rtnode::rpm
