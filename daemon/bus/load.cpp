#include "bus/load.hpp"

#include "bus/guard.hpp"
#include "host/node.hpp"
#include "state/own_prefix.hpp"

#include <unistd.h>

#include <cstdlib>

namespace rtnode::bus {
namespace {

using namespace std::chrono_literals;
using sdbus::Variant;

constexpr const char *service = "org.freedesktop.systemd1", *path = "/org/freedesktop/systemd1",
                     *interface = "org.freedesktop.systemd1.Manager";
constexpr auto start_limit = 20s, stop_limit = 5s;
constexpr auto beyond_the_run = 30s;

using Property = sdbus::Struct<std::string, Variant>;
using Command = sdbus::Struct<std::string, std::vector<std::string>, bool>; ///< path, argv, whether failure is ignored
using Auxiliary = sdbus::Struct<std::string, std::vector<Property>>;        ///< another unit, which nobody needs here

std::string find_stress_ng() {
    const char* named = std::getenv("RTNODE_STRESS_NG");
    std::string program = named != nullptr ? named : (own_prefix() / "bin/stress-ng").string();
    if (::access(program.c_str(), X_OK) == 0) return program;
    throw fail(
        Reason::LoadUnavailable,
        "a load needs stress-ng, and {} is no program on this node; add it to the node's tree (`rtnodectl override "
        "--install stress-ng`, then reboot), or make the load elsewhere (pods of a cluster) and leave 'load' away",
        program);
}

Variant usec(std::chrono::nanoseconds duration) {
    return Variant(static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::microseconds>(duration).count()));
}

Variant words(std::vector<std::string> values) {
    return Variant(std::move(values));
}

/// systemd replaces $NAME in commands that come over D-Bus as in those of files (systemd.service(5), Command lines).
std::vector<std::string> verbatim(std::vector<std::string> command) {
    for (auto& word : command)
        for (std::size_t at = 0; (at = word.find('$', at)) != std::string::npos; at += 2)
            word.insert(at, 1, '$');
    return command;
}

std::vector<Property> properties_of(const Load::Order& order) {
    const auto command = verbatim(latency::load_command(order.options, order.isolated, find_stress_ng()));
    std::vector<Property> properties{
        {"Description", Variant(fmt::format("Load beside measurement {} of rtnode: {}", order.measurement,
                                            latency::describe(order.options)))},
        {"Type", Variant(std::string("exec"))}, // a program that can't be executed is a start that failed
        {"ExecStart", Variant(std::vector<Command>{{command.front(), command, false}})},
        {"CPUAffinity", Variant(latency::affinity_bits(order.options.cpus))},
        // Of ordinary priority, as the stress pods of the RHCOS-RT how-to; with root's rights stress-ng would take
        // itself out of the OOM killer's reach.
        {"CapabilityBoundingSet", Variant(std::uint64_t{0})},
        {"RuntimeMaxUSec", usec(order.duration + beyond_the_run)},
        {"TimeoutStopUSec", usec(stop_limit)},
        // Nothing of it stays, not even a failed unit.
        {"CollectMode", Variant(std::string("inactive-or-failed"))}};
    // It ends with the daemon, also when that is killed.
    constexpr const char* own_unit = "rtnoded.service";
    if (host::unit_of(::getpid()) == own_unit)
        for (const auto* dependency : {"BindsTo", "After"})
            properties.emplace_back(dependency, words({own_unit}));
    return properties;
}

std::string reason_in(const sdbus::Error& e, const std::string& unit) {
    const auto& name = e.getName();
    if (name == "org.freedesktop.DBus.Error.ServiceUnknown" || name == "org.freedesktop.DBus.Error.NameHasNoOwner")
        return "it is a unit of systemd, and there is no systemd on this bus; leave 'load' away";
    if (name == "org.freedesktop.systemd1.UnitExists")
        return fmt::format("{} An earlier one is left over: `systemctl stop {}`", e.getMessage(), unit);
    return fmt::format("{}; see `journalctl -u {}`", e.getMessage(), unit);
}

} // namespace

Load::Load(sdbus::IConnection& connection, EventLoop& loop, const Order& order, Started started)
    : loop_(loop), unit_(fmt::format("rtnode-load-{}.service", order.measurement)), options_(order.options),
      started_(std::move(started)) {
    auto properties = properties_of(order);
    manager_ = sdbus::createProxy(connection, service, path);
    const auto match = [](const char* signal) {
        return fmt::format("type='signal',sender='{}',path='{}',interface='{}',member='{}'", service, path, interface,
                           signal);
    };
    // sd-bus can't choose by an argument that comes after a number, so this one hears of each job, until the load runs.
    job_removed_ = connection.addMatch(match("JobRemoved"), [this](sdbus::Message& message) {
        std::uint32_t id = 0;
        sdbus::ObjectPath job;
        std::string unit, result;
        message >> id >> job >> unit >> result;
        if (unit != unit_) return;
        later([this, result] {
            settle(result == "done" ? ""
                                    : fmt::format("systemd's job for it is {}; see `journalctl -u {}`", result, unit_));
        });
    });
    // A node's other units come and go all the time, and need not wake the daemon.
    unit_removed_ = connection.addMatch(match("UnitRemoved") + fmt::format(",arg0='{}'", unit_),
                                        [this](sdbus::Message&) { on_unit_removed(); });
    ask(std::move(properties));
}

Load::~Load() {
    if (!ours_) return;
    announce([&] {
        manager_->callMethodAsync("StopUnit")
            .onInterface(interface)
            .withArguments(unit_, std::string("replace"))
            .uponReplyInvoke([](const sdbus::Error*, const sdbus::ObjectPath&) {});
    });
}

void Load::ask(std::vector<Property> properties) {
    // systemd sends signals only while somebody has asked for them; to ask twice is an error without a meaning.
    manager_->callMethodAsync("Subscribe").onInterface(interface).uponReplyInvoke([](const sdbus::Error*) {});
    manager_->callMethodAsync("StartTransientUnit")
        .onInterface(interface)
        .withArguments(unit_, std::string("fail"), properties, std::vector<Auxiliary>())
        .uponReplyInvoke([this](const sdbus::Error* error, const sdbus::ObjectPath&) {
            if (error == nullptr) return; // the end of its job says whether it runs
            later([this, why = reason_in(*error, unit_)] {
                ours_ = false;
                settle(why);
            });
        });
    patience_ = loop_.timer(start_limit, [this] {
        settle(fmt::format("systemd has not started it after {} s; see `systemctl status {}`", start_limit.count(),
                           unit_));
    });
}

/// A reload of systemd tells of each unit that it is removed, too, and then that it is new.
void Load::on_unit_removed() {
    manager_->callMethodAsync("GetUnit").onInterface(interface).withArguments(unit_).uponReplyInvoke(
        [this](const sdbus::Error* error, const sdbus::ObjectPath&) {
            if (error != nullptr && error->getName() == "org.freedesktop.systemd1.NoSuchUnit") later([this] { end(); });
        });
}

/// sdbus-c++ 1.2 goes on with a handler's own data after it returned, so nobody may destroy this inside one.
void Load::later(std::function<void()> work) {
    loop_.post([alive = std::weak_ptr(alive_), work = std::move(work)] {
        if (alive.lock()) work();
    });
}

void Load::settle(const std::string& why_not) {
    if (!started_) return; // that was told already
    patience_.stop();
    job_removed_.reset();
    const auto tell = std::exchange(started_, nullptr);
    if (why_not.empty()) return tell(nullptr);
    const auto error = fail(Reason::LoadUnavailable, "the load {} was not started: {}", unit_, why_not);
    tell(&error);
}

void Load::end() {
    ours_ = false;
    if (started_) return settle(fmt::format("it ended at once; see `journalctl -u {}`", unit_));
    if (const auto tell = std::exchange(ended_, nullptr)) tell();
}

} // namespace rtnode::bus
