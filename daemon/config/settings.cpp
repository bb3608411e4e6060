#include "config/settings.hpp"

#include "config/repository_file.hpp"
#include "config/table.hpp"
#include "state/error.hpp"
#include "state/kernel_version.hpp"
#include "state/own_prefix.hpp"

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <limits>
#include <set>

namespace rtnode::config {
namespace {

namespace fs = std::filesystem;

/// All that files said so far.
struct Inputs {
    Settings settings;
    std::vector<fs::path> repository_folders;
    std::string releasever;
    std::map<std::string, std::pair<Repository, std::string>> repositories; ///< id → unexpanded, "file:line"
};

void read_repository(const std::string& id, const Value& value, Inputs& inputs) {
    auto& [repository, place] = inputs.repositories[id];
    place = fmt::format("{}:{}", value.location().file_name(), value.location().line());
    repository.id = id;
    if (repository.name.empty()) repository.name = id;
    Table table("repository." + id, value);
    table.text("name", repository.name);
    table.texts("base-urls", repository.base_urls);
    table.text("metalink", repository.metalink);
    table.text("mirrorlist", repository.mirrorlist);
    table.flag("enabled", repository.enabled);
    table.flag("gpgcheck", repository.gpgcheck);
    table.flag("repo-gpgcheck", repository.repo_gpgcheck);
    table.texts("gpg-keys", repository.gpg_keys);
    table.number("priority", repository.priority, 1, 99);
    table.number("cost", repository.cost, 0, std::numeric_limits<int>::max());
    table.texts("exclude", repository.exclude);
    table.texts("include", repository.include);
    table.flag("ssl-verify", repository.ssl_verify);
    table.text("ssl-ca-cert", repository.ssl_ca_cert);
    table.text("ssl-client-cert", repository.ssl_client_cert);
    table.text("ssl-client-key", repository.ssl_client_key);
    table.text("username", repository.username);
    table.text("password", repository.password);
    table.text("proxy", repository.proxy);
    table.text("proxy-username", repository.proxy_username);
    table.text("proxy-password", repository.proxy_password);
    std::chrono::seconds expire(repository.metadata_expire_s);
    table.duration("metadata-expire", expire, std::chrono::hours(24 * 365));
    repository.metadata_expire_s = expire.count();
    table.flag("skip-if-unavailable", repository.skip_if_unavailable);
    table.finish();
    if (repository.enabled && repository.base_urls.empty() && repository.metalink.empty() &&
        repository.mirrorlist.empty())
        throw refused(fmt::format("repository `{}` has no `base-urls`, `metalink` or `mirrorlist`", id), value, "here",
                      "give it at least one URL");
}

void read_fragment(const fs::path& file, Inputs& inputs) {
    const auto root = read_toml(file);
    auto& settings = inputs.settings;
    Table top("", root);
    top.with("profile", [&](const Value& v) {
        Table table("profile", v);
        table.text("name", settings.profile);
        std::string on_drift = settings.repair_drift ? "repair" : "report";
        table.choice("on-drift", on_drift, {"report", "repair"});
        settings.repair_drift = on_drift == "repair";
        table.finish();
    });
    top.with("packages", [&](const Value& v) {
        Table table("packages", v);
        table.paths("gpg-keys", settings.gpg_keys);
        table.paths("repository-folders", inputs.repository_folders);
        table.text("releasever", inputs.releasever);
        table.number("cache-megabytes", settings.cache_megabytes, 0, 1'000'000);
        table.number("cache-days", settings.cache_days, 0, 3650);
        table.checked_text("kernel-version", settings.kernel_version,
                           "\"match-base\", \"newest\", \"pinned\" or a version such as \"5.14.0-427.13.1.el9_4\"",
                           KernelVersion::parse);
        table.finish();
    });
    top.with("repository", [&](const Value& v) {
        if (!v.is_table()) throw refused("`repository` must be tables", v, "not that", "write [repository.NAME]");
        for (const auto& [id, value] : v.as_table())
            read_repository(id, value, inputs);
    });
    top.with("update", [&](const Value& v) {
        Table table("update", v);
        table.flag("reapply", settings.update_reapply);
        table.finish();
    });
    top.with("kernel-checks", [&](const Value& v) {
        Table table("kernel-checks", v);
        const auto strictness = [&](const char* key, Strictness& to) {
            std::string text;
            table.checked_text(key, text, "\"block\", \"warn\" or \"ignore\"",
                               [&](const std::string& word) { to = parse_strictness(word); });
        };
        strictness("secure-boot", settings.kernel_checks.secure_boot);
        strictness("fips", settings.kernel_checks.fips);
        strictness("out-of-tree-modules", settings.kernel_checks.out_of_tree_modules);
        table.finish();
    });
    top.with("limits", [&](const Value& v) {
        Table table("limits", v);
        table.seconds("scriptlets", settings.scriptlet_limit_s);
        table.seconds("dracut", settings.dracut_limit_s);
        table.seconds("lock-wait", settings.lock_wait_s);
        table.finish();
    });
    top.with("latency", [&](const Value& v) {
        Table table("latency", v);
        table.duration("max-duration", settings.latency_max_duration, std::chrono::hours(24 * 365));
        table.path("results-folder", settings.latency_results_folder);
        table.number("keep", settings.latency_keep, 1, 10'000);
        table.number("watch-keep", settings.latency_watch_keep, 1, 10'000);
        table.share("watch-tolerance", settings.latency_watch_tolerance);
        table.number("watch-confirmations", settings.latency_watch_confirmations, 1, 100);
        table.finish();
    });
    top.with("metrics", [&](const Value& v) {
        Table table("metrics", v);
        table.path("socket", settings.metrics_socket);
        table.path("textfile-folder", settings.metrics_textfile_folder);
        table.finish();
    });
    top.finish();
}

/// What an import wrote, by name; other files in there come from the medium, and mean nothing here.
std::vector<fs::path> definitions_of_imported(const fs::path& folder) {
    std::vector<fs::path> files;
    std::error_code none; // nothing was imported
    for (auto entry = fs::directory_iterator(folder, none); !none && entry != fs::end(entry); entry.increment(none))
        if (auto file = entry->path() / ".local.repo"; fs::is_regular_file(fs::symlink_status(file)))
            files.push_back(std::move(file));
    std::ranges::sort(files);
    return files;
}

Variables variables_of(const Sources& sources, const Inputs& inputs) {
    auto variables = sources.variables;
    Variables fixed;
    for (const auto* name : {"arch", "basearch"})
        if (variables.contains(name)) fixed[name] = variables[name];
    if (!inputs.releasever.empty()) fixed["releasever"] = inputs.releasever;
    add_variables(variables, sources.variables_folders, fixed);
    return variables;
}

constexpr std::string_view credential_prefix = "credential:";

/// Where systemd has put the credential that `text` names (LoadCredential=); any other text as it is.
fs::path credential_path(const std::string& text, const Sources& sources) {
    const auto name = text.substr(credential_prefix.size());
    if (name.empty() || name.find('/') != std::string::npos || sources.credentials_folder.empty() ||
        !fs::is_regular_file(sources.credentials_folder / name))
        throw fail(
            Reason::Configuration,
            "the credential '{}' was not passed to rtnoded; add LoadCredential={}:/path/of/it to rtnoded.service", name,
            name);
    return sources.credentials_folder / name;
}

/// Replaces "credential:NAME": by its path where a file is wanted, by its content where a secret is.
void resolve_credentials(Repository& repository, const Sources& sources) {
    for (auto* file : {&repository.ssl_ca_cert, &repository.ssl_client_cert, &repository.ssl_client_key})
        if (file->starts_with(credential_prefix)) *file = credential_path(*file, sources).string();
    for (auto* secret :
         {&repository.username, &repository.password, &repository.proxy_username, &repository.proxy_password}) {
        if (!secret->starts_with(credential_prefix)) continue;
        std::ifstream file(credential_path(*secret, sources), std::ios::binary);
        secret->assign(std::istreambuf_iterator<char>(file), {});
        while (secret->ends_with('\n') || secret->ends_with('\r'))
            secret->pop_back();
    }
}

} // namespace

Settings load(const Sources& sources) {
    Inputs inputs;
    for (const auto& file : files_in(sources.folders, ".toml"))
        read_fragment(file, inputs);
    auto settings = std::move(inputs.settings);
    const auto variables = variables_of(sources, inputs);

    std::map<std::string, Repository> by_id;
    auto folders = inputs.repository_folders;
    if (folders.empty()) folders.push_back(sources.repository_folder);
    const auto main = read_main_section(sources.main_file, settings.warnings);
    auto files = files_in(folders, ".repo");
    for (const auto& file : definitions_of_imported(sources.imported_folder))
        files.push_back(file);
    for (const auto& file : files)
        for (auto& repository : read_repository_file(file, variables, main, settings.warnings)) {
            const auto [at, fresh] = by_id.emplace(repository.id, repository);
            if (!fresh)
                settings.warnings.push_back(fmt::format("{}: repository '{}' is left out: it is defined at {} already",
                                                        repository.defined_at, repository.id, at->second.defined_at));
        }
    for (auto& [id, input] : inputs.repositories) { // ours win over .repo files
        auto& [repository, place] = input;
        by_id.erase(id);
        if (!repository.enabled) continue;
        try {
            for (auto* list : {&repository.base_urls, &repository.gpg_keys})
                for (auto& text : *list)
                    text = expand(text, variables);
            for (auto* text : {&repository.metalink, &repository.mirrorlist, &repository.proxy})
                *text = expand(*text, variables);
        } catch (const Error& e) {
            throw fail(Reason::Configuration, "{}: repository '{}': {}; set `releasever` in [packages]", place, id,
                       e.what());
        }
        try {
            resolve_credentials(repository, sources);
        } catch (const Error& e) {
            throw fail(Reason::Configuration, "{}: repository '{}': {}", place, id, e.what());
        }
        repository.defined_at = place;
        by_id[id] = std::move(repository);
    }
    for (auto& [id, repository] : by_id) {
        if (!repository.defect.empty())
            settings.warnings.push_back(
                fmt::format("{}; jobs that need repositories fail until that is corrected{}", repository.defect,
                            repository.skip_if_unavailable ? " (or go on without: skip_if_unavailable)" : ""));
        settings.repositories.push_back(std::move(repository));
    }
    return settings;
}

Sources Sources::of_system() {
    Sources sources;
    for (const fs::path& parent : {own_prefix() / "lib", fs::path("/run"), fs::path("/etc")}) {
        sources.folders.push_back(parent / "rtnode/rtnoded.conf.d");
        sources.profile_folders.push_back(parent / "rtnode/profiles.d");
    }
    sources.repository_folder = "/etc/yum.repos.d";
    sources.main_file = "/etc/dnf/dnf.conf";
    sources.variables_folders = {"/etc/yum/vars", "/etc/dnf/vars"};
    if (const char* folder = std::getenv("CREDENTIALS_DIRECTORY")) sources.credentials_folder = folder;
    sources.variables = {{"basearch", "x86_64"}, {"arch", "x86_64"}};
    std::ifstream release("/etc/os-release");
    for (std::string line; std::getline(release, line);) {
        for (const std::string key : {"VERSION_ID=", "RHEL_VERSION="}) { // RHCOS: VERSION_ID is OpenShift's
            if (!line.starts_with(key)) continue;
            auto value = line.substr(key.size());
            std::erase(value, '"');
            if (key.starts_with("RHEL") || !sources.variables.contains("releasever"))
                sources.variables["releasever"] = value;
        }
    }
    return sources;
}

Sources Sources::in(const fs::path& folder) {
    Sources sources;
    sources.folders = {folder};
    sources.profile_folders = {folder / "profiles.d"};
    sources.repository_folder = folder / "repos.d";
    sources.main_file = folder / "dnf.conf";
    sources.variables_folders = {folder / "vars"};
    sources.credentials_folder = folder / "credentials";
    sources.variables = {{"basearch", "x86_64"}, {"arch", "x86_64"}};
    return sources;
}

std::chrono::seconds parse_duration(const std::string& text) {
    std::chrono::seconds total{0};
    std::int64_t unit_before = std::numeric_limits<std::int64_t>::max();
    std::size_t at = 0;
    while (at < text.size()) {
        const auto end = text.find_first_not_of("0123456789", at);
        if (end == std::string::npos || end == at || end - at > 9) break;
        const std::int64_t unit = text[end] == 'h' ? 3600 : text[end] == 'm' ? 60 : text[end] == 's' ? 1 : 0;
        if (unit == 0 || unit >= unit_before) break;
        total += std::chrono::seconds(std::stoll(text.substr(at, end - at)) * unit);
        unit_before = unit;
        at = end + 1;
    }
    if (text.empty() || at < text.size())
        throw fail(Reason::InvalidArgument, "'{}' is not a time; write \"90s\", \"5m\", \"24h\" or \"1h30m\"", text);
    return total;
}

} // namespace rtnode::config
