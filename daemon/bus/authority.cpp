#include "bus/authority.hpp"

#include "host/node.hpp"
#include "state/error.hpp"

#include <sdbus-c++/sdbus-c++.h>
#include <systemd/sd-bus.h>

namespace rtnode::bus {
namespace {

using namespace std::chrono_literals;

/// sdbus-c++ 1.2 doesn't show the message's interactive flag, but the message itself to its own kind.
struct Peek : sdbus::Message {
    static bool interactive(const sdbus::Message& message) {
        auto* raw = static_cast<sd_bus_message*>(message.*(&Peek::msg_));
        return ::sd_bus_message_get_allow_interactive_authorization(raw) > 0;
    }
};

constexpr auto polkit_limit = 2min; ///< a person may have to type

} // namespace

struct Authority::Asked {
    Question question;
    Caller caller;
    std::function<void(const Caller&)> allowed;
    std::function<void(const std::exception&)> refused;
    std::size_t next_action = 0;

    const std::string& action() const { return question.actions[next_action]; }
    void refuse(const std::string& why) const {
        refused(fail(Reason::NotAuthorized, "{} may not do this (polkit action {}): {}", caller.text(), action(), why));
    }
};

std::string Caller::text() const {
    std::string text = uid == static_cast<uid_t>(-1) ? "somebody unknown" : fmt::format("uid {}", uid);
    if (uid == 0 && !root) text += " of another user namespace";
    if (pid > 0) text += fmt::format(", pid {}", pid);
    if (const auto unit = host::unit_of(pid); !unit.empty()) text += ", unit " + unit;
    return text;
}

Authority::Authority(sdbus::IConnection& connection)
    : bus_(sdbus::createProxy(connection, "org.freedesktop.DBus", "/org/freedesktop/DBus")),
      polkit_(sdbus::createProxy(connection, "org.freedesktop.PolicyKit1", "/org/freedesktop/PolicyKit1/Authority")) {}

Authority::~Authority() = default;

Authority::Question Authority::question(const sdbus::Message& message, std::vector<std::string> actions) {
    return {message.getSender(), Peek::interactive(message), std::move(actions), {}};
}

void Authority::ask(Question question, std::function<void(const Caller&)> allowed,
                    std::function<void(const std::exception&)> refused) {
    auto asked = std::make_shared<Asked>(Asked{std::move(question), {}, std::move(allowed), std::move(refused)});
    asked->caller.bus_name = asked->question.bus_name;
    bus_->callMethodAsync("GetConnectionCredentials")
        .onInterface("org.freedesktop.DBus")
        .withArguments(asked->caller.bus_name)
        .uponReplyInvoke([this, asked](const sdbus::Error* error, const std::map<std::string, sdbus::Variant>& values) {
            const auto number = [&](const char* key) -> std::int64_t {
                const auto found = values.find(key);
                return found != values.end() && found->second.containsValueOfType<std::uint32_t>()
                           ? std::int64_t{found->second.get<std::uint32_t>()}
                           : -1;
            };
            if (error != nullptr) return asked->refuse("the bus doesn't know the caller any more");
            asked->caller.uid = static_cast<uid_t>(number("UnixUserID"));
            asked->caller.pid = static_cast<pid_t>(std::max<std::int64_t>(number("ProcessID"), 0));
            on_credentials(asked);
        });
}

void Authority::on_credentials(const std::shared_ptr<Asked>& asked) {
    auto& caller = asked->caller;
    if (caller.uid == 0) {
        caller.root = host::in_our_user_namespace(caller.pid);
        if (caller.root) return asked->allowed(caller);
        // polkit would take it for the real root, too.
        return asked->refuse("root of another user namespace is not this node's root");
    }
    ask_polkit(asked);
}

void Authority::ask_polkit(const std::shared_ptr<Asked>& asked) {
    const sdbus::Struct<std::string, std::map<std::string, sdbus::Variant>> subject{
        "system-bus-name", {{"name", sdbus::Variant(asked->caller.bus_name)}}};
    const std::uint32_t flags = asked->question.interactive ? 1 : 0;
    polkit_->callMethodAsync("CheckAuthorization")
        .onInterface("org.freedesktop.PolicyKit1.Authority")
        .withTimeout(polkit_limit)
        .withArguments(subject, asked->action(), asked->question.details, flags, std::string())
        .uponReplyInvoke([this, asked](const sdbus::Error* error,
                                       const sdbus::Struct<bool, bool, std::map<std::string, std::string>>& answer) {
            if (error != nullptr) {
                const auto& name = error->getName();
                const bool absent = name == "org.freedesktop.DBus.Error.ServiceUnknown" ||
                                    name == "org.freedesktop.DBus.Error.NameHasNoOwner";
                return asked->refuse(absent ? "polkit isn't running here, so only root may"
                                            : "polkit could not tell: " + error->getMessage());
            }
            if (!answer.get<0>())
                return asked->refuse(answer.get<1>() ? "a password is needed; call as root, or allow interactive "
                                                       "authorization and run a polkit agent"
                                                     : "polkit's rules don't allow it");
            if (++asked->next_action < asked->question.actions.size()) return ask_polkit(asked);
            asked->allowed(asked->caller);
        });
}

} // namespace rtnode::bus
