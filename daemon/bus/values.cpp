#include "bus/values.hpp"

#include "bus/requests.hpp"
#include "state/error.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace rtnode::bus {
namespace {

using Json = nlohmann::json;
using sdbus::Variant;

Dictionary dictionary_of_json(const Json& json);

Variant variant_of_list(const Json& list) {
    if (std::ranges::all_of(list, [](const Json& j) { return j.is_string(); }))
        return Variant(list.get<std::vector<std::string>>());
    if (std::ranges::all_of(list, [](const Json& j) { return j.is_number_unsigned(); }))
        return Variant(list.get<std::vector<std::uint64_t>>());
    if (std::ranges::all_of(list, [](const Json& j) { return j.is_object(); })) {
        std::vector<Dictionary> rows;
        for (const auto& row : list)
            rows.push_back(dictionary_of_json(row));
        return Variant(rows);
    }
    std::vector<std::string> texts;
    for (const auto& element : list)
        texts.push_back(element.is_string() ? element.get<std::string>() : element.dump());
    return Variant(texts);
}

Variant variant_of(const Json& json) {
    switch (json.type()) {
    case Json::value_t::boolean:
        return Variant(json.get<bool>());
    case Json::value_t::number_unsigned:
        return Variant(json.get<std::uint64_t>());
    case Json::value_t::number_integer:
        if (json.get<std::int64_t>() >= 0) return Variant(json.get<std::uint64_t>());
        return Variant(json.get<std::int64_t>());
    case Json::value_t::number_float:
        return Variant(json.get<double>());
    case Json::value_t::array:
        return variant_of_list(json);
    case Json::value_t::object:
        return Variant(dictionary_of_json(json));
    default:
        return Variant(json.is_string() ? json.get<std::string>() : json.dump());
    }
}

Dictionary dictionary_of_json(const Json& json) {
    Dictionary result;
    for (const auto& [key, value] : json.items())
        if (!value.is_null()) result.emplace(key, variant_of(value));
    return result;
}

std::vector<std::string> names_of(const std::vector<Nevra>& packages) {
    std::vector<std::string> names;
    for (const auto& package : packages)
        names.push_back(package.str());
    return names;
}

} // namespace

Dictionary dictionary_of(const std::string& json) {
    const auto parsed = Json::parse(json, nullptr, false);
    if (!parsed.is_object()) throw fail(Reason::Internal, "a stored result is not a JSON object");
    return dictionary_of_json(parsed);
}

Dictionary dictionary_of(const Repository& repository) {
    auto base_urls = repository.base_urls;
    std::ranges::for_each(base_urls, redact);
    return {{"id", Variant(repository.id)},
            {"name", Variant(repository.name)},
            {"base-urls", Variant(std::move(base_urls))},
            {"gpgcheck", Variant(repository.gpgcheck)},
            {"defined-at", Variant(repository.defined_at)}};
}

Dictionary dictionary_of(const latency::Comparison& comparison) {
    std::vector<Dictionary> figures;
    for (const auto& figure : comparison.figures)
        figures.push_back({{"name", Variant(figure.name)},
                           {"a-ns", Variant(figure.a_ns)},
                           {"b-ns", Variant(figure.b_ns)},
                           {"ratio", Variant(figure.ratio)},
                           {"low", Variant(figure.low)},
                           {"high", Variant(figure.high)},
                           {"decides", Variant(figure.decides)}});
    return {{"verdict", Variant(comparison.verdict)},
            {"reasons", Variant(comparison.reasons)},
            {"changes", Variant(comparison.changes)},
            {"figures", Variant(figures)}};
}

Dictionary dictionary_of(const Deployment& d) {
    Dictionary row;
    const auto add = [&](const char* key, auto value) { row.emplace(key, Variant(std::move(value))); };
    const auto add_text = [&](const char* key, const std::string& value) {
        if (!value.empty()) add(key, value);
    };
    const auto add_list = [&](const char* key, const std::vector<std::string>& value) {
        if (!value.empty()) add(key, value);
    };
    add("stateroot", d.stateroot);
    add("checksum", d.checksum);
    add("serial", static_cast<std::uint32_t>(d.serial));
    add("booted", d.booted);
    add("staged", d.staged);
    add("pending", d.pending);
    add("rollback", d.rollback);
    add("pinned", d.pinned);
    add("unlocked", d.unlocked);
    add_text("version", d.version);
    add("timestamp", d.timestamp);
    add("base-checksum", d.base_checksum);
    add_text("base-version", d.base_version);
    add("base-timestamp", d.base_timestamp);
    add_text("origin", d.origin.refspec);
    add_text("custom-url", d.origin.custom_url);
    add_text("custom-description", d.origin.custom_description);
    add("kernel-arguments", d.kernel_arguments.without_ostree().tokens());
    add_text("kernel", d.kernel);
    add("real-time", d.real_time);
    add_list("removed", names_of(d.removed));
    if (!d.replaced.empty()) {
        std::vector<Dictionary> rows;
        for (const auto& [before, after] : d.replaced)
            rows.push_back({{"before", Variant(before.str())}, {"after", Variant(after.str())}});
        add("replaced", rows);
    }
    add_list("local-packages", names_of(d.layered_packages));
    add("regenerate-initramfs", d.origin.regenerate_initramfs);
    if (d.diff.upgraded + d.diff.downgraded + d.diff.removed + d.diff.added > 0)
        add("diff", Dictionary{{"upgraded", Variant(std::uint32_t{d.diff.upgraded})},
                               {"downgraded", Variant(std::uint32_t{d.diff.downgraded})},
                               {"removed", Variant(std::uint32_t{d.diff.removed})},
                               {"added", Variant(std::uint32_t{d.diff.added})}});
    return row;
}

} // namespace rtnode::bus
