#pragma once
// The daemon on the bus: connection, name, objects. sdbus-c++ is not seen beyond this folder.

#include "loop/event_loop.hpp"
#include "state/deployment.hpp"
#include "state/error.hpp"
#include "state/profile.hpp"
#include "state/repository.hpp"

#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace rtnode {
struct Request;
}
namespace rtnode::jobs {
class Queue;
}

namespace rtnode::bus {

struct LatencySettings;

struct ServiceOptions {
    std::string address;       ///< "" = the system bus
    bool private_node = false; ///< a node in a folder: reboot is out of reach
    std::function<std::string(const Request&, std::uint32_t job)> make_order; ///< the WorkOrder as JSON
    std::function<LatencySettings()> latency;
    /// What only a worker can verify: calls back with {"checks": […]}, or the error.
    std::function<void(std::function<void(const std::string& result, const Error* error)>)> inspect;
    std::function<bool()> reapply; ///< whether changes that a new base lost are put back at once ([update] reapply)
    std::function<std::vector<Repository>()> repositories; ///< enabled ones
    std::function<std::string()> profile;                  ///< the configured one's name; "" = none
    /// The profile of that name, read now. @throws Error{Configuration}
    std::function<Profile(const std::string& name)> load_profile;
    std::function<std::string(const Profile&)> profile_text; ///< as its file would be, for other nodes
    std::function<std::string()> settings_text;              ///< those that other nodes may have, without any secret
    std::function<bool()> repair_drift; ///< whether a node that isn't as its profile says is made so
    std::filesystem::path state_dir;
    std::function<void()> job_ended;                  ///< deployments may have changed
    std::function<void(const std::string& why)> lost; ///< the bus is gone
};

class Service {
  public:
    static constexpr const char* name = "org.rtnode1";

    /// Connects, puts the objects there, takes the name.
    /// @throws Error{Internal}: no bus, or another daemon has the name already
    Service(EventLoop& loop, jobs::Queue& queue, ServiceOptions options);
    ~Service();

    void set_deployments(std::vector<Deployment> deployments);
    void look_at_profile(); ///< the configuration may name another one, or its file be another

    /// Ends the measurements, for the daemon's own end, and stores them: at most an interval (1 s) later.
    void end_measurements();

    /// The node's state, the newest measurement on request, running or ended, and where the regression watch stands, in
    /// Prometheus' text format.
    std::string metrics();

  private:
    struct Private;
    std::unique_ptr<Private> p_;
};

} // namespace rtnode::bus
