#include "latency/store/results_folder.hpp"

#include "state/durable_file.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <utility>

namespace rtnode::latency {
namespace {

/// Names of files that aren't complete yet begin with it.
constexpr std::string_view temporary_prefix = ".rtnode-";

Error unsafe(const std::string& folder, std::string_view why) {
    return fail(Reason::UnsafeFolder,
                "results cannot be kept in folder {}: {}; it must be a folder that the daemon's user owns and nobody "
                "else can write to, with no symbolic link in its path",
                folder, why);
}

} // namespace

Error failed_to(std::string_view what, const std::string& where, int error) {
    if (error == ENOSPC || error == EDQUOT)
        return fail(Reason::NoSpace, "cannot {} {}: no space is left there; free some, or keep fewer results", what,
                    where);
    return fail(Reason::Internal, "cannot {} {}: {}", what, where, std::strerror(error));
}

UniqueFd open_results_folder(const std::string& folder) {
    if (!folder.starts_with('/')) throw unsafe(folder, "the path is not absolute");
    constexpr int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
    UniqueFd at(::open("/", flags));
    for (std::size_t from = 1; from < folder.size();) {
        const auto to = std::min(folder.find('/', from), folder.size());
        const auto part = folder.substr(from, to - from);
        const bool last = folder.find_first_not_of('/', to) == std::string::npos;
        from = to + 1;
        if (part.empty() || part == ".") continue;
        if (part == "..") throw unsafe(folder, "the path has '..' in it");
        int next = ::openat(at.get(), part.c_str(), flags);
        if (next < 0 && errno == ENOENT && last) {
            if (::mkdirat(at.get(), part.c_str(), 0755) != 0 && errno != EEXIST)
                throw failed_to("make folder", folder, errno);
            next = ::openat(at.get(), part.c_str(), flags);
        }
        if (next < 0 && (errno == ELOOP || errno == ENOTDIR))
            throw unsafe(folder, fmt::format("'{}' in it is a symbolic link or no folder", part));
        if (next < 0) throw failed_to("open folder", folder, errno);
        at = UniqueFd(next);
    }
    struct stat status {};
    if (::fstat(at.get(), &status) != 0) throw failed_to("examine folder", folder, errno);
    if (status.st_uid != ::geteuid()) throw unsafe(folder, fmt::format("it belongs to uid {}", status.st_uid));
    if ((status.st_mode & (S_IWGRP | S_IWOTH)) != 0)
        throw unsafe(folder, fmt::format("others can write to it (mode {:04o})", status.st_mode & 07777));
    return at;
}

std::vector<std::string> names_in(const UniqueFd& folder, const std::string& path) {
    struct CloseDir {
        void operator()(DIR* directory) const { ::closedir(directory); }
    };
    // A description of its own: reading moves the position of all that share one.
    const int copy = ::openat(folder.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const std::unique_ptr<DIR, CloseDir> directory(copy >= 0 ? ::fdopendir(copy) : nullptr);
    if (!directory) throw failed_to("read folder", path, errno);
    std::vector<std::string> names;
    while (const auto* entry = ::readdir(directory.get()))
        names.emplace_back(entry->d_name);
    return names;
}

NewFile::NewFile(const std::string& folder, std::string name, std::string_view text)
    : folder_(folder), at_(open_results_folder(folder)), name_(std::move(name)),
      // Not with the name's own ending: node_exporter reads all that ends in .prom.
      temporary_(fmt::format("{}{}-{}.tmp", temporary_prefix, ::getpid(), name_)) {
    constexpr int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
    ::unlinkat(at_.get(), temporary_.c_str(), 0); // of a predecessor with our process id that died
    const UniqueFd file(::openat(at_.get(), temporary_.c_str(), flags, 0644));
    if (!file) throw failed_to("write", path(), errno);
    exists_ = true;
    try {
        if (!write_all(file.get(), text) || ::fsync(file.get()) != 0) throw failed_to("write", path(), errno);
    } catch (...) {
        ::unlinkat(at_.get(), temporary_.c_str(), 0);
        throw;
    }
}

NewFile::~NewFile() {
    if (exists_) ::unlinkat(at_.get(), temporary_.c_str(), 0);
}

void NewFile::remove_unfinished(const std::string& folder, std::string_view name) {
    const auto at = open_results_folder(folder);
    for (const auto& found : names_in(at, folder)) {
        std::string_view rest = found;
        if (!rest.starts_with(temporary_prefix)) continue;
        if (rest.ends_with(".tmp")) rest.remove_suffix(4); // earlier ones had none
        const auto dash = rest.find('-', temporary_prefix.size());
        if (!name.empty() && (dash == rest.npos || rest.substr(dash + 1) != name)) continue;
        if (::unlinkat(at.get(), found.c_str(), 0) != 0 && errno != ENOENT)
            throw failed_to("remove", folder + "/" + found, errno);
    }
}

void NewFile::publish() {
    if (::renameat(at_.get(), temporary_.c_str(), at_.get(), name_.c_str()) != 0)
        throw failed_to("write", path(), errno);
    exists_ = false;
    if (::fsync(at_.get()) != 0) throw failed_to("write", path(), errno);
}

} // namespace rtnode::latency
