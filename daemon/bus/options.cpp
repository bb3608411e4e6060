#include "bus/options.hpp"

#include "bus/guard.hpp"

namespace rtnode::bus {

template <typename T>
T Options::take(const std::string& key, const char* type, T otherwise) {
    known_.emplace(key, type);
    const auto found = values_.find(key);
    if (found == values_.end()) return otherwise;
    if (found->second.containsValueOfType<T>()) return found->second.get<T>();
    if (wrong_.empty())
        wrong_ = fmt::format("option '{}' must be of type {}, not {}", key, type, found->second.peekValueType());
    return otherwise;
}

bool Options::flag(const std::string& key, bool otherwise) {
    return take<bool>(key, "b", otherwise);
}

std::string Options::text(const std::string& key, const std::string& otherwise) {
    return take<std::string>(key, "s", otherwise);
}

std::uint32_t Options::number(const std::string& key, std::uint32_t otherwise) {
    return take<std::uint32_t>(key, "u", otherwise);
}

double Options::real(const std::string& key, double otherwise) {
    return take<double>(key, "d", otherwise);
}

std::vector<std::string> Options::texts(const std::string& key) {
    return take<std::vector<std::string>>(key, "as", {});
}

std::string Options::known() const {
    std::string text;
    for (const auto& [key, type] : known_)
        text += fmt::format("{}{} ({})", text.empty() ? "" : ", ", key, type);
    return text.empty() ? "none" : text;
}

void Options::finish() const {
    for (const auto& [key, value] : values_)
        if (!known_.contains(key))
            throw fail(Reason::UnknownOption, "there is no option '{}' here; known are: {}", key, known());
    if (!wrong_.empty()) throw sdbus::Error(invalid_args, fmt::format("{}; known are: {}", wrong_, known()));
}

} // namespace rtnode::bus
