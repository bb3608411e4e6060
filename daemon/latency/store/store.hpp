#pragma once
// Results on disk: `N.json` for each run in our own folder (`N.watch.json` for one of the regression watch), `next`,
// the number that the next run gets, and, when a second folder is configured, cyclictest's text under the name that the
// RHCOS-RT how-to's scripts look for (`cyclictest_10m.out`). `texts.json` says which run wrote each text last.

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

/// What save() did.
struct Saved {
    std::vector<std::string> paths;    ///< written
    std::string text_error;            ///< why the text was not; "" = it was, or none was to be
    std::uint64_t text_taken_from = 0; ///< the run whose text was replaced by this one's; 0 = none
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
    /// the old file or the new one, whole. A text that can't be written is no failure: all of it is in N.json.
    /// @throws Error{UnsafeFolder, NoSpace, Internal} when N.json could not be written; nothing half-written is left
    /// then
    Saved save(std::uint64_t number, const Result& result, Purpose purpose = Purpose::request) const;

    /// What there is of a run: N.json, and the text if it was the last to write it and nobody else did since.
    /// @throws Error{UnsafeFolder}
    std::vector<std::string> files(std::uint64_t number) const;

    /// All runs, oldest first. Files that aren't ours are passed over.
    std::vector<Stored> list() const;

    /// A number, from 1 on, that no run had before: of this or an earlier daemon, stored, lost, pruned or removed. It
    /// is taken on disk (`next` in our folder) when this returns.
    /// @param at_least a lower one isn't wanted @throws Error{UnsafeFolder, NoSpace, Internal}
    std::uint64_t take_number(std::uint64_t at_least = 1) const;

    /// @throws Error{NoSuchMeasurement} when there is no such file or it is damaged
    Result load(std::uint64_t number) const;

    /// Removes outdated() runs, texts whose run is gone, and temporary files that a crash left.
    void prune(const Keep& keep) const;

    /// "cyclictest_10m.out": by the duration that was asked for.
    static std::string text_name(const Options& options);

  private:
    struct Text;
    std::vector<Text> texts() const;
    void note_texts(const std::vector<Text>& texts) const;

    std::string folder_, text_folder_;
};

} // namespace rtnode::latency
