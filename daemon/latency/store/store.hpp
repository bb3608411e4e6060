#pragma once
// Results on disk: `N.json` for each run in our own folder (`N.watch.json` for one of the regression watch), `next`,
// the number that the next run gets, and, when a second folder is configured, cyclictest's text under the name that the
// RHCOS-RT how-to's scripts look for
// (`cyclictest_10m.out`).

#include "latency/result.hpp"

#include <cstddef>
#include <cstdint>
#include <set>
#include <string>
#include <vector>

namespace rtnode::latency {

/// Why a run was made.
enum class Purpose {
    request, ///< somebody asked for it
    watch    ///< the regression watch did: a short one, of which many come
};

struct Stored {
    std::uint64_t number = 0;
    std::string path;
    Purpose purpose = Purpose::request;
};

/// Which ended runs stay.
struct Keep {
    std::size_t requested = 64, watched = 24; ///< so many of each purpose, the newest
    std::set<std::uint64_t> always;           ///< these beside, whatever their age
};

/// Numbers of the runs that go. @param runs oldest first
std::vector<std::uint64_t> outdated(const std::vector<Stored>& runs, const Keep& keep);

class Store {
  public:
    /// @param folder created (0755) when missing. It and every folder above it must not be a symbolic link; it must
    ///               belong to our uid and nobody else may be able to write in it.
    /// @param text_folder the same rules; "" = the text is not written. @throws Error{UnsafeFolder}
    explicit Store(std::string folder, std::string text_folder = {});

    /// Writes N.json and then the text, which only a run on request has: temporary file, fsync, rename; a reader sees
    /// the old file or the new one, whole.
    /// @returns the paths written. @throws Error{UnsafeFolder, NoSpace, Internal}; then nothing half-written is left
    ///          over, and N.json is there when only the text could not be written.
    std::vector<std::string> save(std::uint64_t number, const Result& result, Purpose purpose = Purpose::request) const;

    /// All runs, oldest first. Files that aren't ours are passed over.
    std::vector<Stored> list() const;

    /// A number, from 1 on, that no run had before: of this or an earlier daemon, stored, lost, pruned or removed. It
    /// is taken on disk (`next` in our folder) when this returns.
    /// @param at_least a lower one isn't wanted @throws Error{UnsafeFolder, NoSpace, Internal}
    std::uint64_t take_number(std::uint64_t at_least = 1) const;

    /// @throws Error{NoSuchMeasurement} when there is no such file or it is damaged
    Result load(std::uint64_t number) const;

    /// Removes outdated() runs, and temporary files that a crash left. Texts are kept.
    void prune(const Keep& keep) const;

    /// "cyclictest_10m.out": by the duration that was asked for.
    static std::string text_name(const Options& options);

  private:
    std::string folder_, text_folder_;
};

} // namespace rtnode::latency
