#include "bus/logind.hpp"

#include "state/error.hpp"

#include <sdbus-c++/sdbus-c++.h>

namespace rtnode::bus {
namespace {

constexpr const char* interface = "org.freedesktop.login1.Manager";

using Inhibitor = sdbus::Struct<std::string, std::string, std::string, std::string, std::uint32_t, std::uint32_t>;

Error unavailable(const sdbus::Error& e) {
    return fail(Reason::RebootUnavailable, "logind did not take it: {}; see `systemctl status systemd-logind`",
                e.getMessage());
}

/// Who blocks a shutdown: "rpm-ostree (Transaction in progress)"; "" = nobody.
std::string blockers(const std::vector<Inhibitor>& inhibitors) {
    std::string text;
    for (const auto& inhibitor : inhibitors) {
        const auto what = ":" + inhibitor.get<0>() + ":";
        if (inhibitor.get<3>() != "block" || what.find(":shutdown:") == std::string::npos) continue;
        text += fmt::format("{}{} ({})", text.empty() ? "" : ", ", inhibitor.get<1>(), inhibitor.get<2>());
    }
    return text;
}

} // namespace

Logind::Logind(sdbus::IConnection& connection, bool private_node)
    : private_node_(private_node),
      manager_(sdbus::createProxy(connection, "org.freedesktop.login1", "/org/freedesktop/login1")) {}

Logind::~Logind() = default;

void Logind::require_available() const {
    if (private_node_)
        throw fail(Reason::RebootUnavailable, "this node is a folder (--sysroot) on a host that is not ours to reboot; "
                                              "leave `reboot` away");
}

void Logind::reboot(std::chrono::seconds delay, bool ignore_inhibitors, Done done) {
    require_available();
    if (ignore_inhibitors) return send(delay, std::move(done));
    manager_->callMethodAsync("ListInhibitors")
        .onInterface(interface)
        .uponReplyInvoke(
            [this, delay, done = std::move(done)](const sdbus::Error* error, const std::vector<Inhibitor>& inhibitors) {
                if (error != nullptr) {
                    const auto e = unavailable(*error);
                    return done(&e);
                }
                if (const auto who = blockers(inhibitors); !who.empty()) {
                    const auto e =
                        fail(Reason::RebootInhibited,
                             "the reboot is inhibited by {}; wait for it, or use the option ignore-inhibitors", who);
                    return done(&e);
                }
                send(delay, done);
            });
}

void Logind::send(std::chrono::seconds delay, Done done) {
    const auto answer = [done = std::move(done)](const sdbus::Error* error) {
        if (error == nullptr) return done(nullptr);
        const auto e = unavailable(*error);
        done(&e);
    };
    if (delay.count() == 0) {
        manager_->callMethodAsync("Reboot").onInterface(interface).withArguments(false).uponReplyInvoke(answer);
        return;
    }
    const auto at = std::chrono::duration_cast<std::chrono::microseconds>(
                        (std::chrono::system_clock::now() + delay).time_since_epoch())
                        .count();
    manager_->callMethodAsync("ScheduleShutdown")
        .onInterface(interface)
        .withArguments(std::string("reboot"), static_cast<std::uint64_t>(at))
        .uponReplyInvoke(answer);
}

void Logind::cancel(Done done) {
    require_available();
    manager_->callMethodAsync("CancelScheduledShutdown")
        .onInterface(interface)
        .uponReplyInvoke([done = std::move(done)](const sdbus::Error* error, bool) {
            if (error == nullptr) return done(nullptr);
            const auto e = unavailable(*error);
            done(&e);
        });
}

} // namespace rtnode::bus
