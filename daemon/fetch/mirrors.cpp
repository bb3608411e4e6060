#include "fetch/mirrors.hpp"

#include "fetch/curl_options.hpp"
#include "fetch/xml.hpp"
#include "state/digest.hpp"
#include "state/error.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <map>
#include <set>
#include <utility>

namespace rtnode::fetch {
namespace {

/// Whether what came from `from` may lead to `mirror`.
bool may_lead_to(const std::string& from, const std::string& mirror, bool proven) {
    if (is_https(mirror)) return true;
    if (is_http(mirror)) return proven || !is_https(from);
    return path_of_file_url(from).has_value() && mirror.starts_with("file:///");
}

void keep_usable(Mirrors& mirrors, const std::string& from) {
    const auto all = mirrors.base_urls.size();
    std::set<std::string> seen;
    std::erase_if(mirrors.base_urls, [&](const std::string& mirror) {
        return !may_lead_to(from, mirror, mirrors.repomd.has_value()) || !seen.insert(mirror).second;
    });
    if (mirrors.base_urls.empty())
        throw fail(Reason::RepositoryMetadata, "the list of mirrors {} names none{}", redacted(from),
                   all == 0 ? ""
                            : " that may be used: only by http where the list came by https, only files of the node, "
                              "or only by other ways than http and https");
    if (mirrors.base_urls.size() > most_mirrors) mirrors.base_urls.resize(most_mirrors);
}

std::string value(const XmlElement& element, const char* name) {
    const auto found = element.attributes.find(name);
    return found == element.attributes.end() ? "" : found->second;
}

/// One list of checksums in a metalink: of the file, or of an alternate.
using Hashes = std::map<std::string, std::string>; ///< type → digest

struct Metalink {
    Hashes hashes;
    std::vector<Hashes> alternates;
    std::vector<std::pair<int, std::string>> urls; ///< preference, URL of repomd.xml
    Hashes open;                                   ///< of the alternate that is being read

    void take(const std::vector<XmlElement>& path) {
        const auto& element = path.back();
        const auto file = std::ranges::find_if(path, [](const auto& e) { return e.name == "file"; });
        if (file == path.end() || value(*file, "name") != "repomd.xml") return;
        const bool alternate = std::ranges::any_of(path, [](const auto& e) { return e.name.ends_with(":alternate"); });
        if (element.name == "hash") (alternate ? open : hashes)[value(element, "type")] = element.text;
        if (element.name.ends_with(":alternate")) alternates.push_back(std::exchange(open, {}));
        if (element.name != "url") return;
        int preference = 0;
        const auto text = value(element, "preference");
        std::from_chars(text.data(), text.data() + text.size(), preference);
        urls.emplace_back(preference, element.text);
    }
};

std::string checked(const std::string& type, std::string hex, const std::string& from) {
    std::ranges::transform(hex, hex.begin(), [](unsigned char c) { return std::tolower(c); });
    if (hex.size() != checksum_hex_length(type) || hex.find_first_not_of("0123456789abcdef") != std::string::npos)
        throw fail(Reason::RepositoryMetadata, "the metalink {} has a malformed {} checksum", redacted(from), type);
    return hex;
}

} // namespace

Mirrors parse_mirrorlist(const std::string& text, const std::string& from) {
    if (const auto first = text.find_first_not_of(" \t\r\n"); first != std::string::npos && text[first] == '<') {
        if (text.find("<metalink") != std::string::npos) return parse_metalink(text, from);
        throw fail(Reason::RepositoryMetadata, "the list of mirrors {} is a web page or such, not a URL a line",
                   redacted(from));
    }
    Mirrors mirrors;
    for (std::size_t at = 0; at < text.size();) {
        const auto end = std::min(text.find('\n', at), text.size());
        auto line = text.substr(at, end - at);
        at = end + 1;
        line.erase(0, std::min(line.find_first_not_of(" \t"), line.size()));
        line.erase(line.find_last_not_of(" \t\r") + 1);
        if (!line.empty() && !line.starts_with('#')) mirrors.base_urls.push_back(line);
    }
    keep_usable(mirrors, from);
    return mirrors;
}

Mirrors parse_metalink(const std::string& text, const std::string& from) {
    Metalink link;
    bool is_metalink = false;
    parse_xml(text, fmt::format("the metalink {}", redacted(from)), [&](const std::vector<XmlElement>& path) {
        link.take(path);
        is_metalink = path.front().name == "metalink";
    });
    if (!is_metalink) throw fail(Reason::RepositoryMetadata, "{} is no metalink", redacted(from));
    Mirrors mirrors;
    for (const auto* type : {"sha256", "sha512", "sha384"}) {
        if (!link.hashes.contains(type)) continue;
        mirrors.repomd = Checksum{type, checked(type, link.hashes.at(type), from)};
        for (const auto& alternate : link.alternates)
            if (alternate.contains(type)) mirrors.older_repomds.push_back(checked(type, alternate.at(type), from));
        break;
    }
    if (!mirrors.repomd)
        throw fail(Reason::RepositoryMetadata,
                   "the metalink {} has no checksum of repomd.xml that proves it (sha256, sha384 or sha512)",
                   redacted(from));
    std::ranges::stable_sort(link.urls, std::greater{}, [](const auto& url) { return url.first; });
    constexpr std::string_view file = "repodata/repomd.xml";
    for (auto& [preference, url] : link.urls)
        if (url.ends_with(file)) mirrors.base_urls.push_back(url.substr(0, url.size() - file.size()));
    keep_usable(mirrors, from);
    return mirrors;
}

} // namespace rtnode::fetch
