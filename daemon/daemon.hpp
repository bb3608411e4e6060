#pragma once
// The composition root: what the parts are, and how they are put together.

#include <filesystem>
#include <memory>
#include <optional>
#include <string>

namespace rtnode {

/// Where this daemon works. The defaults are the running node; with a sysroot folder nothing of the host is touched.
struct Place {
    std::filesystem::path sysroot = "/";
    bool private_node = false;
    std::string bus_address; ///< "" = the system bus
    std::filesystem::path state_dir, cache_dir;
    std::optional<std::filesystem::path> config; ///< replaces all configuration of the system
};

class Daemon {
  public:
    /// Reads the configuration, recovers the jobs, goes on the bus.
    /// @throws Error: Configuration, or Internal with what is in the way
    explicit Daemon(const Place& place);
    ~Daemon();

    int run(); ///< until SIGTERM or SIGINT; @returns the exit status

  private:
    struct Private;
    std::unique_ptr<Private> p_;
};

} // namespace rtnode
