#pragma once
// One download on its way: which URL is tried, how often, and what went wrong so far. Inside of fetch/ only.

#include "fetch/cache_file.hpp"
#include "fetch/curl_options.hpp"
#include "fetch/downloader.hpp"

#include <array>
#include <chrono>
#include <exception>
#include <optional>
#include <string>
#include <vector>

namespace rtnode::fetch {

class Transfer {
  public:
    using Clock = std::chrono::steady_clock;

    /// Of a package with a checksum a part may stay for the next job.
    enum class Purpose { file, package };

    /// `validators` may be null: then the request is unconditional.
    Transfer(const Download& download, const std::filesystem::path& folder, const Limits& limits,
             ServerFailures& failures, Purpose purpose, Validators* validators = nullptr);
    Transfer(const Transfer&) = delete; // curl holds its address
    Transfer& operator=(const Transfer&) = delete;

    bool done() const { return done_; }
    bool not_modified() const { return not_modified_; }
    Clock::time_point not_before() const { return not_before_; } ///< back-off

    /// Begins the next attempt. Null when it ended at once (file:// URLs); else the handle to drive, valid until
    /// end().
    CURL* begin();

    /// Looks at how an attempt ended: done, or what comes next. @throws when there is nothing left to try
    void end(CURLcode code);

    std::uint64_t received() const { return file_.size(); }
    std::uint64_t expected() const; ///< bytes; 0 = not known (yet)
    CacheFile& file() { return file_; }
    const Download& download() const { return download_; }
    const std::string& url() const { return url_; } ///< of the current or last attempt, with its secrets

  private:
    enum class Kind { transient, permanent, digest };
    static std::size_t on_body(char* data, std::size_t size, std::size_t count, void* self);
    static std::size_t on_header(char* data, std::size_t size, std::size_t count, void* self);
    std::uint64_t limit() const;
    void choose_order();
    std::uint64_t place_to_resume() const;
    void prepare();
    void take_answer();
    void drop_part();
    void copy_file(const std::string& path);
    void check_content();
    void follow(const char* location);
    void failed(Kind kind, std::string why, std::string advice);
    [[noreturn]] void give_up() const;

    struct Failure {
        bool dead = false; ///< not worth another round
        Kind kind = Kind::transient;
        std::string why, advice;
    };

    const Download& download_;
    const Limits& limits_;
    ServerFailures& servers_;
    Validators* validators_;
    CacheFile file_;
    std::vector<std::string> urls_; ///< in the order to try
    EasyHandle easy_;
    HeaderList headers_;
    std::array<char, CURL_ERROR_SIZE> curl_message_{};
    std::exception_ptr thrown_;     ///< out of a callback: exceptions must not cross curl's C code
    std::vector<Failure> failures_; ///< one for each URL
    std::size_t index_ = 0;         ///< of the URL
    unsigned round_ = 0, redirects_ = 0;
    std::string url_;
    std::uint64_t announced_ = 0;  ///< Content-Length and what was there before
    std::uint64_t discarded_ = 0;  ///< bytes of a redirect's body
    std::uint64_t asked_from_ = 0; ///< the first byte that this attempt asks for
    bool resumed_ = false;         ///< the file consists of an earlier part and this answer
    bool wrong_part_ = false;      ///< it answered with another part than was asked for
    bool too_large_ = false, redirecting_ = false, done_ = false, not_modified_ = false;
    Validators answer_;
    std::string content_range_;
    Clock::time_point not_before_{};
};

} // namespace rtnode::fetch
