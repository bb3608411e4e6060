#include "fetch/cache_file.hpp"

#include "state/error.hpp"

#include <fcntl.h>
#include <stdlib.h> // mkostemp
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>

namespace rtnode::fetch {
namespace {

/// A smaller part isn't worth a file, bytes.
constexpr std::uint64_t least_part = 256 * 1024;

Error broken(const std::filesystem::path& folder, const char* what, int error) {
    if (error == ENOSPC || error == EDQUOT)
        return fail(Reason::NoSpace,
                    "no space left in the cache folder {} ({}); free some space on its file system and try again",
                    folder.string(), std::strerror(error));
    return fail(Reason::DownloadFailed, "the cache folder {} can't be written: {}: {}", folder.string(), what,
                std::strerror(error));
}

void create_folder(const std::filesystem::path& folder) {
    // Parents too, but all private: the cache holds what root is about to install.
    std::filesystem::path sofar;
    for (const auto& part : folder) {
        sofar /= part;
        if (mkdir(sofar.c_str(), 0700) != 0 && errno != EEXIST) throw broken(folder, "mkdir", errno);
    }
}

} // namespace

CacheFile::CacheFile(const std::filesystem::path& folder, const std::string& extra_type, const std::string& part)
    : folder_(folder), extra_type_(extra_type == "sha256" ? "" : extra_type) {
    create_folder(folder_);
    if (!part.empty() && open_part(part)) {
        take_up();
        return;
    }
    file_ = UniqueFd(open(folder_.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
    if (!file_) {
        // File systems without O_TMPFILE (older overlayfs, NFS): a name that is removed again unless published.
        if (errno != EOPNOTSUPP && errno != EISDIR && errno != ENOENT) throw broken(folder_, "open", errno);
        std::string name = folder_ / ".incoming-XXXXXX";
        file_ = UniqueFd(mkostemp(name.data(), O_CLOEXEC));
        if (!file_) throw broken(folder_, "mkostemp", errno);
        temporary_ = name;
    }
    restart();
}

CacheFile::~CacheFile() {
    if (temporary_.empty() || (is_part_ && size_ >= least_part && !note_.empty())) return;
    unlink(temporary_.c_str());
    if (is_part_) unlink(note_file().c_str());
}

bool CacheFile::open_part(const std::string& part) {
    const auto path = folder_ / (".partial-" + part);
    UniqueFd file(open(path.c_str(), O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600));
    struct stat ours {
    }, named{};
    if (!file || flock(file.get(), LOCK_EX | LOCK_NB) != 0 || fstat(file.get(), &ours) != 0) return false;
    // Whoever had it open before may have published it just now: then it is a package, and nothing to write into.
    if (stat(path.c_str(), &named) != 0 || named.st_ino != ours.st_ino || named.st_dev != ours.st_dev) return false;
    if (!S_ISREG(ours.st_mode) || ours.st_nlink != 1) return false;
    file_ = std::move(file);
    temporary_ = path;
    is_part_ = true;
    return true;
}

/// The digests of what is there already; a part without note is of unknown origin and dropped.
void CacheFile::take_up() {
    std::getline(std::ifstream(note_file()), note_);
    if (note_.empty()) return restart();
    sha256_state_.emplace("sha256");
    if (!extra_type_.empty()) extra_state_.emplace(extra_type_);
    std::array<char, 1 << 16> buffer{};
    for (;;) {
        const auto got = pread(file_.get(), buffer.data(), buffer.size(), static_cast<off_t>(size_));
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) throw broken(folder_, "read", errno);
        if (got == 0) break;
        const std::string_view bytes(buffer.data(), static_cast<std::size_t>(got));
        sha256_state_->update(bytes);
        if (extra_state_) extra_state_->update(bytes);
        size_ += bytes.size();
    }
    if (lseek(file_.get(), 0, SEEK_END) < 0) throw broken(folder_, "lseek", errno);
}

void CacheFile::set_note(const std::string& note) {
    note_ = note;
    if (!is_part_) return;
    if (note.empty())
        unlink(note_file().c_str());
    else
        std::ofstream(note_file()) << note << '\n'; // without it the part is of no use, no more
}

void CacheFile::write(std::span<const char> bytes) {
    while (!bytes.empty()) {
        const auto written = ::write(file_.get(), bytes.data(), bytes.size());
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) {
            const int error = errno;
            set_note({}); // a full disk needs its space back
            throw broken(folder_, "write", error);
        }
        const std::string_view done(bytes.data(), static_cast<std::size_t>(written));
        sha256_state_->update(done);
        if (extra_state_) extra_state_->update(done);
        size_ += done.size();
        bytes = bytes.subspan(done.size());
    }
}

void CacheFile::restart() {
    if (ftruncate(file_.get(), 0) != 0 || lseek(file_.get(), 0, SEEK_SET) != 0)
        throw broken(folder_, "ftruncate", errno);
    size_ = 0;
    sha256_state_.emplace("sha256");
    if (!extra_type_.empty()) extra_state_.emplace(extra_type_);
}

void CacheFile::finish() {
    sha256_ = sha256_state_->hex();
    if (extra_state_) extra_ = extra_state_->hex();
}

const std::string& CacheFile::digest(const std::string& type) const {
    if (type == "sha256") return sha256_;
    if (type != extra_type_) throw fail(Reason::Internal, "no {} digest was computed for a file in the cache", type);
    return extra_;
}

void CacheFile::publish(const std::filesystem::path& target) {
    if (fdatasync(file_.get()) != 0) throw broken(folder_, "fdatasync", errno);
    if (temporary_.empty()) {
        // linkat() can't replace, so by way of a name of our own in the same folder (one worker at a time, and the
        // process id keeps workers of different nodes apart that share a cache).
        const auto name = target.parent_path() / fmt::format(".incoming-{}-{}", getpid(), file_.get());
        unlink(name.c_str());
        const auto self = fmt::format("/proc/self/fd/{}", file_.get());
        if (linkat(AT_FDCWD, self.c_str(), AT_FDCWD, name.c_str(), AT_SYMLINK_FOLLOW) != 0)
            throw broken(folder_, "linkat", errno);
        temporary_ = name;
    }
    if (rename(temporary_.c_str(), target.c_str()) != 0) throw broken(folder_, "rename", errno);
    if (is_part_) unlink(note_file().c_str());
    temporary_.clear();
}

} // namespace rtnode::fetch
