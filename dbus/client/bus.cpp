#include "client/bus.hpp"

#include "client/bus_error.hpp"
#include "client/variant_json.hpp"

#include "Job-proxy.hpp"
#include "Latency-proxy.hpp"
#include "Manager-proxy.hpp"
#include "Measurement-proxy.hpp"

#include <fmt/format.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <poll.h>

namespace rtnode::client {

namespace {

constexpr const char* service = "org.rtnode1";
constexpr const char* manager_path = "/org/rtnode1";
constexpr const char* latency_path = "/org/rtnode1/latency";

using Dictionary = std::map<std::string, sdbus::Variant>;

/// Requests may wait for a person who types a password.
constexpr std::chrono::seconds request_limit = std::chrono::minutes(3);

/// Every call to the daemon goes through here: sdbus-c++'s exceptions end at this folder's edge.
template <typename Call>
auto call(Call&& made) -> decltype(made()) {
    try {
        return made();
    } catch (const sdbus::Error& error) {
        throw client_error(error.getName(), error.getMessage());
    }
}

Dictionary dictionary(const Options& options) {
    Dictionary out;
    for (const auto& [key, value] : options)
        std::visit([&, &name = key](const auto& v) { out.emplace(name, sdbus::Variant(v)); }, value);
    return out;
}

std::vector<sdbus::UnixFd> descriptors(const std::vector<int>& fds) {
    std::vector<sdbus::UnixFd> out;
    for (const int fd : fds)
        out.emplace_back(fd); // a duplicate
    return out;
}

class ManagerProxy final : public sdbus::ProxyInterfaces<org::rtnode1::Manager_proxy> {
  public:
    explicit ManagerProxy(sdbus::IConnection& connection) : ProxyInterfaces(connection, service, manager_path) {
        registerProxy();
    }
    ~ManagerProxy() { unregisterProxy(); }

    Json properties() { return properties_of(getProxy(), INTERFACE_NAME); }

    static Json properties_of(sdbus::IProxy& proxy, const char* interface) {
        Dictionary all;
        proxy.callMethod("GetAll")
            .onInterface("org.freedesktop.DBus.Properties")
            .withArguments(interface)
            .storeResultsTo(all);
        return to_json(all);
    }

  private:
    // A client follows single jobs, by their properties.
    void onJobNew(const uint32_t&, const sdbus::ObjectPath&) override {}
    void onJobRemoved(const uint32_t&, const sdbus::ObjectPath&, const std::string&) override {}
};

class LatencyProxy final : public sdbus::ProxyInterfaces<org::rtnode1::Latency_proxy> {
  public:
    explicit LatencyProxy(sdbus::IConnection& connection) : ProxyInterfaces(connection, service, latency_path) {
        registerProxy();
    }
    ~LatencyProxy() { unregisterProxy(); }

  private:
    void onRegression(const sdbus::ObjectPath&, const sdbus::ObjectPath&, const Dictionary&) override {}
};

/// A job's or a measurement's proxy. The match for PropertiesChanged stands before the properties are read, so that
/// no change falls between.
template <typename Interface>
class ObjectProxy : public sdbus::ProxyInterfaces<Interface, sdbus::Properties_proxy>, public Watched {
    using Base = sdbus::ProxyInterfaces<Interface, sdbus::Properties_proxy>;

  public:
    ObjectProxy(sdbus::IConnection& connection, const std::string& path)
        : Base(connection, service, sdbus::ObjectPath(path)) {
        this->registerProxy();
    }
    ~ObjectProxy() override { this->unregisterProxy(); }

    void refresh() override {
        const Json all = call([&] { return to_json(this->GetAll(Interface::INTERFACE_NAME)); });
        for (const auto& [name, value] : all.items())
            properties_[name] = value;
    }

  private:
    void onPropertiesChanged(const std::string& interface, const Dictionary& changed,
                             const std::vector<std::string>&) override {
        if (interface != Interface::INTERFACE_NAME) return;
        for (const auto& [name, value] : changed)
            properties_[name] = to_json(value);
        changed_ = true;
    }

    // The State property says it too.
    void onWaitReply(const std::string&, const Dictionary&, const sdbus::Error*) override {}
};

using JobProxy = ObjectProxy<org::rtnode1::Job_proxy>;

class MeasurementProxy final : public ObjectProxy<org::rtnode1::Measurement_proxy> {
    using ObjectProxy::ObjectProxy;

    // The report has them all, also those of before we looked.
    void onSpike(const std::uint32_t&, const std::uint64_t&, const std::int64_t&, const std::int64_t&,
                 const std::int64_t&, const std::vector<std::string>&) override {}
};

template <typename Proxy>
std::unique_ptr<Watched> watched(sdbus::IConnection& connection, const std::string& path) {
    auto proxy = std::make_unique<Proxy>(connection, path);
    proxy->refresh();
    return proxy;
}

} // namespace

struct Bus::Connection {
    std::unique_ptr<sdbus::IConnection> bus;
    std::unique_ptr<sdbus::IProxy> driver; ///< org.freedesktop.DBus, which tells when the daemon goes away
    bool daemon_gone = false;

    ManagerProxy manager() { return ManagerProxy(*bus); }
};

Bus::Bus(const std::string& address) : connection_(std::make_unique<Connection>()) {
    try {
        connection_->bus = address.empty() ? sdbus::createSystemBusConnection()
                                           : sdbus::createSessionBusConnectionWithAddress(address);
        limit_calls(request_limit);
        connection_->driver = sdbus::createProxy(*connection_->bus, "org.freedesktop.DBus", "/org/freedesktop/DBus");
        connection_->driver->uponSignal("NameOwnerChanged")
            .onInterface("org.freedesktop.DBus")
            .call([&gone = connection_->daemon_gone](const std::string& name, const std::string&,
                                                     const std::string& owner) {
                if (name == service && owner.empty()) gone = true;
            });
        connection_->driver->finishRegistration();
    } catch (const sdbus::Error& error) {
        throw ClientError(Exit::unreachable, error.getName(),
                          fmt::format("can't reach {}: {}; give the bus with --bus-address, e.g. unix:path=/run/dbus/"
                                      "system_bus_socket",
                                      address.empty() ? "the system bus" : "the bus at " + address,
                                      error.getMessage()));
    }
}

Bus::~Bus() = default;

bool Bus::daemon_is_there() {
    return call([&] {
        bool has_owner = false;
        connection_->driver->callMethod("NameHasOwner")
            .onInterface("org.freedesktop.DBus")
            .withArguments(std::string(service))
            .storeResultsTo(has_owner);
        return has_owner;
    });
}

Json Bus::manager() {
    return call([&] { return connection_->manager().properties(); });
}

std::string Bus::override_packages(const std::vector<std::string>& replace, const std::vector<std::string>& remove,
                                   const std::vector<std::string>& install, const Options& options) {
    return call([&] { return connection_->manager().Override(replace, remove, install, dictionary(options)); });
}

std::string Bus::override_files(const std::vector<int>& replace, const std::vector<std::string>& remove,
                                const std::vector<int>& install, const Options& options) {
    return call([&] {
        return connection_->manager().OverrideFiles(descriptors(replace), remove, descriptors(install),
                                                    dictionary(options));
    });
}

std::string Bus::reset_overrides(const std::vector<std::string>& names, const Options& options) {
    return call([&] { return connection_->manager().ResetOverrides(names, dictionary(options)); });
}

std::string Bus::set_kernel_arguments(const std::vector<std::string>& append, const std::vector<std::string>& remove,
                                      const Options& options) {
    return call([&] { return connection_->manager().SetKernelArguments(append, remove, dictionary(options)); });
}

std::string Bus::rollback(const Options& options) {
    return call([&] { return connection_->manager().Rollback(dictionary(options)); });
}

std::string Bus::drop_pending(const Options& options) {
    return call([&] { return connection_->manager().DropPending(dictionary(options)); });
}

std::string Bus::update(const Options& options) {
    return call([&] { return connection_->manager().Update(dictionary(options)); });
}

std::string Bus::import_repository(const std::string& source, const std::string& name, const Options& options) {
    return call([&] { return connection_->manager().ImportRepository(source, name, dictionary(options)); });
}

std::string Bus::apply(const std::string& profile, const Options& options) {
    return call([&] { return connection_->manager().Apply(profile, dictionary(options)); });
}

std::string Bus::accept(const Options& options) {
    return call([&] { return connection_->manager().Accept(dictionary(options)); });
}

Json Bus::explain(const std::string& profile) {
    return to_json(call([&] { return connection_->manager().Explain(profile); }));
}

Json Bus::verify() {
    return to_json(call([&] { return connection_->manager().Verify({}); }));
}

std::string Bus::exported(const std::string& format, const Options& options) {
    return call([&] { return connection_->manager().Export(format, dictionary(options)); });
}

Json Bus::repositories() {
    return to_json(call([&] { return connection_->manager().ListRepositories({}); }));
}

void Bus::reboot(const Options& options) {
    call([&] { connection_->manager().Reboot(dictionary(options)); });
}

void Bus::cancel_reboot() {
    call([&] { connection_->manager().CancelReboot(); });
}

Json Bus::job(const std::string& path) {
    return watch_job(path)->properties();
}

void Bus::cancel_job(const std::string& path) {
    call([&] { JobProxy(*connection_->bus, path).Cancel(); });
}

std::pair<std::vector<std::string>, std::uint64_t> Bus::job_log(const std::string& path, std::uint64_t from) {
    return call([&]() -> std::pair<std::vector<std::string>, std::uint64_t> {
        auto [lines, next] = JobProxy(*connection_->bus, path).GetLog(from);
        return {std::move(lines), next};
    });
}

std::unique_ptr<Watched> Bus::watch_job(const std::string& path) {
    return call([&] { return watched<JobProxy>(*connection_->bus, path); });
}

std::string Bus::start_measurement(const Options& options) {
    return call([&] { return LatencyProxy(*connection_->bus).Start(dictionary(options)); });
}

std::string Bus::start_watch(const Options& options) {
    return call([&] { return LatencyProxy(*connection_->bus).Watch(dictionary(options)); });
}

Json Bus::last_watch() {
    return call([&] { return to_json(LatencyProxy(*connection_->bus).LastWatch()); });
}

Json Bus::measurements() {
    Json rows = Json::array();
    for (const auto& row : call([&] { return LatencyProxy(*connection_->bus).List(); }))
        rows.push_back({{"path", std::string(row.get<0>())}, {"name", row.get<1>()}, {"state", row.get<2>()}});
    return rows;
}

Json Bus::measurement(const std::string& path) {
    return watch_measurement(path)->properties();
}

void Bus::stop_measurement(const std::string& path) {
    call([&] { MeasurementProxy(*connection_->bus, path).Stop(); });
}

Json Bus::compare(const std::string& a, const std::string& b) {
    return call([&] { return to_json(LatencyProxy(*connection_->bus).Compare(a, b, {})); });
}

std::string Bus::report(const std::string& path, const std::string& format) {
    return call([&] { return MeasurementProxy(*connection_->bus, path).GetReport(format); });
}

std::unique_ptr<Watched> Bus::watch_measurement(const std::string& path) {
    return call([&] { return watched<MeasurementProxy>(*connection_->bus, path); });
}

void Bus::limit_calls(std::chrono::seconds limit) {
    const std::chrono::microseconds limit_us = limit;
    connection_->bus->setMethodCallTimeout(static_cast<std::uint64_t>(limit_us.count()));
}

Bus::Woken Bus::wait(int descriptor, std::optional<std::chrono::milliseconds> time) {
    const auto gone = [](const std::string& why) {
        return ClientError(Exit::unreachable, "", "rtnoded went away (" + why + ")");
    };
    try {
        bool handled = false;
        while (connection_->bus->processPendingRequest())
            handled = true;
        if (connection_->daemon_gone) throw gone("it left the bus");
        if (handled) return Woken::bus;

        const auto data = connection_->bus->getEventLoopPollData();
        std::array<pollfd, 2> fds{{{data.fd, data.events, 0}, {descriptor, POLLIN, 0}}};
        int limit = time ? static_cast<int>(time->count()) : -1;
        const int bus_limit = data.getPollTimeout(); // ms until a time limit of sd-bus, -1 without
        const bool bus_first = bus_limit >= 0 && (limit < 0 || bus_limit < limit);
        const int ready = poll(fds.data(), fds.size(), bus_first ? bus_limit : limit);
        if (ready < 0 && errno != EINTR) throw gone(std::strerror(errno));
        if (ready <= 0) return bus_first || ready < 0 ? Woken::bus : Woken::time;
        if (fds[1].revents != 0) return Woken::descriptor;
        while (connection_->bus->processPendingRequest()) {
        }
        if (connection_->daemon_gone) throw gone("it left the bus");
        return Woken::bus;
    } catch (const sdbus::Error& error) {
        throw gone(error.getMessage());
    }
}

std::string job_path(std::uint64_t number) {
    return fmt::format("/org/rtnode1/job/{}", number);
}

std::string measurement_path(std::uint64_t number) {
    return fmt::format("/org/rtnode1/measurement/{}", number);
}

} // namespace rtnode::client
