#include "latency/store.hpp"

#include "latency/report.hpp"
#include "state/error.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <memory>
#include <optional>
#include <utility>

namespace rtnode::latency {
namespace {

constexpr std::string_view temporary_prefix = ".rtnode-";
constexpr off_t largest_result = off_t{256} << 20;

class Descriptor {
  public:
    explicit Descriptor(int fd = -1) : fd_(fd) {}
    Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    Descriptor& operator=(Descriptor&& other) noexcept {
        std::swap(fd_, other.fd_);
        return *this;
    }
    ~Descriptor() {
        if (fd_ >= 0) ::close(fd_);
    }
    operator int() const { return fd_; }

  private:
    int fd_;
};

Error unsafe(const std::string& folder, std::string_view why) {
    return fail(Reason::UnsafeFolder,
                "results cannot be kept in folder {}: {}; it must be a folder that the daemon's user owns and nobody "
                "else can write to, with no symbolic link in its path",
                folder, why);
}

Error failed(std::string_view what, const std::string& where, int error) {
    if (error == ENOSPC || error == EDQUOT)
        return fail(Reason::NoSpace, "cannot {} {}: no space is left there; free some, or keep fewer results", what,
                    where);
    return fail(Reason::Internal, "cannot {} {}: {}", what, where, std::strerror(error));
}

/// Opens a folder step by step without following a link: what openat2(2) does with RESOLVE_NO_SYMLINKS, which the
/// 4.18 kernels of el8 nodes don't have. The last part is made when missing.
Descriptor open_folder(const std::string& folder) {
    if (!folder.starts_with('/')) throw unsafe(folder, "the path is not absolute");
    constexpr int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
    Descriptor at(::open("/", flags));
    for (std::size_t from = 1; from < folder.size();) {
        const auto to = std::min(folder.find('/', from), folder.size());
        const auto part = folder.substr(from, to - from);
        const bool last = folder.find_first_not_of('/', to) == std::string::npos;
        from = to + 1;
        if (part.empty() || part == ".") continue;
        if (part == "..") throw unsafe(folder, "the path has '..' in it");
        int next = ::openat(at, part.c_str(), flags);
        if (next < 0 && errno == ENOENT && last) {
            if (::mkdirat(at, part.c_str(), 0755) != 0 && errno != EEXIST) throw failed("make folder", folder, errno);
            next = ::openat(at, part.c_str(), flags);
        }
        if (next < 0 && (errno == ELOOP || errno == ENOTDIR))
            throw unsafe(folder, fmt::format("'{}' in it is a symbolic link or no folder", part));
        if (next < 0) throw failed("open folder", folder, errno);
        at = Descriptor(next);
    }
    struct stat status {};
    if (::fstat(at, &status) != 0) throw failed("examine folder", folder, errno);
    if (status.st_uid != ::geteuid()) throw unsafe(folder, fmt::format("it belongs to uid {}", status.st_uid));
    if ((status.st_mode & (S_IWGRP | S_IWOTH)) != 0)
        throw unsafe(folder, fmt::format("others can write to it (mode {:04o})", status.st_mode & 07777));
    return at;
}

/// A file that isn't there yet: complete under a temporary name, removed again unless published.
class NewFile {
  public:
    NewFile(const std::string& folder, std::string name, std::string_view text)
        : folder_(folder), at_(open_folder(folder)), name_(std::move(name)),
          temporary_(fmt::format("{}{}-{}", temporary_prefix, ::getpid(), name_)) {
        constexpr int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
        ::unlinkat(at_, temporary_.c_str(), 0); // of a predecessor with our process id that died
        const Descriptor file(::openat(at_, temporary_.c_str(), flags, 0644));
        if (file < 0) throw failed("write", path(), errno);
        exists_ = true;
        try {
            while (!text.empty()) {
                const auto written = ::write(file, text.data(), text.size());
                if (written < 0 && errno == EINTR) continue;
                if (written < 0) throw failed("write", path(), errno);
                text.remove_prefix(static_cast<std::size_t>(written));
            }
            if (::fsync(file) != 0) throw failed("write", path(), errno);
        } catch (...) {
            ::unlinkat(at_, temporary_.c_str(), 0);
            throw;
        }
    }
    ~NewFile() {
        if (exists_) ::unlinkat(at_, temporary_.c_str(), 0);
    }
    NewFile(const NewFile&) = delete;
    NewFile& operator=(const NewFile&) = delete;

    void publish() {
        if (::renameat(at_, temporary_.c_str(), at_, name_.c_str()) != 0) throw failed("write", path(), errno);
        exists_ = false;
        if (::fsync(at_) != 0) throw failed("write", path(), errno);
    }
    std::string path() const { return folder_ + "/" + name_; }

  private:
    std::string folder_;
    Descriptor at_;
    std::string name_, temporary_;
    bool exists_ = false;
};

/// The N of "N.json".
std::optional<std::uint64_t> number_of(std::string_view name) {
    if (!name.ends_with(".json") || name.starts_with('0')) return std::nullopt;
    name.remove_suffix(5);
    std::uint64_t number = 0;
    const auto [stop, error] = std::from_chars(name.data(), name.data() + name.size(), number);
    if (error != std::errc{} || stop != name.data() + name.size()) return std::nullopt;
    return number;
}

std::string name_of_run(std::uint64_t number) {
    return fmt::format("{}.json", number);
}

std::vector<std::string> names_in(const Descriptor& folder, const std::string& path) {
    struct CloseDir {
        void operator()(DIR* directory) const { ::closedir(directory); }
    };
    // A description of its own: reading moves the position of all that share one.
    const int copy = ::openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const std::unique_ptr<DIR, CloseDir> directory(copy >= 0 ? ::fdopendir(copy) : nullptr);
    if (!directory) throw failed("read folder", path, errno);
    std::vector<std::string> names;
    while (const auto* entry = ::readdir(directory.get()))
        names.emplace_back(entry->d_name);
    return names;
}

} // namespace

Store::Store(std::string folder, std::string text_folder)
    : folder_(std::move(folder)), text_folder_(std::move(text_folder)) {
    open_folder(folder_);
    if (!text_folder_.empty()) open_folder(text_folder_);
}

std::vector<std::string> Store::save(std::uint64_t number, const Result& result) const {
    std::vector<std::unique_ptr<NewFile>> files;
    files.push_back(std::make_unique<NewFile>(folder_, name_of_run(number), report_json(result)));
    if (!text_folder_.empty())
        files.push_back(
            std::make_unique<NewFile>(text_folder_, text_name(result.options), report_cyclictest_2_4(result)));
    std::vector<std::string> paths;
    for (const auto& file : files) {
        file->publish();
        paths.push_back(file->path());
    }
    return paths;
}

std::vector<Stored> Store::list() const {
    std::vector<Stored> runs;
    for (const auto& name : names_in(open_folder(folder_), folder_))
        if (const auto number = number_of(name)) runs.push_back({*number, folder_ + "/" + name});
    std::sort(runs.begin(), runs.end(), [](const Stored& a, const Stored& b) { return a.number < b.number; });
    return runs;
}

std::uint64_t Store::next_number() const {
    const auto runs = list();
    return runs.empty() ? 1 : runs.back().number + 1;
}

Result Store::load(std::uint64_t number) const {
    const auto path = folder_ + "/" + name_of_run(number);
    const auto folder = open_folder(folder_);
    const Descriptor file(
        ::openat(folder, name_of_run(number).c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
    struct stat status {};
    if (file < 0 || ::fstat(file, &status) != 0)
        throw fail(Reason::NoSuchMeasurement, "there is no result of measurement {} in {}: {}", number, folder_,
                   std::strerror(errno));
    if (!S_ISREG(status.st_mode) || status.st_size > largest_result)
        throw fail(Reason::NoSuchMeasurement, "{} is not a result of ours: it is no regular file or too large", path);
    std::string text(static_cast<std::size_t>(status.st_size), '\0');
    std::size_t have = 0;
    while (have < text.size()) {
        const auto got = ::pread(file, text.data() + have, text.size() - have, static_cast<off_t>(have));
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) throw failed("read", path, errno);
        if (got == 0) break;
        have += static_cast<std::size_t>(got);
    }
    text.resize(have);
    try {
        return from_json(text);
    } catch (const Error& e) {
        throw fail(Reason::NoSuchMeasurement, "the result in {} is damaged: {}; remove the file", path, e.what());
    }
}

void Store::prune(std::size_t keep) const {
    const auto remove = [](const Descriptor& folder, const std::string& path, const std::string& name) {
        if (::unlinkat(folder, name.c_str(), 0) != 0 && errno != ENOENT)
            throw failed("remove", path + "/" + name, errno);
    };
    const auto runs = list();
    const auto folder = open_folder(folder_);
    for (std::size_t i = 0; i + keep < runs.size(); ++i)
        remove(folder, folder_, name_of_run(runs[i].number));
    for (const auto& path : {folder_, text_folder_}) {
        if (path.empty()) continue;
        const auto at = open_folder(path);
        for (const auto& name : names_in(at, path))
            if (name.starts_with(temporary_prefix)) remove(at, path, name);
    }
}

std::string Store::text_name(const Options& options) {
    return fmt::format("cyclictest_{}.out", format_duration(options.duration));
}

} // namespace rtnode::latency
