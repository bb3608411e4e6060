#pragma once
// The daemon as rtnodectl sees it: plain values in and out. The only place here that knows sdbus-c++.

#include "client/client_error.hpp"
#include "client/fields.hpp"

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace rtnode::client {

using Option = std::variant<bool, std::uint32_t, std::string, std::vector<std::string>>;
using Options = std::map<std::string, Option>; ///< the a{sv} of a request; keys as org.rtnode1.Manager documents them

/// The properties of one object, kept up to date by its PropertiesChanged signals while Bus::wait() runs.
class Watched {
  public:
    virtual ~Watched() = default;

    const Json& properties() const { return properties_; }

    /// Whether a signal came since the last call.
    bool take_changed() { return std::exchange(changed_, false); }

    /// Reads everything anew: also what changes without a signal.
    virtual void refresh() = 0;

  protected:
    Json properties_ = Json::object();
    bool changed_ = false;
};

/// One connection. Every member throws ClientError with the daemon's own message, or one that says what to do.
class Bus {
  public:
    /// @param address of the bus; "" is the system bus
    explicit Bus(const std::string& address);
    ~Bus();
    Bus(const Bus&) = delete;
    Bus& operator=(const Bus&) = delete;

    /// Asks the bus alone: any call to the daemon would have it started.
    bool daemon_is_there();

    Json manager(); ///< all properties of org.rtnode1.Manager

    // Each returns the new job's object path.
    std::string override_packages(const std::vector<std::string>& replace, const std::vector<std::string>& remove,
                                  const std::vector<std::string>& install, const Options& options);
    /// @param replace, install open descriptors; they stay the caller's
    std::string override_files(const std::vector<int>& replace, const std::vector<std::string>& remove,
                               const std::vector<int>& install, const Options& options);
    std::string reset_overrides(const std::vector<std::string>& names, const Options& options);
    std::string set_kernel_arguments(const std::vector<std::string>& append, const std::vector<std::string>& remove,
                                     const Options& options);
    std::string rollback(const Options& options);
    std::string drop_pending(const Options& options);
    std::string update(const Options& options);
    std::string import_repository(const std::string& source, const std::string& name, const Options& options);
    Json repositories(); ///< rows as ListRepositories has them
    std::string apply(const std::string& profile, const Options& options);
    std::string accept(const Options& options);
    Json explain(const std::string& profile);                                ///< rows as Explain has them
    Json verify();                                                           ///< rows as Verify has them
    std::string exported(const std::string& format, const Options& options); ///< the text that Export gives

    void reboot(const Options& options);
    void cancel_reboot();

    Json job(const std::string& path); ///< all properties of org.rtnode1.Job
    void cancel_job(const std::string& path);
    /// Lines from number @p from on, and what to ask for next; no lines: that was all.
    std::pair<std::vector<std::string>, std::uint64_t> job_log(const std::string& path, std::uint64_t from);
    std::unique_ptr<Watched> watch_job(const std::string& path);

    std::string start_measurement(const Options& options); ///< the object path
    std::string start_watch(const Options& options);       ///< the object path
    Json last_watch();                                     ///< as org.rtnode1.Latency.LastWatch
    Json measurements();                                   ///< rows {path, name, state}
    Json measurement(const std::string& path);             ///< all properties of org.rtnode1.Measurement
    void stop_measurement(const std::string& path);
    Json compare(const std::string& a, const std::string& b); ///< as org.rtnode1.Latency.Compare gives it
    std::string report(const std::string& path, const std::string& format);
    std::unique_ptr<Watched> watch_measurement(const std::string& path);

    /// How long a call may take from now on. At first it is minutes: a request may wait for a person's password.
    void limit_calls(std::chrono::seconds limit);

    enum class Woken { bus, descriptor, time };
    /// Waits for a message, for @p descriptor to be readable, or for the time to pass; handles messages.
    /// @throws ClientError (unreachable) when the daemon or the bus went away
    Woken wait(int descriptor, std::optional<std::chrono::milliseconds> time);

  private:
    struct Connection;
    std::unique_ptr<Connection> connection_;
};

/// Object paths of what the user names by its number.
std::string job_path(std::uint64_t number);
std::string measurement_path(std::uint64_t number);

} // namespace rtnode::client
