#include "config/repository_values.hpp"

#include "state/error.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>

namespace rtnode::config {
namespace {

std::string expanded(const std::string& place, const std::string& text, const Variables& variables) {
    try {
        return expand(text, variables);
    } catch (const Error& error) {
        throw fail(Reason::RepositoryConfiguration, "{}: {}", place, error.what());
    }
}

std::string place_of(const std::filesystem::path& file, const IniEntry& entry) {
    return fmt::format("{}:{}", file.string(), entry.line);
}

} // namespace

std::optional<RepositoryValues::Found> RepositoryValues::found_in(const std::filesystem::path& file,
                                                                  const IniSection& section, const char* key) const {
    const auto found = section.entries.find(key);
    if (found == section.entries.end()) return std::nullopt;
    const auto place = place_of(file, found->second);
    return Found{expanded(place, found->second.values.front(), variables_), place};
}

std::optional<RepositoryValues::Found> RepositoryValues::find(const char* key, bool inherited) const {
    if (auto own = found_in(file_, section_, key)) return own;
    return inherited && main_.section ? found_in(main_.file, *main_.section, key) : std::nullopt;
}

std::optional<std::string> RepositoryValues::text(const char* key) const {
    auto found = find(key, true);
    return found ? std::optional(std::move(found->value)) : std::nullopt;
}

std::optional<std::string> RepositoryValues::own_text(const char* key) const {
    auto found = find(key, false);
    return found ? std::optional(std::move(found->value)) : std::nullopt;
}

std::string RepositoryValues::raw_text(const char* key) const {
    const auto found = section_.entries.find(key);
    return found == section_.entries.end() ? "" : found->second.values.front();
}

std::vector<std::string> RepositoryValues::list_of(const std::filesystem::path& file, const IniSection& section,
                                                   const char* key) const {
    const auto found = section.entries.find(key);
    if (found == section.entries.end()) return {};
    std::vector<std::string> words;
    for (const auto& value : found->second.values)
        for (std::size_t at = 0; (at = value.find_first_not_of(" \t,", at)) != std::string::npos;) {
            const auto end = std::min(value.find_first_of(" \t,", at), value.size());
            words.push_back(expanded(place_of(file, found->second), value.substr(at, end - at), variables_));
            at = end;
        }
    return words;
}

std::vector<std::string> RepositoryValues::own_list(const char* key) const {
    return list_of(file_, section_, key);
}

std::vector<std::string> RepositoryValues::lists(const char* key) const {
    auto words = list_of(file_, section_, key);
    if (main_.section)
        for (auto& word : list_of(main_.file, *main_.section, key))
            words.push_back(std::move(word));
    return words;
}

std::optional<bool> RepositoryValues::flag_of(const std::optional<Found>& found, const char* key) const {
    if (!found) return std::nullopt;
    auto value = found->value;
    std::ranges::transform(value, value.begin(), [](unsigned char c) { return std::tolower(c); });
    for (const auto* yes : {"1", "yes", "true", "on"})
        if (value == yes) return true;
    for (const auto* no : {"0", "no", "false", "off"})
        if (value == no) return false;
    throw fail(Reason::RepositoryConfiguration, "{}: {} is '{}', but must be 0 or 1", found->place, key, found->value);
}

std::optional<bool> RepositoryValues::flag(const char* key) const {
    return flag_of(find(key, true), key);
}
std::optional<bool> RepositoryValues::own_flag(const char* key) const {
    return flag_of(find(key, false), key);
}

int RepositoryValues::own_number(const char* key, int otherwise) const {
    const auto found = find(key, false);
    if (!found) return otherwise;
    int result = 0;
    const auto* last = found->value.data() + found->value.size();
    if (const auto [end, e] = std::from_chars(found->value.data(), last, result); e != std::errc() || end != last)
        throw fail(Reason::RepositoryConfiguration, "{}: {} is '{}', but must be a whole number", found->place, key,
                   found->value);
    return result;
}

std::int64_t RepositoryValues::seconds(const char* key, std::int64_t otherwise) const {
    const auto found = find(key, true);
    if (!found) return otherwise;
    const auto& value = found->value;
    if (value == "never" || value == "-1") return -1;
    double number = 0;
    const auto* last = value.data() + value.size();
    const auto [end, e] = std::from_chars(value.data(), last, number);
    const auto unit = std::string_view(end, static_cast<std::size_t>(last - end));
    const double factor = unit.empty() || unit == "s" ? 1
                          : unit == "m"               ? 60
                          : unit == "h"               ? 3600
                          : unit == "d"               ? 86400
                                                      : 0;
    if (e != std::errc() || factor == 0 || !std::isfinite(number) || number < 0 || number * factor > 1e12)
        throw fail(Reason::RepositoryConfiguration,
                   "{}: {} is '{}', but must be seconds, a number with one of the units s, m, h and d, or never",
                   found->place, key, value);
    return static_cast<std::int64_t>(number * factor);
}

std::string RepositoryValues::path(const char* key) const {
    const auto found = find(key, true);
    if (!found) return {};
    if (!found->value.empty() && !found->value.starts_with('/'))
        throw fail(Reason::RepositoryConfiguration, "{}: {} is '{}', but must be an absolute path", found->place, key,
                   found->value);
    return found->value;
}

} // namespace rtnode::config
