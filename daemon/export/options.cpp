#include "export/options.hpp"

#include "state/error.hpp"

#include <algorithm>
#include <span>
#include <string_view>

namespace rtnode::exports {
namespace {

constexpr std::array<std::string_view, 4> formats{"machineconfig", "kubeletconfig", "tuned", "all"};
constexpr std::array<std::string_view, 3> ignitions{"2.2.0", "3.1.0", "3.2.0"};
constexpr std::uint32_t most_priority = 29; // from 30 on the operator's own profiles win

void one_of(std::string_view what, const std::string& value, std::span<const std::string_view> known) {
    if (std::ranges::find(known, value) == known.end())
        throw fail(Reason::InvalidArgument, "{} is '{}'; it can be {}", what, value, fmt::join(known, ", "));
}

bool is_alphanumeric(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/// Letters, digits and some others, of which none is first or last (Kubernetes' "Object Names and IDs" and "Labels").
bool is_word(std::string_view text, std::string_view others, std::size_t most) {
    return !text.empty() && text.size() <= most && is_alphanumeric(text.front()) && is_alphanumeric(text.back()) &&
           std::ranges::all_of(text,
                               [&](char c) { return is_alphanumeric(c) || others.find(c) != std::string_view::npos; });
}

bool is_lower(std::string_view text) {
    return std::ranges::none_of(text, [](char c) { return c >= 'A' && c <= 'Z'; });
}

bool is_label(std::string_view text) {
    const auto equals = std::min(text.find('='), text.size());
    const auto key = text.substr(0, equals), value = text.substr(std::min(equals + 1, text.size()));
    const auto slash = key.find('/');
    const bool prefixed = slash != std::string_view::npos;
    return (!prefixed || (is_word(key.substr(0, slash), "-.", 253) && is_lower(key.substr(0, slash)))) &&
           is_word(prefixed ? key.substr(slash + 1) : key, "-_.", 63) && (value.empty() || is_word(value, "-_.", 63));
}

void must(bool good, std::string_view option, const std::string& value, std::string_view form) {
    if (!good) throw fail(Reason::InvalidArgument, "option '{}' is '{}'; it must be {}", option, value, form);
}

} // namespace

void check(const std::string& format, const Options& options) {
    one_of("the format", format, formats);
    one_of("option 'ignition'", options.ignition, ignitions);
    if (!options.topology_manager.empty())
        one_of("option 'topology-manager-policy'", options.topology_manager, topology_manager_policies);
    must(is_word(options.role, "-.", 63) && is_lower(options.role), "role", options.role,
         "the name of a MachineConfigPool: lower-case letters, digits, '-' and '.', 63 at most");
    if (!options.name.empty())
        must(is_word(options.name, "-.", 63) && is_lower(options.name), "name", options.name,
             "lower-case letters, digits, '-' and '.', 63 at most");
    if (!options.pool_label.empty())
        must(is_label(options.pool_label), "pool-label", options.pool_label, "KEY or KEY=VALUE, a label of Kubernetes");
    if (options.tuned_priority > most_priority)
        throw fail(Reason::InvalidArgument,
                   "option 'tuned-priority' is {}; at most {} is allowed, since lower ones win and the node tuning "
                   "operator's own profiles begin at 30",
                   options.tuned_priority, most_priority);
}

} // namespace rtnode::exports
