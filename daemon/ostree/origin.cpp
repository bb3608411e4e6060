#include "ostree/origin.hpp"

#include "ostree/handles.hpp"

#include <algorithm>
#include <map>

namespace rtnode::ostree {
namespace {

constexpr std::size_t checksum_digits = 64; // of a SHA-256

GKeyFilePtr load(const std::string& text) {
    GKeyFilePtr file(g_key_file_new());
    ErrorSlot error;
    error.check(
        g_key_file_load_from_data(file.get(), text.data(), text.size(), G_KEY_FILE_KEEP_COMMENTS, error.address()),
        Reason::UnusableOrigin, "the origin file of the deployment is not a key file");
    return file;
}

std::string text_of(GKeyFile* file) {
    gsize length = 0;
    GStr data(g_key_file_to_data(file, &length, nullptr));
    return {data.get(), length};
}

/// Raw values throughout: rpm-ostree writes them without GKeyFile's escapes.
std::string value(GKeyFile* file, const char* group, const char* key) {
    GStr text(g_key_file_get_value(file, group, key, nullptr));
    return text ? text.get() : "";
}

std::vector<std::string> list(GKeyFile* file, const char* group, const char* key) {
    std::vector<std::string> items;
    const std::string text = value(file, group, key);
    for (std::size_t begin = 0; begin < text.size();) {
        const auto end = std::min(text.find(';', begin), text.size());
        if (end > begin) items.push_back(text.substr(begin, end - begin));
        begin = end + 1;
    }
    return items;
}

bool truth(GKeyFile* file, const char* group, const char* key) {
    const std::string text = value(file, group, key);
    return text == "true" || text == "1";
}

void set_list(GKeyFile* file, const char* group, const char* key, const std::vector<std::string>& items) {
    if (items.empty()) {
        g_key_file_remove_key(file, group, key, nullptr);
        if (GStrvPtr keys(g_key_file_get_keys(file, group, nullptr, nullptr)); keys && !*keys.get())
            g_key_file_remove_group(file, group, nullptr);
        return;
    }
    // As rpm-ostree keeps them: a set of names, a map by NEVRA of local packages; a semicolon after each.
    const auto key_of = [&](const std::string& item) {
        const auto nevra = item.find(':') == checksum_digits ? item.substr(checksum_digits + 1) : "";
        return std::pair(nevra, item);
    };
    std::map<std::pair<std::string, std::string>, std::string> sorted;
    for (const auto& item : items)
        sorted.emplace(key_of(item), item);
    std::string text;
    for (const auto& [order, item] : sorted)
        text += item + ";";
    g_key_file_set_value(file, group, key, text.c_str());
}

} // namespace

Origin parse_origin(const std::string& text) {
    const auto file = load(text);
    auto* keys = file.get();
    Origin origin;
    origin.raw = text;
    origin.refspec = value(keys, "origin", "refspec");
    if (origin.refspec.empty()) origin.refspec = value(keys, "origin", "baserefspec");
    if (const auto container = value(keys, "origin", "container-image-reference"); !container.empty()) {
        if (!origin.refspec.empty())
            throw fail(Reason::UnusableOrigin,
                       "the origin names both '{}' and container image '{}'; rpm-ostree refuses that too: rebase first",
                       origin.refspec, container);
        origin.refspec = container;
        origin.is_container = true;
    }
    origin.custom_url = value(keys, "origin", "custom-url");
    origin.custom_description = value(keys, "origin", "custom-description");
    origin.requested = list(keys, "packages", "requested");
    origin.requested_local = list(keys, "packages", "requested-local");
    origin.requested_fileoverride = list(keys, "packages", "requested-local-fileoverride");
    origin.overrides_remove = list(keys, "overrides", "remove");
    origin.overrides_replace_local = list(keys, "overrides", "replace-local");
    origin.overrides_replace = list(keys, "overrides", "replace");
    origin.initramfs_etc = list(keys, "rpmostree", "initramfs-etc");
    origin.initramfs_args = list(keys, "rpmostree", "initramfs-args");
    origin.regenerate_initramfs = truth(keys, "rpmostree", "regenerate-initramfs");
    return origin;
}

LayeringLists lists_of(const Origin& origin) {
    return {origin.requested, origin.requested_local, origin.overrides_remove, origin.overrides_replace_local};
}

std::string carried_origin(const std::string& text) {
    const auto file = load(text);
    ostree_deployment_origin_remove_transient_state(file.get());
    return text_of(file.get());
}

std::string changed_origin(const std::string& text, const LayeringLists& lists) {
    const auto file = load(text);
    auto* keys = file.get();
    ostree_deployment_origin_remove_transient_state(keys);
    set_list(keys, "packages", "requested", lists.requested);
    set_list(keys, "packages", "requested-local", lists.requested_local);
    set_list(keys, "overrides", "remove", lists.overrides_remove);
    set_list(keys, "overrides", "replace-local", lists.overrides_replace_local);

    const Origin result = parse_origin(text_of(keys));
    if (result.refspec.empty())
        throw fail(Reason::UnusableOrigin, "the origin has no refspec, baserefspec or container-image-reference; "
                                           "rebase the node to its image first (rpm-ostree rebase)");
    if (!result.is_container) {
        const bool layered = result.layered() || truth(keys, "rpmostree", "ex-cliwrap");
        g_key_file_set_value(keys, "origin", layered ? "baserefspec" : "refspec", result.refspec.c_str());
        g_key_file_remove_key(keys, "origin", layered ? "refspec" : "baserefspec", nullptr);
    }
    return text_of(keys);
}

std::pair<std::string, std::string> split_local_entry(const std::string& entry) {
    const bool hex = entry.size() > checksum_digits + 1 && entry[checksum_digits] == ':' &&
                     std::all_of(entry.begin(), entry.begin() + checksum_digits,
                                 [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
    if (!hex)
        throw fail(Reason::UnusableOrigin,
                   "the origin's package entry '{}' is not '<sha256>:<nevra>'; remove it with "
                   "rpm-ostree (uninstall, or override reset) first",
                   entry);
    return {entry.substr(0, checksum_digits), entry.substr(checksum_digits + 1)};
}

} // namespace rtnode::ostree
