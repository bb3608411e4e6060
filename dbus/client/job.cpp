#include "client/job.hpp"

#include "client/kernel_arguments_change.hpp"
#include "state/error.hpp"
#include "state/nevra.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace rtnode::client {

namespace {

void add_block(std::vector<std::string>& lines, const char* heading, const std::vector<std::string>& rows) {
    if (rows.empty()) return;
    lines.push_back(std::string(heading) + ":");
    for (const auto& row : rows)
        lines.push_back(printable(row));
}

/// "microcode_ctl 4:a -> 4:b" of two NEVRAs.
std::string replacement(const std::string& before, const std::string& after) {
    try {
        const Nevra from = Nevra::parse(before), to = Nevra::parse(after);
        if (from.name == to.name) return from.name + " " + from.evr() + " -> " + to.evr();
    } catch (const Error&) {
        // Names that we can't take apart are shown as they came.
        return before + " -> " + after;
    }
    return before + " -> " + after;
}

/// The plan's rows, for a result without a diff: that of a dry run.
void add_planned(std::vector<std::string>& lines, const Json& plan) {
    std::vector<std::string> replaced, removed, added;
    const Json& packages = member(plan, "packages");
    if (!packages.is_array()) return;
    for (const Json& row : packages) {
        const std::string kind = text(row, "change"), before = text(row, "before"), after = text(row, "after");
        if (kind == "replace") replaced.push_back(replacement(before, after));
        if (kind == "remove") removed.push_back(before);
        if (kind == "install") added.push_back(after);
    }
    add_block(lines, "Replaced", replaced);
    add_block(lines, "Removed", removed);
    add_block(lines, "Added", added);
}

void add_kernel_command_line(std::vector<std::string>& lines, const std::vector<std::string>& before,
                             const std::vector<std::string>& after) {
    const KernelArgumentsChange change = kernel_arguments_change(before, after);
    if (change.empty() && before == after) return;
    lines.push_back("Kernel command line:");
    lines.push_back(printable(join(after)));
    if (!change.added.empty()) lines.push_back("  added: " + printable(join(change.added)));
    if (!change.removed.empty()) lines.push_back("  removed: " + printable(join(change.removed)));
    if (change.empty()) lines.push_back("  only their order changed");
}

std::string plan_hash(const Json& result) {
    const std::string direct = text(result, "plan");
    return direct.empty() ? text(member(result, "plan"), "plan") : direct;
}

std::string seconds_of(const Json& job) {
    const auto created = count(job, "Created"), ended = count(job, "Ended");
    if (!created || !ended || *ended < *created) return "-";
    return fmt::format("{:.1f}", static_cast<double>(*ended - *created) / 1e6);
}

std::string created_of(const Json& job) {
    const auto created = count(job, "Created");
    return created ? utc(*created / 1'000'000) : "-";
}

} // namespace

bool has_ended(const std::string& state) {
    return state == "done" || state == "failed" || state == "canceled" || state == "interrupted";
}

std::string progress_bar(unsigned percent, const std::string& step, unsigned width) {
    constexpr unsigned cells = 20;
    percent = std::min(percent, 100u);
    const unsigned filled = percent * cells / 100;
    std::string bar(filled, '=');
    if (filled < cells) bar += '>';
    bar.resize(cells, ' ');
    std::string line = fmt::format("[{}] {:3}% {}", bar, percent, printable(step));
    if (line.size() > width) line.resize(width);
    return line;
}

std::vector<std::string> result_lines(const Json& result, bool log_has_freed) {
    std::vector<std::string> lines;
    // The plan's keys stand in the result itself, beside `plan`, its hash; or in a dictionary of that name.
    const Json& plan = member(result, "plan").is_object() ? member(result, "plan") : result;
    if (!log_has_freed) {
        const std::string freed = text(result, "freed");
        if (!freed.empty()) lines.push_back("Freed: " + printable(freed));
        if (const auto bytes = count(result, "freed"); bytes && *bytes > 0)
            lines.push_back("Freed: " + size_text(*bytes));
    }
    bool has_diff = false;
    for (const char* key : {"upgraded", "downgraded", "removed", "added"}) {
        std::string heading = key;
        heading.front() = static_cast<char>(heading.front() - 'a' + 'A');
        add_block(lines, heading.c_str(), words(result, key));
        has_diff = has_diff || member(result, key).is_array();
    }
    if (!has_diff) add_planned(lines, plan);

    if (member(result, "kernel-arguments").is_array())
        add_kernel_command_line(lines, words(result, "kernel-arguments-before"), words(result, "kernel-arguments"));
    else if (member(plan, "kernel-arguments-after").is_array())
        add_kernel_command_line(lines, words(plan, "kernel-arguments-before"), words(plan, "kernel-arguments-after"));

    std::vector<std::string> warnings = words(result, "warnings");
    if (warnings.empty() && &plan != &result) warnings = words(plan, "warnings");
    for (const auto& warning : warnings)
        lines.push_back("Warning: " + printable(warning));
    return lines;
}

std::vector<std::string> next_steps(const Json& job, bool reboot_required) {
    const Json& result = member(job, "Result");
    std::vector<std::string> lines;
    if (flag(result, "nothing-to-do")) lines.emplace_back("Nothing to do: the node is as was asked already");
    if (flag(result, "dry-run")) {
        const std::string hash = plan_hash(result);
        if (flag(result, "nothing-to-do")) return lines;
        lines.emplace_back("Nothing was changed: this was a dry run");
        if (const std::string profile = text(result, "profile"); !hash.empty() && !profile.empty())
            lines.push_back(fmt::format("To do exactly this: rtnodectl apply {} --expected-plan {}", profile, hash));
        else if (!hash.empty())
            lines.push_back("To do exactly this, repeat the command with --expected-plan " + hash +
                            " in place of --dry-run");
        return lines;
    }
    const std::string reboot = text(result, "reboot");
    if (reboot == "requested")
        lines.emplace_back("The node reboots now");
    else if (!reboot.empty())
        lines.push_back("No reboot: " + printable(reboot));
    else if (reboot_required)
        lines.emplace_back("Run \"systemctl reboot\" to start a reboot");
    return lines;
}

std::string failure_line(const Json& job) {
    const std::string message = text(job, "ErrorMessage"), state = text(job, "State");
    const auto id = count(job, "Id") ? std::to_string(*count(job, "Id")) : "?";
    return fmt::format("job {} {}: {}", id, state == "failed" ? "failed" : "was " + (state.empty() ? "lost" : state),
                       message.empty() ? "no reason is known; see its log: rtnodectl log " + id : printable(message));
}

std::string format_job_list(const std::vector<Json>& jobs) {
    if (jobs.empty()) return "No jobs\n";
    std::string out =
        fmt::format("{:>5}  {:<17} {:<12} {:<21} {:>8}  {}\n", "JOB", "KIND", "STATE", "CREATED", "SECONDS", "CALLER");
    for (const Json& job : jobs) {
        std::string state = text(job, "State");
        if (state == "running") state += fmt::format(" {}%", count(job, "Percent").value_or(0));
        out += fmt::format("{:>5}  {:<17} {:<12} {:<21} {:>8}  {}\n", count(job, "Id").value_or(0), text(job, "Kind"),
                           state, created_of(job), seconds_of(job), printable(text(job, "Caller")));
    }
    return out;
}

std::string format_job(const Json& job) {
    std::vector<std::pair<std::string, std::string>> rows{
        {"Job", std::to_string(count(job, "Id").value_or(0))},
        {"Kind", text(job, "Kind")},
        {"Caller", text(job, "Caller")},
        {"Created", created_of(job)},
        {"State", text(job, "State")},
        {"Step", text(job, "Step")},
        {"Error", text(job, "ErrorName")},
        {"Message", text(job, "ErrorMessage")},
    };
    const Json& result = member(job, "Result");
    if (count(job, "Ended").value_or(0) > 0) rows.emplace_back("Seconds", seconds_of(job));
    if (text(job, "State") == "running")
        rows.emplace_back("Percent", std::to_string(count(job, "Percent").value_or(0)));
    rows.emplace_back("Plan", plan_hash(result));
    rows.emplace_back("Commit", text(result, "checksum"));
    for (const char* key : {"peak-memory", "peak-memory-bytes"})
        if (const auto bytes = count(result, key)) rows.emplace_back("PeakMemory", size_text(*bytes));
    for (const char* key : {"steps", "seconds"}) {
        const Json& steps = member(result, key);
        if (!steps.is_object()) continue;
        for (const auto& [step, seconds] : steps.items())
            if (seconds.is_number())
                rows.emplace_back("Time", fmt::format("{:8.3f} s {}", seconds.get<double>(), step));
    }
    std::size_t widest = 0;
    for (const auto& [key, value] : rows)
        widest = std::max(widest, key.size());
    std::string out;
    for (const auto& [key, value] : rows)
        if (!value.empty()) out += fmt::format("{:>{}}: {}\n", key, widest, printable(value));
    for (const auto& line : result_lines(result))
        out += line + "\n";
    return out;
}

std::vector<std::string> left_running(std::uint64_t id) {
    return {fmt::format("Job {} goes on without this terminal", id),
            fmt::format("  follow it: rtnodectl jobs follow {}", id),
            fmt::format("  cancel it: rtnodectl jobs cancel {}", id)};
}

std::string size_text(std::uint64_t bytes) {
    constexpr std::array units{"bytes", "kB", "MB", "GB", "TB"};
    if (bytes < 1000) return fmt::format("{} bytes", bytes);
    double value = static_cast<double>(bytes);
    std::size_t unit = 0;
    while (value >= 999.95 && unit + 1 < units.size()) {
        value /= 1000;
        ++unit;
    }
    return fmt::format("{:.1f} {}", value, units[unit]);
}

} // namespace rtnode::client
