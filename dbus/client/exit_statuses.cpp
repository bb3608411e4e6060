#include "client/exit_statuses.hpp"

#include <fmt/format.h>

#include <map>

namespace rtnode::client {

std::string exit_statuses(const ExitStatuses& own) {
    std::map<Exit, std::string> all(own.begin(), own.end());
    for (const auto& [exit, when] : ExitStatuses{{Exit::ok, "done"},
                                                 {Exit::failed, "rtnoded refused it, or it failed"},
                                                 {Exit::usage, "wrong arguments"},
                                                 {Exit::not_authorized, "not authorised"},
                                                 {Exit::unreachable, "no bus or no daemon there, or it went away"}})
        all.emplace(exit, when);
    std::string out = "Exit status:";
    for (const auto& [exit, when] : all)
        out += fmt::format("\n  {:<3}  {}", static_cast<int>(exit), when);
    return out;
}

std::string job_exit_statuses() {
    return exit_statuses({{Exit::ok, "the job is done, or it had nothing to do"},
                          {Exit::failed, "the job failed, was canceled or interrupted, or rtnoded refused it"},
                          {Exit::unchanged, "it had nothing to do, with --unchanged-exit-77"},
                          {Exit::interrupted, "Ctrl-C; the job goes on"}});
}

} // namespace rtnode::client
