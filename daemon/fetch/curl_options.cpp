#include "fetch/curl_options.hpp"

#include "state/error.hpp"

#include <strings.h>

#include <algorithm>
#include <charconv>

namespace rtnode::fetch {
namespace {

void set_tls(CURL* easy, const Access& access) {
    curl_easy_setopt(easy, CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, access.verify ? 1L : 0L);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, access.verify ? 2L : 0L);
    if (access.verify_status) curl_easy_setopt(easy, CURLOPT_SSL_VERIFYSTATUS, 1L);
    if (!access.ca_cert.empty()) curl_easy_setopt(easy, CURLOPT_CAINFO, access.ca_cert.c_str());
}

void set_secrets(CURL* easy, const Access& access) {
    if (!access.client_cert.empty()) curl_easy_setopt(easy, CURLOPT_SSLCERT, access.client_cert.c_str());
    if (!access.client_key.empty()) curl_easy_setopt(easy, CURLOPT_SSLKEY, access.client_key.c_str());
    if (access.username.empty()) return;
    curl_easy_setopt(easy, CURLOPT_USERNAME, access.username.c_str());
    curl_easy_setopt(easy, CURLOPT_PASSWORD, access.password.c_str());
}

void set_proxy(CURL* easy, const Access& access) {
    // Empty, too: then variables of the environment don't count.
    curl_easy_setopt(easy, CURLOPT_PROXY, access.proxy.c_str());
    if (access.proxy.empty()) return;
    if (!access.proxy_username.empty()) {
        curl_easy_setopt(easy, CURLOPT_PROXYUSERNAME, access.proxy_username.c_str());
        curl_easy_setopt(easy, CURLOPT_PROXYPASSWORD, access.proxy_password.c_str());
        curl_easy_setopt(easy, CURLOPT_PROXYAUTH, static_cast<long>(CURLAUTH_ANY));
    }
    curl_easy_setopt(easy, CURLOPT_PROXY_SSL_VERIFYPEER, access.proxy_verify ? 1L : 0L);
    curl_easy_setopt(easy, CURLOPT_PROXY_SSL_VERIFYHOST, access.proxy_verify ? 2L : 0L);
    if (!access.proxy_ca_cert.empty()) curl_easy_setopt(easy, CURLOPT_PROXY_CAINFO, access.proxy_ca_cert.c_str());
}

} // namespace

bool is_https(std::string_view url) {
    return url.size() > 8 && strncasecmp(url.data(), "https://", 8) == 0;
}
bool is_http(std::string_view url) {
    return url.size() > 7 && strncasecmp(url.data(), "http://", 7) == 0;
}

EasyHandle new_request(const std::string& url, const Access& access, const Limits& limits) {
    EasyHandle request(curl_easy_init());
    if (!request) throw fail(Reason::Internal, "curl has no memory for another transfer");
    auto* easy = request.get();
    curl_easy_setopt(easy, CURLOPT_URL, url.c_str());
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_USERAGENT, "rtnode/" RTNODE_VERSION);
    // Redirects are followed by Transfer, which sees the whole chain: curl alone would let http → https → http pass.
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_REDIR_PROTOCOLS_STR, "https");
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(limits.connect_timeout.count()));
    curl_easy_setopt(easy, CURLOPT_LOW_SPEED_LIMIT, static_cast<long>(limits.low_speed_bytes_s));
    curl_easy_setopt(easy, CURLOPT_LOW_SPEED_TIME, static_cast<long>(limits.low_speed_s));
    if (access.ip_version != 0)
        curl_easy_setopt(easy, CURLOPT_IPRESOLVE,
                         static_cast<long>(access.ip_version == 4 ? CURL_IPRESOLVE_V4 : CURL_IPRESOLVE_V6));
    set_tls(easy, access);
    set_proxy(easy, access);
    if (std::ranges::find(access.origins, origin_of(url)) != access.origins.end()) set_secrets(easy, access);
    return request;
}

HeaderList headers(const std::vector<std::pair<const char*, std::string>>& all) {
    HeaderList list;
    for (const auto& [name, value] : all) {
        if (value.empty()) continue;
        auto* longer = curl_slist_append(list.get(), fmt::format("{}: {}", name, value).c_str());
        if (longer == nullptr) throw fail(Reason::Internal, "curl has no memory for a header");
        (void)list.release();
        list.reset(longer);
    }
    return list;
}

std::optional<std::string> header_value(std::string_view line, std::string_view name) {
    if (line.size() <= name.size() || line[name.size()] != ':' ||
        strncasecmp(line.data(), name.data(), name.size()) != 0)
        return std::nullopt;
    line.remove_prefix(name.size() + 1);
    const auto first = line.find_first_not_of(" \t");
    const auto last = line.find_last_not_of(" \t\r\n");
    return first == std::string_view::npos ? "" : std::string(line.substr(first, last - first + 1));
}

std::optional<std::uint64_t> first_byte_of(std::string_view content_range, std::optional<std::uint64_t> size) {
    constexpr std::string_view unit = "bytes ";
    if (!content_range.starts_with(unit)) return std::nullopt;
    content_range.remove_prefix(unit.size());
    std::uint64_t first = 0, total = 0;
    const auto* end = content_range.data() + content_range.size();
    if (std::from_chars(content_range.data(), end, first).ec != std::errc{}) return std::nullopt;
    const auto slash = content_range.find('/');
    if (slash == std::string_view::npos) return std::nullopt;
    const auto known = std::from_chars(content_range.data() + slash + 1, end, total).ec == std::errc{}; // or "*"
    if (size && known && total != *size) return std::nullopt;
    return first;
}

bool is_tls_failure(CURLcode code) {
    switch (code) {
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_CRL_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_INVALIDCERTSTATUS:
        return true;
    default:
        return false;
    }
}

} // namespace rtnode::fetch
