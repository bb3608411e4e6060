#include "bus/reboot_watch.hpp"

#include "latency/measurement.hpp"
#include "loop/journal.hpp"
#include "profile/gate/reboot_policy.hpp"

#include <sdbus-c++/sdbus-c++.h>
#include <systemd/sd-login.h>

#include <algorithm>
#include <ctime>
#include <filesystem>

namespace rtnode::bus {
namespace {

constexpr std::chrono::seconds usual_wait(30), after_a_refusal(60);

profile::RebootFacts by_the_clock() {
    profile::RebootFacts facts{.now = std::chrono::system_clock::now()};
    const auto seconds = std::chrono::system_clock::to_time_t(facts.now);
    std::tm local{};
    ::localtime_r(&seconds, &local);
    facts.minute_of_day = std::chrono::minutes(local.tm_hour * 60 + local.tm_min);
    facts.weekday = std::chrono::weekday(static_cast<unsigned>(local.tm_wday));
    return facts;
}

} // namespace

RebootWatch::RebootWatch(sdbus::IConnection& connection, EventLoop& loop, Logind& logind, Events events)
    : connection_(connection), loop_(loop), logind_(logind), events_(std::move(events)),
      systemd_(sdbus::createProxy(connection, "org.freedesktop.systemd1", "/org/freedesktop/systemd1")) {}

RebootWatch::~RebootWatch() = default;

void RebootWatch::due(const Profile& profile, const std::string& checksum) {
    if (profile.reboot == Profile::Reboot::manual || checksum == canceled_) return not_due();
    if (profile_ == profile && checksum_ == checksum) return;
    profile_ = profile;
    checksum_ = checksum;
    look();
}

void RebootWatch::not_due() {
    profile_.reset();
    checksum_.clear();
    timer_.stop();
    say({});
}

bool RebootWatch::cancel() {
    if (!profile_) return false;
    canceled_ = checksum_;
    not_due();
    return true;
}

void RebootWatch::look() {
    if (!profile_) return;
    if (profile_->reboot != Profile::Reboot::external || profile_->go_unit.empty()) return decide(false);
    // Nothing is loaded for the question: a unit that nobody has started isn't known, which is an error, and no go.
    systemd_->callMethodAsync("GetUnit")
        .onInterface("org.freedesktop.systemd1.Manager")
        .withArguments(profile_->go_unit)
        .uponReplyInvoke([this](const sdbus::Error* error, const sdbus::ObjectPath& path) {
            if (error != nullptr) return decide(false);
            unit_ = sdbus::createProxy(connection_, "org.freedesktop.systemd1", path);
            unit_->callMethodAsync("Get")
                .onInterface("org.freedesktop.DBus.Properties")
                .withArguments(std::string("org.freedesktop.systemd1.Unit"), std::string("ActiveState"))
                .uponReplyInvoke([this](const sdbus::Error* failed, const sdbus::Variant& state) {
                    decide(failed == nullptr && state.containsValueOfType<std::string>() &&
                           state.get<std::string>() == "active");
                });
        });
}

void RebootWatch::decide(bool unit_active) {
    if (!profile_) return;
    std::error_code none;
    auto facts = by_the_clock();
    facts.jobs_busy = events_.jobs_busy();
    facts.measurements_running = !latency::measured_cpus().empty();
    facts.users_logged_in = static_cast<unsigned>(std::max(::sd_get_sessions(nullptr), 0));
    facts.go_file_there = !profile_->go_file.empty() && std::filesystem::exists(profile_->go_file, none);
    facts.go_unit_active = unit_active;
    const auto decision = profile::decide(*profile_, facts);
    if (!decision.go) {
        timer_ = loop_.timer(decision.look_again.value_or(usual_wait), [this] { look(); });
        return say(decision.why_waiting);
    }
    say("the node reboots now");
    logind_.reboot(std::chrono::seconds(0), false, [this](const std::exception* error) {
        if (error == nullptr) {
            journal::log(journal::Priority::notice, "the node reboots, as its profile says",
                         {{"MESSAGE_ID", std::string(journal::reboot_requested)}});
            return events_.rebooting();
        }
        timer_ = loop_.timer(after_a_refusal, [this] { look(); });
        say(error->what());
    });
}

void RebootWatch::say(std::string why) {
    if (why == why_) return;
    why_ = std::move(why);
    if (!why_.empty()) journal::log(journal::Priority::notice, "a reboot is due: " + why_);
    events_.changed();
}

} // namespace rtnode::bus
