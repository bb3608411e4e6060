#include "fetch/local.hpp"

#include "fetch/cache_file.hpp"
#include "state/error.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace rtnode::fetch {
namespace {

const char* kind_of(mode_t mode) {
    if (S_ISDIR(mode)) return "a folder";
    if (S_ISLNK(mode)) return "a symbolic link";
    if (S_ISFIFO(mode)) return "a FIFO";
    if (S_ISSOCK(mode)) return "a socket";
    if (S_ISCHR(mode) || S_ISBLK(mode)) return "a device";
    return "no regular file";
}

CachedFile import_open_file(int fd, const std::string& name, const std::string& sha256,
                            const std::filesystem::path& cache_dir, const Cancelled& cancelled) {
    const auto folder = cache_dir / "packages";
    CacheFile copy(folder);
    std::array<char, 1 << 17> buffer{};
    // A file that somebody keeps growing must not fill the disk.
    constexpr std::uint64_t limit = Limits{}.max_size;
    for (;;) {
        if (cancelled && cancelled()) throw fail(Reason::Canceled, "canceled while '{}' was copied", name);
        const auto got = pread(fd, buffer.data(), buffer.size(), static_cast<off_t>(copy.size()));
        if (got < 0 && errno == EINTR) continue;
        if (got < 0)
            throw fail(Reason::UnsafePath,
                       "'{}' can't be read: {}; check that it is open for reading and its disk is "
                       "well",
                       name, std::strerror(errno));
        if (got == 0) break;
        copy.write({buffer.data(), static_cast<std::size_t>(got)});
        if (copy.size() > limit)
            throw fail(Reason::UnsafePath, "'{}' has more than {} bytes; packages are never that large", name, limit);
    }
    copy.finish();
    if (!sha256.empty() && copy.sha256() != sha256)
        throw fail(Reason::DigestMismatch,
                   "'{}' has the SHA-256 {}, not {} as was asked for; get the right file, or "
                   "correct the digest",
                   name, copy.sha256(), sha256);
    const auto target = folder / (copy.sha256() + ".rpm");
    copy.publish(target);
    return {target, copy.sha256(), copy.size(), {}, false};
}

} // namespace

UniqueFd open_regular(const std::filesystem::path& path) {
    if (!path.is_absolute())
        throw fail(Reason::UnsafePath, "'{}' is a relative path; give an absolute one", path.string());
    // O_PATH first: opening a device for real may already do something (rewind a tape, raise a line).
    const UniqueFd found(open(path.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
    if (!found)
        throw fail(Reason::UnsafePath,
                   "'{}' can't be opened: {}; check the path on the node (a debug pod's own files "
                   "are elsewhere for the daemon)",
                   path.string(), std::strerror(errno));
    struct stat status {};
    if (fstat(found.get(), &status) != 0)
        throw fail(Reason::UnsafePath, "'{}' can't be examined: {}", path.string(), std::strerror(errno));
    if (!S_ISREG(status.st_mode))
        throw fail(Reason::UnsafePath, "'{}' is {}; only regular files are opened, so give the path of the file itself",
                   path.string(), kind_of(status.st_mode));
    UniqueFd file(open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
    struct stat opened {};
    if (!file || fstat(file.get(), &opened) != 0)
        throw fail(Reason::UnsafePath, "'{}' can't be opened: {}", path.string(), std::strerror(errno));
    if (opened.st_dev != status.st_dev || opened.st_ino != status.st_ino)
        throw fail(Reason::UnsafePath, "'{}' was exchanged while it was opened; put it where only root can write",
                   path.string());
    return file;
}

CachedFile import_file(const std::filesystem::path& path, const std::string& sha256,
                       const std::filesystem::path& cache_dir, const Cancelled& cancelled) {
    const auto file = open_regular(path);
    return import_open_file(file.get(), path.string(), sha256, cache_dir, cancelled);
}

CachedFile import_descriptor(int fd, const std::string& name, const std::string& sha256,
                             const std::filesystem::path& cache_dir, const Cancelled& cancelled) {
    struct stat status {};
    if (fstat(fd, &status) != 0)
        throw fail(Reason::UnsafePath, "the passed descriptor {} is not open: {}", name, std::strerror(errno));
    if (!S_ISREG(status.st_mode))
        throw fail(Reason::UnsafePath, "the passed descriptor {} is {}; pass that of a regular file", name,
                   kind_of(status.st_mode));
    const int flags = fcntl(fd, F_GETFL);
    if (flags < 0 || (flags & O_PATH) != 0 || (flags & O_ACCMODE) == O_WRONLY)
        throw fail(Reason::UnsafePath, "the passed descriptor {} is not open for reading", name);
    return import_open_file(fd, name, sha256, cache_dir, cancelled);
}

} // namespace rtnode::fetch
