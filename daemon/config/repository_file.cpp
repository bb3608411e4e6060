#include "config/repository_file.hpp"

#include "config/repository_values.hpp"
#include "state/edit_distance.hpp"
#include "state/error.hpp"

#include <algorithm>
#include <array>
#include <set>
#include <string_view>

namespace rtnode::config {
namespace {

/// Keys of .repo files that dnf 4 and 5, yum and subscription-manager know.
const std::set<std::string_view> known_keys{"async",
                                            "bandwidth",
                                            "baseurl",
                                            "cachedir",
                                            "cost",
                                            "countme",
                                            "deltarpm",
                                            "deltarpm_percentage",
                                            "enabled",
                                            "enabled_metadata",
                                            "enablegroups",
                                            "exclude",
                                            "excludeenv",
                                            "excludegroups",
                                            "excludepkgs",
                                            "failovermethod",
                                            "fastestmirror",
                                            "gpgcakey",
                                            "gpgcheck",
                                            "gpgkey",
                                            "http_caching",
                                            "include",
                                            "includepkgs",
                                            "ip_resolve",
                                            "keepalive",
                                            "keepcache",
                                            "max_parallel_downloads",
                                            "mdpolicy",
                                            "mediaid",
                                            "metadata_expire",
                                            "metadata_expire_filter",
                                            "metalink",
                                            "minrate",
                                            "mirrorlist",
                                            "mirrorlist_expire",
                                            "module_hotfixes",
                                            "name",
                                            "password",
                                            "persistdir",
                                            "pkg_gpgcheck",
                                            "priority",
                                            "protected",
                                            "proxy",
                                            "proxy_auth_method",
                                            "proxy_password",
                                            "proxy_sslcacert",
                                            "proxy_sslclientcert",
                                            "proxy_sslclientkey",
                                            "proxy_sslverify",
                                            "proxy_username",
                                            "repo_gpgcheck",
                                            "retries",
                                            "skip_if_unavailable",
                                            "sslcacert",
                                            "sslclientcert",
                                            "sslclientkey",
                                            "sslverify",
                                            "sslverifystatus",
                                            "throttle",
                                            "timeout",
                                            "type",
                                            "ui_repoid_vars",
                                            "user_agent",
                                            "username"};

/// To mistype one of these means to trust or to choose something else than was meant, silently.
constexpr std::array<std::string_view, 13> weighty_keys{
    "enabled",       "exclude",      "excludepkgs", "gpgcheck",      "gpgkey",    "includepkgs",    "priority",
    "repo_gpgcheck", "sslclientkey", "sslcacert",   "sslclientcert", "sslverify", "proxy_sslverify"};

void warn_of_typos(const std::filesystem::path& file, const IniSection& section, std::vector<std::string>& warnings) {
    std::vector<std::pair<unsigned, std::string>> found;
    for (const auto& [key, entry] : section.entries) {
        if (known_keys.contains(key)) continue;
        auto lower = key;
        std::ranges::transform(lower, lower.begin(), [](unsigned char c) { return c == '-' ? '_' : std::tolower(c); });
        for (const auto meant : weighty_keys)
            if (edit_distance(lower, meant) <= 2) {
                found.emplace_back(entry.line, fmt::format("{}:{}: the key '{}' of repository '{}' means nothing; is "
                                                           "'{}' meant?",
                                                           file.string(), entry.line, key, section.id, meant));
                break;
            }
    }
    std::ranges::sort(found);
    for (auto& [line, text] : found)
        warnings.push_back(std::move(text));
}

int ip_version_of(const RepositoryValues& values) {
    auto text = values.text("ip_resolve").value_or("");
    std::ranges::transform(text, text.begin(), [](unsigned char c) { return std::tolower(c); });
    return text == "4" || text == "ipv4" ? 4 : text == "6" || text == "ipv6" ? 6 : 0;
}

void read_values(const RepositoryValues& values, Repository& repository) {
    repository.base_urls = values.own_list("baseurl");
    repository.metalink = values.own_text("metalink").value_or("");
    repository.mirrorlist = values.own_text("mirrorlist").value_or("");
    if (repository.base_urls.empty() && repository.metalink.empty() && repository.mirrorlist.empty())
        throw fail(Reason::RepositoryConfiguration, "{}: it has neither baseurl nor mirrorlist nor metalink",
                   repository.defined_at);
    // dnf 5 has a new name for the old key.
    repository.gpgcheck = values.own_flag("gpgcheck").value_or(values.own_flag("pkg_gpgcheck").value_or(true));
    repository.repo_gpgcheck = values.flag("repo_gpgcheck").value_or(false);
    repository.gpg_keys = values.own_list("gpgkey");
    repository.priority = values.own_number("priority", repository.priority);
    repository.cost = values.own_number("cost", repository.cost);
    for (const auto* key : {"excludepkgs", "exclude"})
        std::ranges::move(values.lists(key), std::back_inserter(repository.exclude));
    repository.include = values.lists("includepkgs");
    repository.ssl_verify = values.own_flag("sslverify").value_or(true);
    repository.ssl_verify_status = values.flag("sslverifystatus").value_or(false);
    repository.ssl_ca_cert = values.path("sslcacert");
    repository.ssl_client_cert = values.path("sslclientcert");
    repository.ssl_client_key = values.path("sslclientkey");
    repository.username = values.text("username").value_or("");
    repository.password = values.text("password").value_or("");
    repository.proxy = values.text("proxy").value_or("");
    if (repository.proxy == "_none_") repository.proxy.clear();
    repository.proxy_username = values.text("proxy_username").value_or("");
    repository.proxy_password = values.text("proxy_password").value_or("");
    repository.proxy_ssl_verify = values.flag("proxy_sslverify").value_or(true);
    repository.proxy_ssl_ca_cert = values.path("proxy_sslcacert");
    repository.ip_version = ip_version_of(values);
    repository.metadata_expire_s = values.seconds("metadata_expire", repository.metadata_expire_s);
    repository.skip_if_unavailable = values.flag("skip_if_unavailable").value_or(false);
    if (const auto type = values.own_text("type").value_or("rpm-md");
        type != "rpm-md" && type != "rpm" && type != "repomd" && type != "rpmmd" && type != "yum" && type != "YUM")
        throw fail(Reason::RepositoryConfiguration, "{}: its type is '{}', and only rpm-md can be read",
                   repository.defined_at, type);
}

std::optional<Repository> repository_of(const std::filesystem::path& file, const IniSection& section,
                                        const Variables& variables, const MainSection& main) {
    const RepositoryValues values(file, section, main, variables);
    Repository repository;
    repository.id = section.id;
    repository.name = section.id;
    repository.defined_at = fmt::format("{}:{}", file.string(), section.line);
    try {
        if (!values.own_flag("enabled").value_or(true)) return std::nullopt;
        // It is for people, so a variable that isn't known does no harm in it.
        try {
            repository.name = values.own_text("name").value_or(section.id);
        } catch (const Error&) {
            repository.name = values.raw_text("name");
        }
        // First, for it says whether the rest may be wrong.
        repository.skip_if_unavailable = values.flag("skip_if_unavailable").value_or(false);
        read_values(values, repository);
    } catch (const Error& error) {
        repository.defect = error.what();
    }
    return repository;
}

} // namespace

MainSection read_main_section(const std::filesystem::path& file, std::vector<std::string>& warnings) {
    MainSection main{.file = file, .section = {}};
    if (std::error_code error; file.empty() || !std::filesystem::exists(file, error)) return main;
    try {
        for (auto& section : read_ini_file(file))
            if (section.id == "main") main.section = std::move(section);
    } catch (const Error& error) {
        warnings.push_back(fmt::format("{}; repositories inherit nothing from it", error.what()));
    }
    if (!main.section) return main;
    for (const auto* key : {"gpgcheck", "sslverify"})
        if (const auto found = main.section->entries.find(key); found != main.section->entries.end())
            if (const auto& value = found->second.values.front();
                value == "0" || value == "no" || value == "False" || value == "false" || value == "off")
                warnings.push_back(fmt::format("{}:{}: {}={} counts for no repository; write it where a repository is "
                                               "defined, if that one is to be trusted without",
                                               file.string(), found->second.line, key, value));
    return main;
}

std::vector<Repository> read_repository_file(const std::filesystem::path& file, const Variables& variables,
                                             const MainSection& main, std::vector<std::string>& warnings) {
    std::vector<IniSection> sections;
    try {
        sections = read_ini_file(file);
    } catch (const Error& error) {
        Repository unreadable;
        unreadable.id = unreadable.name = file.filename().string();
        unreadable.defined_at = file.string();
        unreadable.defect = error.what();
        return {unreadable};
    }
    std::vector<Repository> repositories;
    for (const auto& section : sections) {
        if (section.id == "main") continue;
        auto repository = repository_of(file, section, variables, main);
        if (!repository) continue;
        warn_of_typos(file, section, warnings);
        repositories.push_back(std::move(*repository));
    }
    return repositories;
}

} // namespace rtnode::config
