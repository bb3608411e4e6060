#pragma once
// libcurl's options for one request, and what its answers mean. Inside of fetch/ only.

#include "fetch/downloader.hpp"

#include <curl/curl.h>

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace rtnode::fetch {

struct FreeEasy {
    void operator()(CURL* easy) const { curl_easy_cleanup(easy); }
};
struct FreeList {
    void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
using EasyHandle = std::unique_ptr<CURL, FreeEasy>;
using HeaderList = std::unique_ptr<curl_slist, FreeList>;

bool is_http(std::string_view url);
bool is_https(std::string_view url);

/// A handle for a GET of `url` that follows no redirect and gives up on a server that doesn't answer.
EasyHandle new_request(const std::string& url, const Access& access, const Limits& limits);

/// "Name: value" lines; those without a value are left out.
HeaderList headers(const std::vector<std::pair<const char*, std::string>>& all);

/// The value of "Name: value\r\n" when the name is `name`.
std::optional<std::string> header_value(std::string_view line, std::string_view name);

/// The first byte of "bytes FIRST-LAST/TOTAL"; nothing for anything else, or another total than `size`.
std::optional<std::uint64_t> first_byte_of(std::string_view content_range, std::optional<std::uint64_t> size);

/// Whether it is about certificates, so that trying again doesn't help.
bool is_tls_failure(CURLcode code);

} // namespace rtnode::fetch
