#pragma once
// Jobs on disk: STATE/jobs/N.json (the job, replaced atomically), N.log (its log, appended to), next (the next number).

#include "jobs/job.hpp"
#include "state/unique_fd.hpp"

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace rtnode::jobs {

class JournalFolder {
  public:
    /// Lines that a log takes from tools; after that only steps and errors. See append().
    static constexpr std::uint64_t max_tool_lines = 10'000;

    /// Creates the folder (0700) when missing. @throws Error{Internal}
    explicit JournalFolder(const std::filesystem::path& folder);

    /// All jobs, by number. A damaged file is reported in the log and left aside as N.json.damaged.
    std::vector<Job> load() const;

    /// Temporary file, fsync, rename, fsync of the folder. @throws Error{NoSpace, Internal}
    void store(const Job& job) const;

    void remove(std::uint32_t id) const noexcept;

    /// A number never used before, by this or an earlier daemon, also when older jobs were removed.
    /// @throws Error{NoSpace, Internal}
    std::uint32_t take_number();

    /// One line more, newlines in it become blanks. A line that can't be written is lost: the log is no reason to fail.
    void append(std::uint32_t id, std::string_view line) const noexcept;

    /// At most `limit` lines from line `from` (0 = first) on.
    std::vector<std::string> read_log(std::uint32_t id, std::uint64_t from, std::size_t limit) const;

    std::uint64_t count_log_lines(std::uint32_t id) const;

  private:
    std::filesystem::path path_;
    UniqueFd folder_;
    std::uint32_t next_ = 1;
};

} // namespace rtnode::jobs
