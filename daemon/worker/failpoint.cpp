#include "worker/failpoint.hpp"

#include "state/error.hpp"
#include "state/unique_fd.hpp"

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <string>
#include <unistd.h>

namespace rtnode::worker {
namespace {

/// The test is told where we are, and looks around until it lets us go on.
void meet(const std::string& folder, std::string_view name) {
    const auto line = fmt::format("{}\n", name);
    UniqueFd reached(::open((folder + "/reached").c_str(), O_WRONLY | O_CLOEXEC));
    if (!reached || ::write(reached.get(), line.data(), line.size()) < 0)
        throw fail(Reason::Internal, "failpoint '{}': {}/reached: {}", name, folder, std::strerror(errno));
    reached.reset();
    const UniqueFd go(::open((folder + "/go").c_str(), O_RDONLY | O_CLOEXEC));
    char word = 0;
    if (!go || ::read(go.get(), &word, 1) < 0)
        throw fail(Reason::Internal, "failpoint '{}': {}/go: {}", name, folder, std::strerror(errno));
}

} // namespace

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
    if (const auto wanted_name = text.substr(0, equals); wanted_name != name && wanted_name != "every") return;
    const auto action = equals == std::string_view::npos ? std::string_view{"kill"} : text.substr(equals + 1);
    if (action == "error") throw fail(Reason::Internal, "failpoint '{}' was asked for by RTNODE_FAILPOINT", name);
    if (action.starts_with('/')) return meet(std::string(action), name);
    if (action == "wait") {
        fmt::print(stderr, "failpoint '{}': held\n", name);
        for (;;)
            pause();
    }
    raise(SIGKILL);
}

} // namespace rtnode::worker
