#include "fetch/cache_file.hpp"

#include "state/error.hpp"

#include <fcntl.h>
#include <stdlib.h> // mkostemp
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace rtnode::fetch {
namespace {

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

CacheFile::CacheFile(const std::filesystem::path& folder, const std::string& extra_type)
    : folder_(folder), extra_type_(extra_type == "sha256" ? "" : extra_type) {
    create_folder(folder_);
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
    if (!temporary_.empty()) unlink(temporary_.c_str());
}

void CacheFile::write(std::span<const char> bytes) {
    while (!bytes.empty()) {
        const auto written = ::write(file_.get(), bytes.data(), bytes.size());
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) throw broken(folder_, "write", errno);
        const auto done = bytes.first(static_cast<std::size_t>(written));
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
    temporary_.clear();
}

} // namespace rtnode::fetch
