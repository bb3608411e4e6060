#include "latency/machine/counters.hpp"

#include "state/file_text.hpp"
#include "state/numbers.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <fstream>

namespace rtnode::latency {
namespace {

/// Cuts a line off; "" for one that is cut short, which lacks its newline.
std::string_view take_line(std::string_view& text) {
    const auto end = text.find('\n');
    const auto line = end == std::string_view::npos ? std::string_view() : text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    return line;
}

/// Cuts the next word off; "" when there is none.
std::string_view take_word(std::string_view& text) {
    constexpr std::string_view blanks = " \t\n";
    text.remove_prefix(std::min(text.find_first_not_of(blanks), text.size()));
    const auto word = text.substr(0, text.find_first_of(blanks));
    text.remove_prefix(word.size());
    return word;
}

/// Of a numbered row the names of its handlers, which follow a word like "4-edge" or "-virq" (kernel/irq/proc.c,
/// show_interrupts); of others all of it.
std::string what_of(std::string_view row, std::string_view words) {
    auto rest = words;
    if (is_number(row))
        for (auto word = take_word(rest); !word.empty(); word = take_word(rest))
            if (const auto dash = word.find('-');
                dash != std::string_view::npos && (dash == 0 || is_number(word.substr(0, dash)))) {
                words = rest;
                break;
            }
    words.remove_prefix(std::min(words.find_first_not_of(' '), words.size()));
    return std::string(words.substr(0, words.find_last_not_of(' ') + 1));
}

/// Reads a table like /proc/interrupts: a header that names the CPUs that are online, then rows of a label and a colon,
/// a number for each of these CPUs, and maybe words. Calls `keep` with each number above 0 of a wanted CPU.
template <typename Keep>
void read_table(std::string_view text, const CpuList& wanted, std::map<unsigned, Counters>& counters, Keep keep) {
    std::vector<Counters*> columns; // nullptr = not wanted
    auto line = take_line(text);
    for (auto word = take_word(line); !word.empty(); word = take_word(line)) {
        const auto cpu = word.starts_with("CPU") ? whole_number<std::uint64_t>(word.substr(3)) : std::nullopt;
        if (!cpu) return; // no such table
        const bool is_wanted = std::binary_search(wanted.begin(), wanted.end(), *cpu);
        columns.push_back(is_wanted ? &counters[static_cast<unsigned>(*cpu)] : nullptr);
    }
    std::vector<std::uint64_t> counts;
    while (!text.empty()) {
        line = take_line(text);
        const auto colon = line.find(':');
        if (colon == std::string_view::npos) continue;
        auto head = line.substr(0, colon);
        const auto label = take_word(head);
        line.remove_prefix(colon + 1);
        counts.clear();
        while (counts.size() < columns.size()) {
            const auto count = whole_number<std::uint64_t>(take_word(line));
            if (!count) break;
            counts.push_back(*count);
        }
        // One that doesn't count by CPU (ERR, MIS), or is odd.
        if (label.empty() || counts.size() < columns.size()) continue;
        for (std::size_t i = 0; i < columns.size(); ++i)
            if (columns[i] != nullptr && counts[i] > 0) keep(*columns[i], label, counts[i], line);
    }
}

/// "cpu1 USER NICE SYSTEM IDLE IOWAIT IRQ SOFTIRQ STEAL …" (proc_stat(5))
void read_stat(const std::string& path, const CpuList& wanted, std::map<unsigned, Counters>& counters) {
    std::ifstream file(path);
    for (std::string line; std::getline(file, line) && line.starts_with("cpu");) {
        std::string_view rest = line;
        const auto cpu = whole_number<std::uint64_t>(take_word(rest).substr(3)); // none for the line of all together
        if (!cpu || !std::binary_search(wanted.begin(), wanted.end(), *cpu)) continue;
        std::array<std::optional<std::uint64_t>, 8> ticks;
        for (auto& tick : ticks)
            tick = whole_number<std::uint64_t>(take_word(rest));
        if (!ticks.back()) continue; // cut short
        auto& of_cpu = counters[static_cast<unsigned>(*cpu)];
        of_cpu.irq_ticks = ticks[5].value_or(0);
        of_cpu.softirq_ticks = ticks[6].value_or(0);
        of_cpu.steal_ticks = *ticks[7];
    }
}

} // namespace

std::optional<std::uint64_t> count_in(const std::string& path) {
    const auto text = file_text(path);
    std::string_view rest = text;
    return whole_number<std::uint64_t>(take_word(rest));
}

bool is_number(std::string_view row) {
    return whole_number<std::uint64_t>(row).has_value();
}

std::optional<std::uint64_t> smis_of(int msr) {
    std::uint64_t value = 0;
    if (msr < 0 || ::pread(msr, &value, sizeof value, 0x34) != sizeof value) return std::nullopt;
    return value & 0xffffffff;
}

std::uint64_t throttled_of(const std::vector<std::string>& cgroups) {
    std::uint64_t sum = 0;
    for (const auto& cgroup : cgroups) {
        std::ifstream file(cgroup + "/cpu.stat");
        for (std::string line; std::getline(file, line);)
            if (line.starts_with("nr_throttled "))
                sum += whole_number<std::uint64_t>(std::string_view(line).substr(13)).value_or(0);
    }
    return sum;
}

std::map<unsigned, Counters> read_counters(const CpuList& cpus, const std::string& root) {
    std::map<unsigned, Counters> counters;
    const auto interrupts = file_text(root + "/proc/interrupts");
    read_table(interrupts, cpus, counters,
               [](Counters& of_cpu, std::string_view row, std::uint64_t count, std::string_view words) {
                   of_cpu.interrupts[std::string(row)] = {count, what_of(row, words)};
               });
    const auto softirqs = file_text(root + "/proc/softirqs");
    read_table(softirqs, cpus, counters,
               [](Counters& of_cpu, std::string_view row, std::uint64_t count, std::string_view) {
                   of_cpu.softirqs[std::string(row)] = count;
               });
    read_stat(root + "/proc/stat", cpus, counters);
    return counters;
}

} // namespace rtnode::latency
