#include "worker/failpoint.hpp"

#include "state/error.hpp"

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <unistd.h>

namespace rtnode::worker {

const std::vector<std::string_view>& failpoint_names() {
    static const std::vector<std::string_view> names{
        "after-lock",     "after-metadata", "after-solve",   "after-download", "before-assembly",
        "after-assembly", "after-commit",   "before-deploy", "after-deploy",   "after-cleanup",
    };
    return names;
}

void failpoint(std::string_view name) {
    const char* wanted = std::getenv("RTNODE_FAILPOINT");
    if (wanted == nullptr) return;
    const std::string_view text(wanted);
    const auto equals = text.find('=');
    if (text.substr(0, equals) != name) return;
    const auto action = equals == std::string_view::npos ? std::string_view{"kill"} : text.substr(equals + 1);
    if (action == "error") throw fail(Reason::Internal, "failpoint '{}' was asked for by RTNODE_FAILPOINT", name);
    if (action == "wait") {
        fmt::print(stderr, "failpoint '{}': held\n", name);
        for (;;)
            pause();
    }
    raise(SIGKILL);
}

} // namespace rtnode::worker
