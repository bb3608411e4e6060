#pragma once
// The real daemon for a node in a folder, on a bus of its own, and clients made of the generated proxies.

#include "process.hpp"
#include "temp_folder.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sdbus-c++/sdbus-c++.h>

#include "Job-proxy.hpp"
#include "Latency-proxy.hpp"
#include "Manager-proxy.hpp"
#include "Measurement-proxy.hpp"

#include <condition_variable>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <optional>

namespace rtnode::test {

using Dictionary = std::map<std::string, sdbus::Variant>;
using sdbus::ObjectPath;
using sdbus::Variant;

/// Something that changes in the connection's thread and is waited for in the test's.
class Watched {
  public:
    /// A change that anybody may wait for.
    template <typename F>
    void change(F f) {
        {
            const std::lock_guard lock(mutex_);
            f();
        }
        changed_.notify_all();
    }
    /// Until it holds; false after 30 s. The condition may not call the bus.
    bool wait(const std::function<bool()>& condition) {
        std::unique_lock lock(mutex_);
        return changed_.wait_for(lock, std::chrono::seconds(30), condition);
    }

  private:
    std::mutex mutex_;
    std::condition_variable changed_;
};

class Manager final
    : public sdbus::ProxyInterfaces<org::rtnode1::Manager_proxy, sdbus::Properties_proxy, sdbus::ObjectManager_proxy> {
  public:
    explicit Manager(sdbus::IConnection& connection) : ProxyInterfaces(connection, "org.rtnode1", "/org/rtnode1") {
        registerProxy();
    }
    ~Manager() { unregisterProxy(); }

    ObjectPath start(const std::vector<std::string>& script, const Dictionary& options = {}) {
        return Override({}, script, {}, options);
    }

    Watched watched;
    std::vector<std::string> signals; ///< "new 1", "removed 1 done"

  private:
    void onJobNew(const std::uint32_t& id, const ObjectPath&) override {
        watched.change([&] { signals.push_back("new " + std::to_string(id)); });
    }
    void onJobRemoved(const std::uint32_t& id, const ObjectPath&, const std::string& state) override {
        watched.change([&] { signals.push_back("removed " + std::to_string(id) + " " + state); });
    }
    void onPropertiesChanged(const std::string&, const Dictionary&, const std::vector<std::string>&) override {}
    void onInterfacesAdded(const ObjectPath&, const std::map<std::string, Dictionary>&) override {}
    void onInterfacesRemoved(const ObjectPath&, const std::vector<std::string>&) override {}
};

/// How a Wait was answered.
struct Answer {
    std::string error_name, error_message; ///< "" = well
    std::string state;
    Dictionary result;
};

template <typename Proxy>
class Waiting : public sdbus::ProxyInterfaces<Proxy, sdbus::Properties_proxy> {
  public:
    Waiting(sdbus::IConnection& connection, const ObjectPath& path)
        : sdbus::ProxyInterfaces<Proxy, sdbus::Properties_proxy>(connection, "org.rtnode1", path) {
        this->registerProxy();
    }
    virtual ~Waiting() { this->unregisterProxy(); }

    std::future<Answer> begin_wait() {
        this->Wait();
        return answer_.get_future();
    }
    Answer wait() {
        auto future = begin_wait();
        if (future.wait_for(std::chrono::seconds(30)) != std::future_status::ready)
            throw std::runtime_error("no answer to Wait");
        return future.get();
    }

    /// Until the property has that value, now or after a signal.
    ::testing::AssertionResult reaches(const char* property, const std::string& value) {
        const auto now = this->Get(Proxy::INTERFACE_NAME, property).template get<std::string>();
        if (now == value || watched.wait([&] { return seen[property].contains(value); }))
            return ::testing::AssertionSuccess();
        return ::testing::AssertionFailure()
               << property << " is " << this->Get(Proxy::INTERFACE_NAME, property).template get<std::string>();
    }

    Watched watched;
    std::map<std::string, std::set<std::string>> seen; ///< property → values that were signalled

  private:
    void onWaitReply(const std::string& state, const Dictionary& result, const sdbus::Error* error) override {
        answer_.set_value(error != nullptr ? Answer{error->getName(), error->getMessage(), {}, {}}
                                           : Answer{{}, {}, state, result});
    }
    void onPropertiesChanged(const std::string&, const Dictionary& changed, const std::vector<std::string>&) override {
        watched.change([&] {
            for (const auto& [name, value] : changed)
                if (value.template containsValueOfType<std::string>())
                    seen[name].insert(value.template get<std::string>());
        });
    }
    std::promise<Answer> answer_;
};

using Job = Waiting<org::rtnode1::Job_proxy>;

class Measurement final : public Waiting<org::rtnode1::Measurement_proxy> {
  public:
    using Waiting::Waiting;

    struct Told {
        std::uint32_t cpu;
        std::int64_t late, realtime;
    };
    std::vector<Told> spikes; ///< under `watched`

  private:
    void onSpike(const std::uint32_t& cpu, const std::uint64_t&, const std::int64_t& late, const std::int64_t&,
                 const std::int64_t& realtime, const std::vector<std::string>&) override {
        watched.change([&] { spikes.push_back({cpu, late, realtime}); });
    }
};

class Latency final : public sdbus::ProxyInterfaces<org::rtnode1::Latency_proxy> {
  public:
    explicit Latency(sdbus::IConnection& connection)
        : ProxyInterfaces(connection, "org.rtnode1", "/org/rtnode1/latency") {
        registerProxy();
    }
    ~Latency() { unregisterProxy(); }

    struct Told {
        ObjectPath measurement, baseline;
        Dictionary comparison;
    };
    Watched watched;
    std::vector<Told> regressions; ///< under `watched`

  private:
    void onRegression(const ObjectPath& measurement, const ObjectPath& baseline,
                      const Dictionary& comparison) override {
        watched.change([&] { regressions.push_back({measurement, baseline, comparison}); });
    }
};

class BusTest : public testing::Test {
  protected:
    BusTest();
    ~BusTest() override;

    /// Starts the daemon and waits until it has its name. @param worker "" = the stand-in
    void start_daemon(const Variables& variables = {});
    /// Ends it with the signal. @returns its exit status
    int stop_daemon(int signal = 15);
    Words daemon_command(const std::string& state = "state") const;

    /// busctl on the private bus, as uid 0 unless something is put in front.
    Ran busctl(const Words& words, const Words& in_front = {}) const;

    std::string log() const; ///< of the daemon
    /// Waits until the job's log on disk has that text; what its worker prints comes there.
    void wait_for_job_log(unsigned job, const std::string& text) const;
    std::string file(const std::string& name) const;

    /// What a call throws: its D-Bus error.
    static sdbus::Error error_of(const std::function<void()>& call);

    TempFolder temp;
    std::filesystem::path sysroot; ///< temp/sysroot, an empty folder, unless a test sets another
    std::string address;
    std::unique_ptr<Process> bus;
    std::unique_ptr<Process> daemon;
    std::unique_ptr<sdbus::IConnection> connection;
    std::unique_ptr<Manager> manager;
};

} // namespace rtnode::test
