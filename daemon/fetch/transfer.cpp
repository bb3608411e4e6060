#include "fetch/transfer.hpp"

#include "fetch/local.hpp"
#include "state/error.hpp"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace rtnode::fetch {
namespace {

bool is_https(std::string_view url) {
    return url.size() > 8 && strncasecmp(url.data(), "https://", 8) == 0;
}
bool is_http(std::string_view url) {
    return url.size() > 7 && strncasecmp(url.data(), "http://", 7) == 0;
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

/// The value of "Name: value\r\n" when the name is `name`.
std::optional<std::string> header_value(std::string_view line, std::string_view name) {
    if (line.size() <= name.size() || line[name.size()] != ':' ||
        strncasecmp(line.data(), name.data(), name.size()) != 0)
        return std::nullopt;
    line.remove_prefix(name.size() + 1);
    const auto first = line.find_first_not_of(" \t");
    const auto last = line.find_last_not_of(" \t\r\n");
    return first == std::string_view::npos ? "" : std::string(line.substr(first, last - first + 1));
}

} // namespace

Transfer::Transfer(const Download& download, const std::filesystem::path& folder, const Limits& limits,
                   Validators* validators)
    : download_(download), limits_(limits), validators_(validators),
      file_(folder, download.checksum ? download.checksum->type : ""), failures_(download.urls.size()) {
    if (download_.urls.empty())
        throw fail(Reason::RepositoryConfiguration,
                   "{} can't be downloaded: no URL is known for it; give the "
                   "repository a baseurl",
                   download_.what);
}

std::uint64_t Transfer::limit() const {
    if (download_.size) return *download_.size;
    return download_.max_size > 0 ? download_.max_size : limits_.max_size;
}

std::uint64_t Transfer::expected() const {
    return download_.size ? *download_.size : announced_;
}

CURL* Transfer::begin() {
    if (!redirecting_) {
        url_ = download_.urls[index_];
        redirects_ = 0;
    }
    redirecting_ = false;
    too_large_ = false;
    announced_ = discarded_ = 0;
    answer_ = {};
    thrown_ = nullptr;
    file_.restart();
    if (const auto path = path_of_file_url(url_)) {
        copy_file(*path);
        return nullptr;
    }
    if (!is_http(url_) && !is_https(url_)) {
        failed(Kind::permanent, "is no http, https or file URL", "correct the URL");
        return nullptr;
    }
    prepare();
    return easy_.get();
}

void Transfer::prepare() {
    easy_.reset(curl_easy_init());
    if (!easy_) throw fail(Reason::Internal, "curl has no memory for another transfer");
    auto* easy = easy_.get();
    curl_message_[0] = '\0';
    curl_easy_setopt(easy, CURLOPT_PRIVATE, this);
    curl_easy_setopt(easy, CURLOPT_URL, url_.c_str());
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, curl_message_.data());
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_USERAGENT, "rtnode/" RTNODE_VERSION);
    // Redirects are followed by follow(), which sees the whole chain: curl alone would let http → https → http pass.
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_REDIR_PROTOCOLS_STR, "https");
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(limits_.connect_timeout.count()));
    curl_easy_setopt(easy, CURLOPT_LOW_SPEED_LIMIT, static_cast<long>(limits_.low_speed_bytes_s));
    curl_easy_setopt(easy, CURLOPT_LOW_SPEED_TIME, static_cast<long>(limits_.low_speed_s));
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, &Transfer::on_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, this);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, &Transfer::on_header);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, this);

    const auto& tls = download_.tls;
    curl_easy_setopt(easy, CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, tls.verify ? 1L : 0L);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, tls.verify ? 2L : 0L);
    if (!tls.ca_cert.empty()) curl_easy_setopt(easy, CURLOPT_CAINFO, tls.ca_cert.c_str());
    // The client's certificate is for the configured server only, not for where that one redirects to.
    if (redirects_ == 0 && !tls.client_cert.empty()) curl_easy_setopt(easy, CURLOPT_SSLCERT, tls.client_cert.c_str());
    if (redirects_ == 0 && !tls.client_key.empty()) curl_easy_setopt(easy, CURLOPT_SSLKEY, tls.client_key.c_str());

    headers_.reset();
    if (validators_ != nullptr) {
        const auto add = [&](const char* name, const std::string& value) {
            if (value.empty()) return;
            auto* longer = curl_slist_append(headers_.get(), fmt::format("{}: {}", name, value).c_str());
            if (longer == nullptr) throw fail(Reason::Internal, "curl has no memory for a header");
            (void)headers_.release();
            headers_.reset(longer);
        };
        add("If-None-Match", validators_->etag);
        add("If-Modified-Since", validators_->last_modified);
        curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers_.get());
    }
}

std::size_t Transfer::on_body(char* data, std::size_t size, std::size_t count, void* self) {
    auto& transfer = *static_cast<Transfer*>(self);
    const std::size_t bytes = size * count;
    long status = 0;
    curl_easy_getinfo(transfer.easy_.get(), CURLINFO_RESPONSE_CODE, &status);
    // curl tells where a redirect goes only when its (short) body was taken.
    if (status >= 300 && status < 400 && (transfer.discarded_ += bytes) < 65536) return bytes;
    if (status != 200) return bytes + 1; // the text of an error page is of no use, and it may be endless
    if (transfer.file_.size() + bytes > transfer.limit()) {
        transfer.too_large_ = true;
        return bytes + 1;
    }
    try {
        transfer.file_.write({data, bytes});
    } catch (const Error&) {
        transfer.thrown_ = std::current_exception(); // end() throws it on
        return bytes + 1;
    }
    return bytes;
}

std::size_t Transfer::on_header(char* data, std::size_t size, std::size_t count, void* self) {
    auto& transfer = *static_cast<Transfer*>(self);
    const std::string_view line(data, size * count);
    if (line.starts_with("HTTP/")) transfer.answer_ = {};
    if (const auto etag = header_value(line, "ETag")) transfer.answer_.etag = *etag;
    if (const auto date = header_value(line, "Last-Modified")) transfer.answer_.last_modified = *date;
    if (line == "\r\n") {
        curl_off_t length = -1;
        curl_easy_getinfo(transfer.easy_.get(), CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
        if (length > 0) transfer.announced_ = static_cast<std::uint64_t>(length);
    }
    return line.size();
}

void Transfer::end(CURLcode code) {
    if (thrown_) std::rethrow_exception(thrown_);
    long status = 0;
    const char* location = nullptr;
    curl_easy_getinfo(easy_.get(), CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(easy_.get(), CURLINFO_REDIRECT_URL, &location);
    if (too_large_)
        return failed(Kind::permanent, fmt::format("sends more than the {} bytes that it may have", limit()),
                      "check that the URL is the right one and that the repository's metadata is up to date");
    // Non-200 bodies are cut off by on_body(), so a write error with another status is that status.
    if (status != 200 && status != 0 && (code == CURLE_OK || code == CURLE_WRITE_ERROR)) {
        if (status == 304 && validators_ != nullptr) {
            not_modified_ = done_ = true;
            return;
        }
        if (status >= 300 && status < 400 && location != nullptr) return follow(location);
        const bool transient = status >= 500 || status == 408 || status == 425 || status == 429;
        return failed(transient ? Kind::transient : Kind::permanent, fmt::format("HTTP status {}", status),
                      status == 404 || status == 410 ? "check the URL; a repository may have replaced the file since"
                      : status == 401 || status == 403
                          ? "check the credentials or the client certificate for that server"
                          : "ask the server's keeper, or try again later");
    }
    if (code != CURLE_OK) {
        const std::string why = curl_message_[0] != '\0' ? curl_message_.data() : curl_easy_strerror(code);
        if (is_tls_failure(code))
            return failed(Kind::permanent, why,
                          "check the node's clock and the CA certificate for that server (sslcacert)");
        return failed(Kind::transient, why, "check the network and that the server is up");
    }
    check_content();
}

void Transfer::follow(const char* location) {
    const std::string target = location;
    const auto refuse = [&](const std::string& why) {
        failed(Kind::permanent, fmt::format("redirects to {}, {}", redacted(target), why),
               "use the final URL, if you trust it");
    };
    if (!is_http(target) && !is_https(target)) return refuse("which is neither http nor https");
    if (is_https(url_) && !is_https(target)) return refuse("which leaves https");
    if (++redirects_ > limits_.redirects) return refuse(fmt::format("after {} redirects already", limits_.redirects));
    url_ = target;
    redirecting_ = true;
    not_before_ = {};
}

void Transfer::copy_file(const std::string& path) {
    try {
        const auto source = open_regular(path);
        std::array<char, 1 << 17> buffer{};
        for (;;) {
            const auto got = pread(source.get(), buffer.data(), buffer.size(), static_cast<off_t>(file_.size()));
            if (got < 0 && errno == EINTR) continue;
            if (got < 0) return failed(Kind::permanent, std::strerror(errno), "check the file's disk");
            if (got == 0) break;
            if (file_.size() + static_cast<std::size_t>(got) > limit())
                return failed(Kind::permanent, fmt::format("has more than the {} bytes that it may have", limit()),
                              "check that the repository's metadata is up to date");
            file_.write({buffer.data(), static_cast<std::size_t>(got)});
        }
    } catch (const Error& error) {
        if (error.reason() != Reason::UnsafePath) throw;
        return failed(Kind::permanent, error.what(), "check the path of the URL");
    }
    check_content();
}

void Transfer::check_content() {
    if (download_.size && file_.size() != *download_.size)
        return failed(Kind::permanent, fmt::format("has {} bytes, not {}", file_.size(), *download_.size),
                      "the repository is being changed or is damaged: try again later");
    file_.finish();
    if (download_.checksum) {
        const auto& found = file_.digest(download_.checksum->type);
        if (found != download_.checksum->hex)
            return failed(
                Kind::digest,
                fmt::format("has the {} {}, not {}", download_.checksum->type, found, download_.checksum->hex),
                "the file was changed on the server or on its way: get the digest anew from whom you trust, "
                "or try again later");
    }
    if (validators_ != nullptr) *validators_ = answer_;
    done_ = true;
}

void Transfer::failed(Kind kind, std::string why, std::string advice) {
    failures_[index_] = {kind != Kind::transient, kind, std::move(why), std::move(advice)};
    const auto is_alive = [](const Failure& failure) { return !failure.dead; };
    const auto next =
        std::find_if(failures_.begin() + static_cast<std::ptrdiff_t>(index_) + 1, failures_.end(), is_alive);
    if (next != failures_.end()) {
        index_ = static_cast<std::size_t>(next - failures_.begin());
        not_before_ = {};
        return;
    }
    const auto first = std::find_if(failures_.begin(), failures_.end(), is_alive);
    if (first == failures_.end() || ++round_ >= limits_.rounds) give_up();
    index_ = static_cast<std::size_t>(first - failures_.begin());
    not_before_ = Clock::now() + limits_.first_back_off * (1U << std::min(round_ - 1, 16U));
}

void Transfer::give_up() const {
    std::string all;
    const Failure* worst = &failures_.front();
    for (std::size_t i = 0; i < failures_.size(); ++i) {
        const auto shown = redacted(download_.urls[i]);
        all += fmt::format("{}{}: {}", i > 0 ? "; " : "", shown, failures_[i].why);
        if (failures_[i].kind == Kind::digest) worst = &failures_[i];
    }
    throw fail(worst->kind == Kind::digest ? Reason::DigestMismatch : Reason::DownloadFailed,
               "{} can't be downloaded: {}; {}", download_.what, all, worst->advice);
}

} // namespace rtnode::fetch
