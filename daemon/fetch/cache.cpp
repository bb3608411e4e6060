#include "fetch/cache.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <vector>

namespace rtnode::fetch {
namespace {

namespace fs = std::filesystem;

struct Entry {
    fs::path path;
    fs::file_time_type used;
    std::uint64_t size = 0;
    ino_t inode = 0;
    bool only_name = true;
};

std::vector<Entry> entries_of(const fs::path& folder) {
    std::vector<Entry> all;
    std::error_code missing;
    for (const auto& file : fs::directory_iterator(folder, missing)) {
        struct stat status {};
        std::error_code gone;
        const auto used = file.last_write_time(gone);
        if (gone || lstat(file.path().c_str(), &status) != 0 || !S_ISREG(status.st_mode)) continue;
        if (file.path().extension() == ".rpm")
            all.push_back(
                {file.path(), used, static_cast<std::uint64_t>(status.st_size), status.st_ino, status.st_nlink == 1});
    }
    return all;
}

/// Names of one file (a package known by SHA-512 has two here) count once.
std::uint64_t bytes_of(const std::vector<Entry>& entries) {
    std::set<ino_t> counted;
    std::uint64_t bytes = 0;
    for (const auto& entry : entries)
        if (counted.insert(entry.inode).second) bytes += entry.size;
    return bytes;
}

void remove_unused_metadata(const fs::path& folder, fs::file_time_type before) {
    std::error_code missing;
    std::vector<fs::path> old;
    for (const auto& repository : fs::directory_iterator(folder, missing)) {
        std::error_code gone;
        // Written at each look at the server.
        const auto used = fs::last_write_time(repository.path() / "last-look.json", gone);
        if ((gone ? repository.last_write_time(gone) : used) < before) old.push_back(repository.path());
    }
    std::error_code ignored; // it costs space, no more
    for (const auto& path : old)
        fs::remove_all(path, ignored);
}

} // namespace

std::uint64_t prune_cache(const fs::path& cache_dir, const CacheBounds& bounds, const std::set<fs::path>& needed) {
    const auto now = fs::file_time_type::clock::now();
    auto entries = entries_of(cache_dir / "packages");
    std::ranges::sort(entries, std::less{}, &Entry::used);
    auto bytes = bytes_of(entries);
    std::uint64_t freed = 0;
    std::set<ino_t> gone;
    for (const auto& entry : entries) {
        const bool busy = needed.contains(entry.path) || now - entry.used < std::chrono::hours(1);
        const bool goes = now - entry.used > bounds.unused || bytes > bounds.bytes || gone.contains(entry.inode);
        std::error_code failed;
        if (busy || !goes || !fs::remove(entry.path, failed)) continue;
        if (gone.insert(entry.inode).second) bytes -= entry.size;
        if (entry.only_name) freed += entry.size;
    }
    remove_unused_metadata(cache_dir / "repositories", now - bounds.unused);
    return freed;
}

void touch_cached(const fs::path& file) {
    utimensat(AT_FDCWD, file.c_str(), nullptr, AT_SYMLINK_NOFOLLOW); // else it goes earlier than it should, no more
}

} // namespace rtnode::fetch
