#include "host/owners.hpp"

#include "state/file_text.hpp"
#include "state/kernel_arguments.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <map>
#include <optional>
#include <sstream>
#include <string_view>
#include <system_error>

namespace rtnode::host {
namespace {

namespace fs = std::filesystem;
using Owners = std::vector<KernelOwner>;

constexpr const char* node_tuning_operator = "node tuning operator";

std::vector<fs::path> files_in(const fs::path& folder, std::string_view ending) {
    std::vector<fs::path> files;
    std::error_code error;
    for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error))
        if (it->path().extension() == ending) files.push_back(it->path());
    std::ranges::sort(files);
    return files;
}

std::string first_line(const fs::path& file) {
    auto text = file_text(file);
    text.erase(std::min(text.find('\n'), text.size()));
    text.erase(text.find_last_not_of(" \t\r") + 1);
    return text;
}

void add_words(std::vector<std::string>& words, std::string_view text) {
    const auto tokens = KernelArguments::parse(text).tokens();
    words.insert(words.end(), tokens.begin(), tokens.end());
}

Owners machine_config_daemon(const fs::path& root) {
    const auto file = root / "etc/machine-config-daemon/currentconfig";
    std::error_code missing;
    if (!fs::exists(file.parent_path(), missing)) return {};
    KernelOwner owner{.name = machine_config_daemon_name, .evidence = "/etc/machine-config-daemon/currentconfig"};
    const auto text = file_text(file);
    if (text.empty()) {
        owner.evidence = "/etc/machine-config-daemon";
        owner.note = "there is no currentconfig (yet), so which arguments it sets is unknown";
        return {owner};
    }
    const auto config = nlohmann::json::parse(text, nullptr, false);
    const auto spec = config.find("spec");
    if (spec == config.end() || !spec->is_object()) {
        owner.note = "it is no MachineConfig in JSON, so which arguments are set is unknown";
        return {owner};
    }
    if (const auto type = spec->find("kernelType"); type != spec->end() && type->is_string())
        owner.kernel_type = type->get<std::string>();
    // null when no MachineConfig has any
    if (const auto arguments = spec->find("kernelArguments"); arguments != spec->end() && arguments->is_array())
        for (const auto& entry : *arguments) // an entry may hold several
            if (entry.is_string()) add_words(owner.arguments, entry.get<std::string>());
    return {owner};
}

/// "[openshift-node-performance-rt]", the only section of the file that tells TuneD what to choose.
std::string section_in(const std::string& text) {
    const auto from = text.find('['), to = text.find(']', from);
    return to == std::string::npos ? "" : text.substr(from + 1, to - from - 1);
}

Owners tuning_operator(const fs::path& root) {
    std::error_code missing;
    if (!fs::exists(root / "var/lib/ocp-tuned", missing)) return {};
    const auto profile = section_in(file_text(root / "var/lib/ocp-tuned/recommend.d/50-openshift.conf"));
    return {{.name = node_tuning_operator,
             .evidence = "/var/lib/ocp-tuned",
             .note = (profile.empty() ? "" : "profile " + profile + "; ") +
                     "its kernel arguments come with a MachineConfig"}};
}

/// `NAME="value"` of a file that a shell reads: the last one counts.
std::string shell_value(const std::string& text, const std::string& name) {
    std::string value;
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);)
        if (line.starts_with(name + '=')) value = line.substr(name.size() + 1);
    if (value.size() >= 2 && value.front() == '"' && value.back() == '"') value = value.substr(1, value.size() - 2);
    return value;
}

Owners tuned(const fs::path& root) {
    const auto profile = first_line(root / "etc/tuned/active_profile");
    KernelOwner owner{.name = profile.starts_with("openshift") ? node_tuning_operator : "TuneD",
                      .evidence = "/etc/tuned/active_profile"};
    add_words(owner.arguments, shell_value(file_text(root / "etc/tuned/bootcmdline"), "TUNED_BOOT_CMDLINE"));
    if (!owner.arguments.empty()) owner.evidence = "/etc/tuned/bootcmdline";
    if (!profile.empty()) owner.note = "profile " + profile;
    return owner.arguments.empty() && profile.empty() ? Owners{} : Owners{owner};
}

/// Reads the string that begins at a quote, and moves `at` to the quote that ends it.
std::string quoted(const std::string& toml, std::size_t& at) {
    const char quote = toml[at];
    std::string text;
    for (++at; at < toml.size() && toml[at] != quote; ++at) {
        if (quote == '"' && toml[at] == '\\' && at + 1 < toml.size()) ++at; // \" and \\, all that arguments need
        text += toml[at];
    }
    return text;
}

/// `key = ["a", 'b', …]`, over any number of lines; nothing when there is no such key. All that bootc allows in its
/// files is two keys of this form, and a file that it refuses is not ours to judge.
std::optional<std::vector<std::string>> strings_in(const std::string& toml, const std::string& key) {
    std::optional<std::vector<std::string>> strings;
    std::string words; // outside of quotes, since the last ']'
    for (std::size_t i = 0; i < toml.size(); ++i) {
        const char c = toml[i];
        if (c == '#') {
            i = std::min(toml.find('\n', i), toml.size());
        } else if (c == '"' || c == '\'') {
            const auto text = quoted(toml, i);
            if (strings && words == key + "=[") strings->push_back(text);
        } else if (c == ']') {
            words.clear();
        } else if (std::string_view(" \t\r\n,").find(c) == std::string_view::npos) {
            words += c;
            if (words == key + "=[") strings.emplace();
        }
    }
    return strings;
}

Owners bootc(const fs::path& root) {
    Owners owners;
    for (const auto& file : files_in(root / "usr/lib/bootc/kargs.d", ".toml")) {
        const auto toml = file_text(file);
        const auto architectures = strings_in(toml, "match-architectures");
        if (architectures && std::ranges::find(*architectures, "x86_64") == architectures->end()) continue;
        KernelOwner owner{.name = "bootc", .evidence = "/usr/lib/bootc/kargs.d/" + file.filename().string()};
        if (const auto arguments = strings_in(toml, "kargs"))
            for (const auto& argument : *arguments)
                add_words(owner.arguments, argument);
        else
            owner.note = "it has no list kargs";
        owners.push_back(std::move(owner));
    }
    return owners;
}

Owners boot_entry_sources(const fs::path& root) {
    constexpr std::string_view prefix = "x-options-source-";
    std::map<std::string, KernelOwner> owners; // entries of several deployments name the same sources
    for (const auto& file : files_in(root / "boot/loader/entries", ".conf")) {
        std::istringstream lines(file_text(file));
        for (std::string line; std::getline(lines, line);) {
            if (!line.starts_with(prefix)) continue;
            const auto end = std::min(line.find_first_of(" \t"), line.size());
            const auto source = line.substr(prefix.size(), end - prefix.size());
            KernelOwner owner{.name = "boot entry source " + source,
                              .evidence = "/boot/loader/entries/" + file.filename().string()};
            add_words(owner.arguments, std::string_view(line).substr(end));
            owners[source] = std::move(owner);
        }
    }
    Owners sorted;
    for (auto& [source, owner] : owners)
        sorted.push_back(std::move(owner));
    return sorted;
}

} // namespace

std::vector<KernelOwner> kernel_owners(const fs::path& root) {
    Owners all;
    for (const auto find : {machine_config_daemon, tuning_operator, tuned, bootc, boot_entry_sources})
        for (auto& owner : find(root))
            all.push_back(std::move(owner));
    return all;
}

} // namespace rtnode::host
