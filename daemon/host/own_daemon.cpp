#include "host/own_daemon.hpp"

#include "host/system_bus.hpp"
#include "state/error.hpp"

#include <chrono>
#include <cstring>
#include <optional>

namespace rtnode::host {
namespace {

constexpr const char *service = "org.rtnode1", *manager_path = "/org/rtnode1", *manager = "org.rtnode1.Manager",
                     *latency_path = "/org/rtnode1/latency", *latency = "org.rtnode1.Latency",
                     *measurement = "org.rtnode1.Measurement";
constexpr std::uint64_t patience_us = 120'000'000; // Verify reads a tree's packages and initramfs
constexpr std::uint64_t turn_us = 200'000;

Error misunderstood(int code) {
    return fail(Reason::Internal, "the daemon's reply can't be read: {}", std::strerror(-code));
}

int checked(int code) {
    if (code < 0) throw misunderstood(code);
    return code;
}

nlohmann::json read_value(sd_bus_message* message);

nlohmann::json read_container(sd_bus_message* message, char type, const char* contents) {
    checked(sd_bus_message_enter_container(message, type, contents));
    const bool dictionary = type == SD_BUS_TYPE_ARRAY && contents[0] == SD_BUS_TYPE_DICT_ENTRY_BEGIN;
    auto value = dictionary ? nlohmann::json::object() : nlohmann::json::array();
    while (checked(sd_bus_message_at_end(message, 0)) == 0) {
        if (!dictionary) {
            value.push_back(read_value(message));
            continue;
        }
        checked(sd_bus_message_enter_container(message, SD_BUS_TYPE_DICT_ENTRY, nullptr));
        const auto key = read_value(message);
        value[key.is_string() ? key.get<std::string>() : key.dump()] = read_value(message);
        checked(sd_bus_message_exit_container(message));
    }
    checked(sd_bus_message_exit_container(message));
    return type == SD_BUS_TYPE_VARIANT ? value.at(0) : value;
}

template <typename T>
nlohmann::json read_basic(sd_bus_message* message, char type) {
    T value{};
    checked(sd_bus_message_read_basic(message, type, &value));
    return value;
}

nlohmann::json read_value(sd_bus_message* message) {
    char type = 0;
    const char* contents = nullptr;
    if (checked(sd_bus_message_peek_type(message, &type, &contents)) == 0) throw misunderstood(-EBADMSG);
    switch (type) {
    case SD_BUS_TYPE_BOOLEAN:
        return read_basic<int>(message, type) != 0;
    case SD_BUS_TYPE_BYTE:
        return read_basic<std::uint8_t>(message, type);
    case SD_BUS_TYPE_INT16:
        return read_basic<std::int16_t>(message, type);
    case SD_BUS_TYPE_UINT16:
        return read_basic<std::uint16_t>(message, type);
    case SD_BUS_TYPE_INT32:
        return read_basic<std::int32_t>(message, type);
    case SD_BUS_TYPE_UINT32:
        return read_basic<std::uint32_t>(message, type);
    case SD_BUS_TYPE_INT64:
        return read_basic<std::int64_t>(message, type);
    case SD_BUS_TYPE_UINT64:
        return read_basic<std::uint64_t>(message, type);
    case SD_BUS_TYPE_DOUBLE:
        return read_basic<double>(message, type);
    case SD_BUS_TYPE_STRING:
    case SD_BUS_TYPE_OBJECT_PATH:
    case SD_BUS_TYPE_SIGNATURE:
        return read_basic<const char*>(message, type);
    default:
        return read_container(message, type, contents);
    }
}

void append_options(sd_bus_message* message, const OwnDaemon::Options& options) {
    const auto append = [&](const char* key, const char* type, auto value) {
        checked(sd_bus_message_append(message, "{sv}", key, type, value));
    };
    checked(sd_bus_message_open_container(message, SD_BUS_TYPE_ARRAY, "{sv}"));
    for (const auto& [key, option] : options) {
        if (const auto* flag = std::get_if<bool>(&option)) append(key.c_str(), "b", static_cast<int>(*flag));
        if (const auto* number = std::get_if<std::uint32_t>(&option)) append(key.c_str(), "u", *number);
        if (const auto* real = std::get_if<double>(&option)) append(key.c_str(), "d", *real);
        if (const auto* text = std::get_if<std::string>(&option)) append(key.c_str(), "s", text->c_str());
    }
    checked(sd_bus_message_close_container(message));
}

/// The daemon's own error, with its reason.
Error refused(const sd_bus_error& error) {
    const std::string message = error.message != nullptr ? error.message : "no reason was given";
    return {reason_of(error.name).value_or(Reason::Internal), message};
}

/// The reply to one call, when it comes.
struct Pending {
    BusMessagePtr reply;
    std::optional<Error> error;
};

int on_reply(sd_bus_message* message, void* to, sd_bus_error*) {
    auto& pending = *static_cast<Pending*>(to);
    if (const auto* error = sd_bus_message_get_error(message))
        pending.error = refused(*error);
    else
        pending.reply.reset(sd_bus_message_ref(message));
    return 0;
}

} // namespace

struct OwnDaemon::Private {
    BusPtr bus;

    BusMessagePtr call_of(const char* path, const char* interface, const char* member) const {
        sd_bus_message* raw = nullptr;
        checked(sd_bus_message_new_method_call(bus.get(), &raw, service, path, interface, member));
        return BusMessagePtr(raw);
    }

    /// @param canceled asked while it waits; then @param on_cancel is called once, and the wait goes on
    BusMessagePtr send(sd_bus_message* call, std::uint64_t timeout_us, const std::function<bool()>& canceled = {},
                       const std::function<void()>& on_cancel = {}) const {
        Pending pending;
        sd_bus_slot* raw = nullptr;
        checked(sd_bus_call_async(bus.get(), &raw, call, on_reply, &pending, timeout_us));
        const BusSlotPtr slot(raw);
        for (bool told = false; !pending.reply && !pending.error;) {
            if (!told && canceled && canceled()) {
                told = true;
                on_cancel();
            }
            const int done = sd_bus_process(bus.get(), nullptr);
            if (done < 0) throw fail(Reason::Internal, "the bus went away: {}", std::strerror(-done));
            if (done == 0) sd_bus_wait(bus.get(), turn_us);
        }
        if (pending.error) throw Error(*pending.error);
        return std::move(pending.reply);
    }
};

OwnDaemon::OwnDaemon(const std::string& bus_address) : p_(std::make_unique<Private>()) {
    p_->bus = bus_address.empty() ? nullptr : connect_bus(bus_address, patience_us);
    if (!p_->bus)
        throw fail(Reason::Internal, "the bus at '{}' doesn't answer, so the daemon can't be asked to measure",
                   bus_address);
}

OwnDaemon::~OwnDaemon() = default;

std::vector<Check> OwnDaemon::verify() {
    const auto call = p_->call_of(manager_path, manager, "Verify");
    append_options(call.get(), {});
    const auto reply = p_->send(call.get(), patience_us);
    return read_value(reply.get()).get<std::vector<Check>>();
}

std::string OwnDaemon::measure(const Options& options, const std::function<bool()>& canceled) {
    const auto start = p_->call_of(latency_path, latency, "Start");
    append_options(start.get(), options);
    const auto path = read_value(p_->send(start.get(), patience_us).get()).get<std::string>();
    bool stopped = false;
    const auto stop = [&] {
        stopped = true;
        const auto call = p_->call_of(path.c_str(), measurement, "Stop");
        checked(sd_bus_send(p_->bus.get(), call.get(), nullptr));
    };
    const auto wait = p_->call_of(path.c_str(), measurement, "Wait");
    constexpr auto for_ever = static_cast<std::uint64_t>(-1);
    p_->send(wait.get(), for_ever, canceled, stop);
    if (stopped) throw fail(Reason::Canceled, "the measurement {} was stopped", path);
    return path;
}

nlohmann::json OwnDaemon::report(const std::string& of) {
    const auto call = p_->call_of(of.c_str(), measurement, "GetReport");
    checked(sd_bus_message_append(call.get(), "s", "json"));
    const auto text = read_value(p_->send(call.get(), patience_us).get()).get<std::string>();
    auto json = nlohmann::json::parse(text, nullptr, false);
    if (json.is_discarded()) throw fail(Reason::Internal, "the report of {} is not JSON", of);
    return json;
}

nlohmann::json OwnDaemon::compare(const std::string& a, const std::string& b, const Options& options) {
    const auto call = p_->call_of(latency_path, latency, "Compare");
    checked(sd_bus_message_append(call.get(), "ss", a.c_str(), b.c_str()));
    append_options(call.get(), options);
    return read_value(p_->send(call.get(), patience_us).get());
}

} // namespace rtnode::host
