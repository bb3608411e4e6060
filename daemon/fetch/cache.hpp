#pragma once
// The cache on disk is bounded: what is needed again is fetched again. Packages of live deployments are in the package
// store, not here.

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <set>

namespace rtnode::fetch {

struct CacheBounds {
    std::uint64_t bytes = 0;     ///< of all packages together
    std::chrono::hours unused{}; ///< packages and repositories' metadata that nobody asked for so long go
};

/// Removes package files in `cache_dir/packages` that are older than the bounds, then those unused for the longest time
/// until the rest fits, and metadata of repositories that are no longer in use. `needed` stay, and so does what was
/// used within the last hour: a job beside this one may be about to read it. What can't be removed stays.
/// @returns bytes freed; 0 for files that have another name, too
std::uint64_t prune_cache(const std::filesystem::path& cache_dir, const CacheBounds& bounds,
                          const std::set<std::filesystem::path>& needed);

/// Notes that a file of the cache is in use.
void touch_cached(const std::filesystem::path& file);

} // namespace rtnode::fetch
