#pragma once
// YAML that means the same to every parser. Private to daemon/export.

#include <yaml-cpp/yaml.h>

#include <string>
#include <string_view>

namespace rtnode::exports {

/// A string that is data: always in double quotes, since YAML 1.1 takes on, no, 1e3, 0x10 and 12:30 for something else.
struct Text {
    const std::string& value;
};
YAML::Emitter& operator<<(YAML::Emitter& out, const Text& text);

/// A key of ours and what stands at it.
template <typename T>
void at(YAML::Emitter& out, const char* key, const T& value) {
    out << YAML::Key << key << YAML::Value << value;
}

/// As at(), with a map or a list that `fill` makes.
template <typename F>
void map_at(YAML::Emitter& out, const char* key, F fill) {
    out << YAML::Key << key << YAML::Value << YAML::BeginMap;
    fill();
    out << YAML::EndMap;
}
template <typename F>
void list_at(YAML::Emitter& out, const char* key, F fill) {
    out << YAML::Key << key << YAML::Value << YAML::BeginSeq;
    fill();
    out << YAML::EndSeq;
}

/// One object of Kubernetes. @param metadata, @param spec make what is in these maps, after the object's name
template <typename M, typename S>
std::string object(const char* api_version, const char* kind, const std::string& name, M metadata, S spec) {
    YAML::Emitter out;
    out.SetOutputCharset(YAML::EscapeNonAscii);
    out << YAML::BeginMap;
    at(out, "apiVersion", api_version);
    at(out, "kind", kind);
    map_at(out, "metadata", [&] {
        at(out, "name", Text{name});
        metadata(out);
    });
    map_at(out, "spec", [&] { spec(out); });
    out << YAML::EndMap;
    return std::string(out.c_str()) + '\n';
}

/// A comment, on as many lines of at most 120 columns as it takes, but for longer words. Only printable ASCII passes:
/// YAML 1.1 ends lines also at U+0085, U+2028 and U+2029, and what would stand behind would be no comment.
std::string comment(std::string_view text);

/// A "data:" URL (RFC 2397) of any bytes, as Ignition reads it in files' contents.
std::string data_url(std::string_view content);

} // namespace rtnode::exports
