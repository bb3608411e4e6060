#include "state/error.hpp"

#include <array>
#include <utility>

namespace rtnode {
namespace {

constexpr std::string_view prefix = "org.rtnode1.Error.";

constexpr std::array reasons{
#define RTNODE_REASON_NAME(name) std::pair{Reason::name, std::string_view{#name}},
    RTNODE_REASONS(RTNODE_REASON_NAME)
#undef RTNODE_REASON_NAME
};

} // namespace

std::string dbus_name(Reason reason) {
    for (const auto& [value, name] : reasons)
        if (value == reason) return std::string(prefix).append(name);
    return std::string(prefix) + "Internal";
}

std::optional<Reason> reason_of(std::string_view dbus_name) {
    if (!dbus_name.starts_with(prefix)) return std::nullopt;
    dbus_name.remove_prefix(prefix.size());
    for (const auto& [value, name] : reasons)
        if (name == dbus_name) return value;
    return std::nullopt;
}

} // namespace rtnode
