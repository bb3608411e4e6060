#include "fetch/transfer.hpp"

#include "fetch/local.hpp"
#include "state/digest.hpp"
#include "state/error.hpp"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace rtnode::fetch {
namespace {

/// What If-Range may ask for: a strong validator (RFC 9110, 13.1.5).
std::string strong(const Validators& validators) {
    return validators.etag.empty() || validators.etag.starts_with("W/") ? validators.last_modified : validators.etag;
}

/// Of which file of which server a part is. The URL may hold secrets, so by its digest.
std::string note_of(const std::string& url, const Validators& validators) {
    const auto validator = strong(validators);
    return validator.empty() ? "" : sha256_of(url) + " " + validator;
}

std::string part_name(const Download& download, Transfer::Purpose purpose) {
    if (purpose != Transfer::Purpose::package || !download.checksum) return {};
    return download.checksum->type + "-" + download.checksum->hex;
}

} // namespace

Transfer::Transfer(const Download& download, const std::filesystem::path& folder, const Limits& limits,
                   ServerFailures& failures, Purpose purpose, Validators* validators)
    : download_(download), limits_(limits), servers_(failures), validators_(validators),
      file_(folder, download.checksum ? download.checksum->type : "", part_name(download, purpose)),
      urls_(download.urls), failures_(download.urls.size()) {
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

/// Servers that failed others before come last.
void Transfer::choose_order() {
    const auto failures = [&](const std::string& url) {
        const auto found = servers_.find(origin_of(url));
        return found == servers_.end() ? 0U : found->second;
    };
    std::ranges::stable_sort(urls_, std::less{}, failures);
}

CURL* Transfer::begin() {
    if (url_.empty()) choose_order();
    if (!redirecting_) {
        url_ = urls_[index_];
        redirects_ = 0;
    }
    redirecting_ = false;
    too_large_ = resumed_ = wrong_part_ = false;
    announced_ = discarded_ = asked_from_ = 0;
    answer_ = {};
    thrown_ = nullptr;
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

/// Where to go on, when what is there comes from this URL; else 0. (It is dropped only when another body begins: this
/// may be the first of some redirects.)
std::uint64_t Transfer::place_to_resume() const {
    const bool ours = validators_ == nullptr && file_.note().starts_with(sha256_of(url_) + " ");
    return ours && file_.size() < limit() ? file_.size() : 0;
}

void Transfer::prepare() {
    easy_ = new_request(url_, download_.access, limits_);
    auto* easy = easy_.get();
    curl_message_[0] = '\0';
    curl_easy_setopt(easy, CURLOPT_PRIVATE, this);
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, curl_message_.data());
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, &Transfer::on_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, this);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, &Transfer::on_header);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, this);
    asked_from_ = place_to_resume();
    if (validators_ != nullptr)
        headers_ = headers({{"If-None-Match", validators_->etag}, {"If-Modified-Since", validators_->last_modified}});
    else if (asked_from_ > 0)
        // curl's own CURLOPT_RESUME_FROM would take the whole file, which is a good answer too, for an error.
        headers_ = headers({{"Range", fmt::format("bytes={}-", asked_from_)},
                            {"If-Range", file_.note().substr(file_.note().find(' ') + 1)}});
    else
        headers_.reset();
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers_.get());
}

std::size_t Transfer::on_body(char* data, std::size_t size, std::size_t count, void* self) {
    auto& transfer = *static_cast<Transfer*>(self);
    const std::size_t bytes = size * count;
    long status = 0;
    curl_easy_getinfo(transfer.easy_.get(), CURLINFO_RESPONSE_CODE, &status);
    // curl tells where a redirect goes only when its (short) body was taken.
    if (status >= 300 && status < 400 && (transfer.discarded_ += bytes) < 65536) return bytes;
    // The text of an error page is of no use, and it may be endless.
    if (status != 200 && !(status == 206 && transfer.resumed_)) return bytes + 1;
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
    if (line.starts_with("HTTP/")) {
        transfer.answer_ = {};
        transfer.content_range_.clear();
    }
    if (const auto etag = header_value(line, "ETag")) transfer.answer_.etag = *etag;
    if (const auto date = header_value(line, "Last-Modified")) transfer.answer_.last_modified = *date;
    if (const auto range = header_value(line, "Content-Range")) transfer.content_range_ = *range;
    if (line != "\r\n") return line.size();
    try {
        transfer.take_answer();
    } catch (const Error&) {
        transfer.thrown_ = std::current_exception();
        return line.size() + 1;
    }
    return line.size();
}

/// All of its head is known: does its body begin the file, or go on with it?
void Transfer::take_answer() {
    long status = 0;
    curl_off_t length = -1;
    curl_easy_getinfo(easy_.get(), CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(easy_.get(), CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
    if (status == 200) {
        file_.restart();
        file_.set_note(note_of(url_, answer_));
    } else if (status == 206) {
        const auto first = first_byte_of(content_range_, download_.size);
        resumed_ = asked_from_ > 0 && first == asked_from_;
        wrong_part_ = !resumed_;
    }
    if (length > 0) announced_ = static_cast<std::uint64_t>(length) + file_.size();
}

void Transfer::end(CURLcode code) {
    if (thrown_) std::rethrow_exception(thrown_);
    long status = 0;
    const char* location = nullptr;
    curl_easy_getinfo(easy_.get(), CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(easy_.get(), CURLINFO_REDIRECT_URL, &location);
    if (wrong_part_ || (status == 416 && asked_from_ > 0)) {
        drop_part();
        return failed(Kind::transient, "doesn't go on where an earlier download ended", "try again later");
    }
    if (too_large_)
        return failed(Kind::permanent, fmt::format("sends more than the {} bytes that it may have", limit()),
                      "check that the URL is the right one and that the repository's metadata is up to date");
    // Non-200 bodies are cut off by on_body(), so a write error with another status is that status.
    if (status != 200 && status != 206 && status != 0 && (code == CURLE_OK || code == CURLE_WRITE_ERROR)) {
        if (status == 304 && validators_ != nullptr) {
            not_modified_ = done_ = true;
            return;
        }
        if (status >= 300 && status < 400 && location != nullptr) return follow(location);
        const bool transient = status >= 500 || status == 408 || status == 425 || status == 429;
        return failed(transient ? Kind::transient : Kind::permanent, fmt::format("HTTP status {}", status),
                      status == 404 || status == 410 ? "check the URL; a repository may have replaced the file since"
                      : status == 401 || status == 403
                          ? "check the credentials (username, password) or the client certificate for that server"
                      : status == 407 ? "check proxy_username and proxy_password"
                                      : "ask the server's keeper, or try again later");
    }
    if (code != CURLE_OK) {
        const std::string why = curl_message_[0] != '\0' ? curl_message_.data() : curl_easy_strerror(code);
        if (is_tls_failure(code))
            return failed(Kind::permanent, why,
                          "check the node's clock, the CA certificate for that server (sslcacert), and the client's "
                          "own (sslclientcert, sslclientkey)");
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
    file_.restart();
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
        const bool accepted = found == download_.checksum->hex ||
                              std::ranges::find(download_.also_accepted, found) != download_.also_accepted.end();
        if (!accepted && resumed_) {
            drop_part();
            return failed(Kind::transient, "has another content than when an earlier download was cut off",
                          "try again later");
        }
        if (!accepted)
            return failed(
                Kind::digest,
                fmt::format("has the {} {}, not {}", download_.checksum->type, found, download_.checksum->hex),
                "the file was changed on the server or on its way: get the digest anew from whom you trust, "
                "or try again later");
    }
    if (validators_ != nullptr) *validators_ = answer_;
    done_ = true;
}

/// What is there is of no use any more.
void Transfer::drop_part() {
    file_.restart();
    file_.set_note({});
}

void Transfer::failed(Kind kind, std::string why, std::string advice) {
    // The file that this URL gives isn't the one: nobody is to go on with it.
    if (kind != Kind::transient && file_.note().starts_with(sha256_of(url_) + " ")) drop_part();
    ++servers_[origin_of(urls_[index_])];
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
        const auto shown = redacted(urls_[i]);
        all += fmt::format("{}{}: {}", i > 0 ? "; " : "", shown, failures_[i].why);
        if (failures_[i].kind == Kind::digest) worst = &failures_[i];
    }
    throw fail(worst->kind == Kind::digest ? Reason::DigestMismatch : Reason::DownloadFailed,
               "{} can't be downloaded: {}; {}", download_.what, all, worst->advice);
}

} // namespace rtnode::fetch
