#pragma once
// What rtnodectl shows of jobs. Properties of org.rtnode1.Job come as JSON.

#include "client/fields.hpp"

#include <string>
#include <vector>

namespace rtnode::client {

/// "done", "failed", "canceled" or "interrupted".
bool has_ended(const std::string& state);

/// "[=======>            ]  42% Generating initramfs", cut to @p width columns.
std::string progress_bar(unsigned percent, const std::string& step, unsigned width);

/// What a job did, in the how-to's form: `Freed:`, `Upgraded:`, `Downgraded:`, `Removed:`, `Added:`, then the kernel
/// command line when it changed, then warnings. Absent keys print nothing.
/// @param log_has_freed the log said `Freed:` already
std::vector<std::string> result_lines(const Json& result, bool log_has_freed = false);

/// What to do next: `Run "systemctl reboot" to start a reboot`, or what fits.
std::vector<std::string> next_steps(const Json& job, bool reboot_required);

/// Why the job ended otherwise than done, in one line for stderr.
std::string failure_line(const Json& job);

/// `rtnodectl jobs`: one line a job.
std::string format_job_list(const std::vector<Json>& jobs);

/// `rtnodectl jobs show`: one `Key: value` a line, then the result.
std::string format_job(const Json& job);

/// Printed when Ctrl-C ends following: the job goes on.
std::vector<std::string> left_running(std::uint64_t id);

/// "36.1 MB", in powers of 1000 as rpm-ostree prints sizes.
std::string size_text(std::uint64_t bytes);

} // namespace rtnode::client
