#pragma once
// Downloads over http and https into the cache: streamed, bounded, checked, in parallel. The only part that knows
// libcurl.

#include "fetch/url.hpp"
#include "state/repository.hpp"

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace rtnode::fetch {

/// A digest that a file must have.
struct Checksum {
    std::string type; ///< "sha224", "sha256", "sha384" or "sha512"; weaker ones are no proof and are refused
    std::string hex;  ///< lower case
};

/// How to reach and to believe a repository's servers.
struct Access {
    bool verify = true;         ///< the server's certificate
    bool verify_status = false; ///< by a stapled OCSP answer, too
    std::string ca_cert;        ///< absolute path, empty = the system's
    /// Secrets: told to `origins` only, neither to mirrors that a list named nor to where a server redirects to.
    std::string client_cert, client_key; ///< absolute paths
    std::string username, password;      ///< HTTP's basic authentication; empty = none
    std::vector<std::string> origins;    ///< as origin_of()
    std::string proxy;                   ///< URL (http, https, socks4, socks5, socks5h); empty = none
    std::string proxy_username, proxy_password;
    bool proxy_verify = true;
    std::string proxy_ca_cert; ///< absolute path, empty = the system's
    int ip_version = 0;        ///< 4 or 6: nothing else is tried
};
Access access_of(const Repository& repository);

struct Download {
    std::string what;                  ///< for messages: "package 'x'", "primary metadata of repository 'y'"
    std::vector<std::string> urls;     ///< http, https or file; tried in order, then again with back-off
    std::optional<std::uint64_t> size; ///< bytes; another size is an error
    std::uint64_t max_size = 0;        ///< bytes; bounds the body when `size` isn't known; 0 = Limits::max_size
    std::optional<Checksum> checksum;
    std::vector<std::string> also_accepted; ///< further digests of the same type
    Access access;
};

/// A file in the cache whose size and checksum were checked.
struct CachedFile {
    std::filesystem::path path;
    std::string sha256; ///< of the whole file, lower-case hex
    std::uint64_t size = 0;
    std::string url; ///< that delivered it, redacted; empty when it was in the cache
    bool from_cache = false;
};

/// What a conditional request remembers of the last answer (RFC 9110, 13.1).
struct Validators {
    std::string etag, last_modified; ///< as the server sent them
};

/// Failures of servers by origin_of() their URL: those that had some are asked later.
using ServerFailures = std::map<std::string, unsigned>;

/// Bounds; the defaults are what the worker uses.
struct Limits {
    std::chrono::milliseconds connect_timeout{15000};
    unsigned low_speed_bytes_s = 1000;             ///< slower than this …
    unsigned low_speed_s = 30;                     ///< … for so many seconds is a failure
    unsigned rounds = 3;                           ///< over all URLs of a download
    std::chrono::milliseconds first_back_off{500}; ///< before the second round, doubled before each further one
    unsigned redirects = 5;
    unsigned parallel = 4;               ///< transfers at once
    std::uint64_t max_size = 4ULL << 30; ///< bytes of a body of unknown size
};

/// Bytes of all transfers of one call; total is 0 while a size isn't known. Called from the calling thread.
using Progress = std::function<void(std::uint64_t done, std::uint64_t total)>;
using Cancelled = std::function<bool()>; ///< polled at least every 200 ms

class Downloader {
  public:
    /// `cache_dir` is created (0700) when missing.
    Downloader(std::filesystem::path cache_dir, Progress progress, Cancelled cancelled, Limits limits = {});
    ~Downloader();
    Downloader(const Downloader&) = delete;
    Downloader& operator=(const Downloader&) = delete;

    /// Brings packages to `cache_dir/packages/<sha256>.rpm`, several at a time. A package with a known checksum that
    /// is there already costs no request (its checksum is computed again: a damaged copy is fetched anew). A copy
    /// known by sha384 or such is found again by `cache_dir/packages/<type>-<hex>.rpm`.
    /// The results are in the order of the downloads. On any error nothing new but whole, checked files is left under
    /// these names. Of an interrupted download with a checksum, `.partial-<checksum>` stays when it is of some size;
    /// the next job goes on after it, if the server still has the same file (RFC 9110, If-Range).
    /// @throws Error{DownloadFailed, DigestMismatch, NoSpace, Canceled, UnsafePath}
    std::vector<CachedFile> packages(const std::vector<Download>& downloads);

    /// Brings one file to `target` (replaced atomically).
    CachedFile file(const Download& download, const std::filesystem::path& target);

    /// As file(), but asks only for what changed since `validators`; nothing when the server says 304 Not Modified.
    /// `validators` is set to those of the new answer.
    std::optional<CachedFile> file_if_changed(const Download& download, const std::filesystem::path& target,
                                              Validators& validators);

    const std::filesystem::path& cache_dir() const { return cache_dir_; }
    void check_cancelled() const; ///< @throws Error{Canceled}

  private:
    std::filesystem::path cache_dir_;
    Progress progress_;
    Cancelled cancelled_;
    Limits limits_;
    ServerFailures failures_;
};

} // namespace rtnode::fetch
