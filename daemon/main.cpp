#include "daemon.hpp"
#include "loop/journal.hpp"
#include "state/error.hpp"

#include <CLI/CLI.hpp>

#include <cstdlib>

namespace {

std::filesystem::path folder_from(const char* variable, const char* otherwise) {
    const char* value = std::getenv(variable); // of systemd's StateDirectory=, CacheDirectory=
    return value != nullptr && *value != '\0' ? value : otherwise;
}

} // namespace

int main(int argc, char** argv) {
    CLI::App app{
        "Turns an OSTree node into a real-time node and measures its wake-up latency; serves org.rtnode1 on the "
        "system bus."};
    app.set_version_flag("--version", "rtnoded " RTNODE_VERSION);
    std::string sysroot, address, state, config;
    const std::string together = " (all four together)";
    auto* sysroot_option = app.add_option("--sysroot", sysroot,
                                          "work on a node in this folder instead of the running one; the host's own "
                                          "/boot, sysctls, buses and reboot stay out of reach" +
                                              together)
                               ->check(CLI::ExistingDirectory);
    auto* address_option = app.add_option("--bus-address", address, "serve on this bus" + together);
    auto* state_option =
        app.add_option("--state-dir", state, "folder for jobs, packages, results and the cache" + together);
    auto* config_option = app.add_option("--config", config,
                                         "folder with *.toml and repos.d/*.repo; the system's configuration is not "
                                         "read" +
                                             together)
                              ->check(CLI::ExistingDirectory);
    sysroot_option->needs(address_option)->needs(state_option)->needs(config_option);
    for (auto* option : {address_option, state_option, config_option})
        option->needs(sysroot_option);
    CLI11_PARSE(app, argc, argv);

    try {
        rtnode::Place place;
        if (!sysroot.empty()) {
            place.sysroot = std::filesystem::canonical(sysroot);
            place.private_node = true;
            place.bus_address = address;
            place.state_dir = std::filesystem::absolute(state);
            place.cache_dir = place.state_dir / "cache";
            place.config = std::filesystem::absolute(config);
        } else {
            place.state_dir = folder_from("STATE_DIRECTORY", "/var/lib/rtnode");
            place.cache_dir = folder_from("CACHE_DIRECTORY", "/var/cache/rtnode");
        }
        return rtnode::Daemon(place).run();
    } catch (const std::exception& e) {
        rtnode::journal::log(rtnode::journal::Priority::error, fmt::format("rtnoded can't go on: {}", e.what()));
        return 1;
    }
}
