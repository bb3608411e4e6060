#pragma once
// The daemon that a worker works for, asked by its bus name as any client does: the measurement is in the daemon, and
// only the daemon knows what its jobs intended. For the worker, which has no loop.

#include "state/verification.hpp"

#include <nlohmann/json.hpp>

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <variant>
#include <vector>

namespace rtnode::host {

class OwnDaemon {
  public:
    using Option = std::variant<bool, std::uint32_t, double, std::string>;
    using Options = std::map<std::string, Option>;

    /// @throws Error{Internal} when nobody listens at that address
    explicit OwnDaemon(const std::string& bus_address);
    ~OwnDaemon();
    OwnDaemon(const OwnDaemon&) = delete;
    OwnDaemon& operator=(const OwnDaemon&) = delete;

    /// Manager.Verify. @throws Error with the daemon's reason and message
    std::vector<Check> verify();

    /// Latency.Start, and waits for the end. @param canceled asked five times a second; then the run is stopped
    /// @returns its object path. @throws Error with the daemon's reason and message, Error{Canceled}
    std::string measure(const Options& options, const std::function<bool()>& canceled);

    /// Measurement.GetReport("json").
    nlohmann::json report(const std::string& measurement);

    /// Latency.Compare(a, b): its dictionary.
    nlohmann::json compare(const std::string& a, const std::string& b, const Options& options);

  private:
    struct Private;
    std::unique_ptr<Private> p_;
};

} // namespace rtnode::host
