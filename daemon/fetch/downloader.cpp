#include "fetch/downloader.hpp"

#include "fetch/cache.hpp"
#include "fetch/local.hpp"
#include "fetch/transfer.hpp"
#include "state/error.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <deque>
#include <span>

namespace rtnode::fetch {
namespace {

struct FreeMulti {
    void operator()(CURLM* multi) const { curl_multi_cleanup(multi); }
};

void initialise_curl() {
    // Once a process, before any thread of ours could use it (curl_global_init(3)).
    static const CURLcode code = curl_global_init(CURL_GLOBAL_DEFAULT);
    if (code != CURLE_OK) throw fail(Reason::Internal, "curl can't be initialised: {}", curl_easy_strerror(code));
}

/// Removes handles from the multi handle before either goes, whatever is thrown.
class Active {
  public:
    explicit Active(CURLM* multi) : multi_(multi) {}
    ~Active() {
        for (auto* easy : handles_)
            curl_multi_remove_handle(multi_, easy);
    }
    Active(const Active&) = delete;
    Active& operator=(const Active&) = delete;
    void add(CURL* easy) {
        if (const auto code = curl_multi_add_handle(multi_, easy); code != CURLM_OK)
            throw fail(Reason::Internal, "curl can't begin a transfer: {}", curl_multi_strerror(code));
        handles_.push_back(easy);
    }
    void remove(CURL* easy) {
        curl_multi_remove_handle(multi_, easy);
        std::erase(handles_, easy);
    }
    std::size_t size() const { return handles_.size(); }

  private:
    CURLM* multi_;
    std::vector<CURL*> handles_;
};

/// Drives all transfers to their end.
void run(std::deque<Transfer>& transfers, const Limits& limits, const Progress& progress,
         const std::function<void()>& check_cancelled) {
    initialise_curl();
    const std::unique_ptr<CURLM, FreeMulti> multi(curl_multi_init());
    if (!multi) throw fail(Reason::Internal, "curl has no memory for transfers");
    Active active(multi.get());
    std::vector<Transfer*> waiting;
    for (auto& transfer : transfers)
        waiting.push_back(&transfer);
    std::pair<std::uint64_t, std::uint64_t> shown{1, 0};

    while (!waiting.empty() || active.size() > 0) {
        check_cancelled();
        const auto now = Transfer::Clock::now();
        for (std::size_t i = 0; i < waiting.size() && active.size() < limits.parallel;) {
            auto* transfer = waiting[i];
            if (transfer->not_before() > now) {
                ++i;
                continue;
            }
            if (CURL* easy = transfer->begin()) {
                active.add(easy);
                waiting.erase(waiting.begin() + static_cast<std::ptrdiff_t>(i));
            } else if (transfer->done()) {
                waiting.erase(waiting.begin() + static_cast<std::ptrdiff_t>(i));
            }
        }
        int running = 0;
        curl_multi_perform(multi.get(), &running);
        int left = 0;
        while (const CURLMsg* message = curl_multi_info_read(multi.get(), &left)) {
            if (message->msg != CURLMSG_DONE) continue;
            CURL* easy = message->easy_handle;
            const CURLcode code = message->data.result; // `message` is gone once the handle is removed
            void* self = nullptr;
            curl_easy_getinfo(easy, CURLINFO_PRIVATE, &self);
            auto* transfer = static_cast<Transfer*>(self);
            active.remove(easy);
            transfer->end(code);
            if (!transfer->done()) waiting.push_back(transfer);
        }
        if (progress) {
            std::uint64_t done = 0, total = 0;
            bool known = true;
            for (const auto& transfer : transfers) {
                done += transfer.received();
                total += transfer.expected();
                known = known && (transfer.expected() > 0 || transfer.done());
            }
            if (const std::pair state{done, known ? std::max(total, done) : 0}; state != shown) {
                shown = state;
                progress(state.first, state.second);
            }
        }
        if (waiting.empty() && active.size() == 0) break;
        // 100 ms: a cancellation is seen soon, a back-off ends on time.
        curl_multi_poll(multi.get(), nullptr, 0, active.size() < limits.parallel && !waiting.empty() ? 20 : 100,
                        nullptr);
    }
}

/// The file's digests when it is there, regular, and has them.
std::optional<CachedFile> cached(const std::filesystem::path& path, const Download& download) {
    const UniqueFd file(open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
    struct stat status {};
    if (!file || fstat(file.get(), &status) != 0 || !S_ISREG(status.st_mode)) return std::nullopt;
    const auto size = static_cast<std::uint64_t>(status.st_size);
    if (download.size && size != *download.size) return std::nullopt;
    Digest sha256("sha256"), wanted(download.checksum->type);
    std::array<char, 1 << 17> buffer{};
    for (std::uint64_t offset = 0; offset < size;) {
        const auto got = pread(file.get(), buffer.data(), buffer.size(), static_cast<off_t>(offset));
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) return std::nullopt;
        const std::span<const char> bytes(buffer.data(), static_cast<std::size_t>(got));
        sha256.update(std::as_bytes(bytes));
        if (download.checksum->type != "sha256") wanted.update(std::as_bytes(bytes));
        offset += bytes.size();
    }
    const auto hex = sha256.hex();
    if ((download.checksum->type == "sha256" ? hex : wanted.hex()) != download.checksum->hex) return std::nullopt;
    return CachedFile{path, hex, size, {}, true};
}

void check_checksum(const Download& download) {
    if (!download.checksum) return;
    const auto& [type, hex] = *download.checksum;
    if (!is_strong_checksum(type) || hex.size() != checksum_hex_length(type) ||
        hex.find_first_not_of("0123456789abcdef") != std::string::npos)
        throw fail(Reason::RepositoryMetadata,
                   "{} is named with a checksum of type '{}' that proves nothing; have the "
                   "repository made with sha256",
                   download.what, type);
}

/// What a killed worker left of files that were about to get their name, and parts that nobody went on with. Young ones
/// may be another worker's, or the next job's.
void remove_leftovers(const std::filesystem::path& folder) {
    namespace fs = std::filesystem;
    std::error_code ignored; // what can't be looked at or removed costs space, no more
    for (const auto& entry : fs::directory_iterator(folder, ignored)) {
        const auto name = entry.path().filename().string();
        const auto age = fs::file_time_type::clock::now() - entry.last_write_time(ignored);
        if ((name.starts_with(".incoming-") && age > std::chrono::hours(24)) ||
            (name.starts_with(".partial-") && age > std::chrono::hours(24 * 7)))
            fs::remove(entry.path(), ignored);
    }
}

CachedFile published(Transfer& transfer, const std::filesystem::path& target) {
    transfer.file().publish(target);
    return {target, transfer.file().sha256(), transfer.file().size(), redacted(transfer.url()), false};
}

} // namespace

Access access_of(const Repository& repository) {
    Access access;
    access.verify = repository.ssl_verify;
    access.verify_status = repository.ssl_verify_status;
    access.ca_cert = repository.ssl_ca_cert;
    access.client_cert = repository.ssl_client_cert;
    access.client_key = repository.ssl_client_key;
    access.username = repository.username;
    access.password = repository.password;
    for (const auto& url : repository.base_urls)
        access.origins.push_back(origin_of(url));
    for (const auto& url : {repository.metalink, repository.mirrorlist})
        if (!url.empty()) access.origins.push_back(origin_of(url));
    access.proxy = repository.proxy;
    access.proxy_username = repository.proxy_username;
    access.proxy_password = repository.proxy_password;
    access.proxy_verify = repository.proxy_ssl_verify;
    access.proxy_ca_cert = repository.proxy_ssl_ca_cert;
    access.ip_version = repository.ip_version;
    return access;
}

Downloader::Downloader(std::filesystem::path cache_dir, Progress progress, Cancelled cancelled, Limits limits)
    : cache_dir_(std::move(cache_dir)), progress_(std::move(progress)), cancelled_(std::move(cancelled)),
      limits_(limits) {}

Downloader::~Downloader() = default;

void Downloader::check_cancelled() const {
    if (cancelled_ && cancelled_()) throw fail(Reason::Canceled, "canceled during a download");
}

std::vector<CachedFile> Downloader::packages(const std::vector<Download>& downloads) {
    const auto folder = cache_dir_ / "packages";
    remove_leftovers(folder);
    std::vector<CachedFile> results(downloads.size());
    std::deque<Transfer> transfers; // a deque: curl and run() hold addresses
    std::vector<std::size_t> index;
    for (std::size_t i = 0; i < downloads.size(); ++i) {
        const auto& download = downloads[i];
        check_cancelled();
        check_checksum(download);
        if (download.checksum) {
            const auto prefix = download.checksum->type == "sha256" ? "" : download.checksum->type + "-";
            if (auto hit = cached(folder / (prefix + download.checksum->hex + ".rpm"), download)) {
                touch_cached(hit->path);
                hit->path = folder / (hit->sha256 + ".rpm");
                results[i] = *hit;
                continue;
            }
        }
        transfers.emplace_back(download, folder, limits_, failures_, Transfer::Purpose::package);
        index.push_back(i);
    }
    run(transfers, limits_, progress_, [this] { check_cancelled(); });
    for (std::size_t i = 0; i < transfers.size(); ++i) {
        auto& transfer = transfers[i];
        results[index[i]] = published(transfer, folder / (transfer.file().sha256() + ".rpm"));
        const auto& checksum = transfer.download().checksum;
        if (!checksum || checksum->type == "sha256") continue;
        const auto alias = folder / (checksum->type + "-" + checksum->hex + ".rpm");
        unlink(alias.c_str()); // a damaged one; without the alias the next job downloads again, no more
        if (link(results[index[i]].path.c_str(), alias.c_str()) != 0 && errno != EEXIST && errno != EPERM)
            throw fail(Reason::DownloadFailed, "the cache folder {} can't be written (error {})", folder.string(),
                       errno);
    }
    return results;
}

CachedFile Downloader::file(const Download& download, const std::filesystem::path& target) {
    check_checksum(download);
    std::deque<Transfer> transfers;
    transfers.emplace_back(download, target.parent_path(), limits_, failures_, Transfer::Purpose::file);
    run(transfers, limits_, progress_, [this] { check_cancelled(); });
    return published(transfers.front(), target);
}

std::optional<CachedFile> Downloader::file_if_changed(const Download& download, const std::filesystem::path& target,
                                                      Validators& validators) {
    check_checksum(download);
    std::deque<Transfer> transfers;
    transfers.emplace_back(download, target.parent_path(), limits_, failures_, Transfer::Purpose::file, &validators);
    run(transfers, limits_, progress_, [this] { check_cancelled(); });
    if (transfers.front().not_modified()) return std::nullopt;
    return published(transfers.front(), target);
}

} // namespace rtnode::fetch
