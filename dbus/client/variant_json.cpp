#include "client/variant_json.hpp"

#include <vector>

namespace rtnode::client {

namespace {

template <typename Value>
bool convert(const sdbus::Variant& value, Json& out) {
    if (!value.containsValueOfType<Value>()) return false;
    out = value.get<Value>();
    return true;
}

/// Tries one D-Bus type after the other, each alone and as an array.
template <typename... Values>
bool convert_any(const sdbus::Variant& value, Json& out) {
    return (... || (convert<Values>(value, out) || convert<std::vector<Values>>(value, out)));
}

} // namespace

Json to_json(const std::map<std::string, sdbus::Variant>& dictionary) {
    Json object = Json::object();
    for (const auto& [key, value] : dictionary)
        object[key] = to_json(value);
    return object;
}

Json to_json(const sdbus::Variant& value) {
    using Dictionary = std::map<std::string, sdbus::Variant>;
    Json out;
    if (value.isEmpty()) return out;
    if (convert_any<std::string, bool, double, std::uint8_t, std::int16_t, std::uint16_t, std::int32_t, std::uint32_t,
                    std::int64_t, std::uint64_t>(value, out) ||
        convert<std::map<std::string, std::string>>(value, out))
        return out;
    if (value.containsValueOfType<sdbus::ObjectPath>()) return std::string(value.get<sdbus::ObjectPath>());
    if (value.containsValueOfType<std::vector<sdbus::ObjectPath>>()) {
        out = Json::array();
        for (const auto& path : value.get<std::vector<sdbus::ObjectPath>>())
            out.push_back(std::string(path));
        return out;
    }
    if (value.containsValueOfType<sdbus::Variant>()) return to_json(value.get<sdbus::Variant>());
    if (value.containsValueOfType<Dictionary>()) return to_json(value.get<Dictionary>());
    if (value.containsValueOfType<std::vector<Dictionary>>()) return to_json(value.get<std::vector<Dictionary>>());
    if (value.containsValueOfType<std::vector<sdbus::Variant>>()) {
        out = Json::array();
        for (const auto& element : value.get<std::vector<sdbus::Variant>>())
            out.push_back(to_json(element));
        return out;
    }
    return out;
}

Json to_json(const std::vector<std::map<std::string, sdbus::Variant>>& rows) {
    Json out = Json::array();
    for (const auto& row : rows)
        out.push_back(to_json(row));
    return out;
}

} // namespace rtnode::client
