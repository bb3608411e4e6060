#include "rpm/configuration.hpp"

#include "rpm/handles.hpp"
#include "state/error.hpp"
#include "state/own_prefix.hpp"

#include <rpm/rpmfileutil.h>
#include <rpm/rpmlib.h>
#include <rpm/rpmlog.h>

#include <cstdlib>

namespace rtnode::rpm {
namespace {

int say_nothing(rpmlogRec, rpmlogCallbackData) {
    return 0; // librpm would write to stderr; what matters is in our exceptions
}

bool configure() {
    rpmlogSetCallback(say_nothing, nullptr);
    // In a prefix of our own librpm is ours, too, and so is its configuration.
    if (const auto folder = own_prefix() / "lib/rpm"; std::filesystem::exists(folder / "rpmrc"))
        setenv("RPM_CONFIGDIR", folder.c_str(), 0);
    if (rpmReadConfigFiles(nullptr, nullptr) != 0)
        throw fail(Reason::Internal, "librpm could not read its configuration in '{}'; reinstall librpm's data",
                   rpmConfigDir());
    // Distributions may prefer another back end. It is the one to write; to read, librpm falls back on what is there.
    rpmPushMacro(nullptr, "_db_backend", nullptr, "sqlite", RMIL_CMDLINE);
    return true;
}

} // namespace

void read_configuration() {
    [[maybe_unused]] static const bool done = configure();
}

} // namespace rtnode::rpm
