#include "host/last_shutdown.hpp"

#include "host/node.hpp"

#include <sys/stat.h>
#include <systemd/sd-journal.h>

#include <algorithm>
#include <fstream>
#include <memory>
#include <optional>

namespace rtnode::host {
namespace {

constexpr const char* finalize_unit = "ostree-finalize-staged.service";
constexpr const char* complete_unit = "ostree-boot-complete.service";
constexpr std::string_view complete_label = "ostree-finalize-staged.service failed on previous boot: ";

struct CloseJournal {
    void operator()(sd_journal* journal) const { sd_journal_close(journal); }
};
using Journal = std::unique_ptr<sd_journal, CloseJournal>;

/// Nothing when there is no journal.
Journal open_journal() {
    sd_journal* journal = nullptr;
    if (sd_journal_open(&journal, SD_JOURNAL_LOCAL_ONLY | SD_JOURNAL_SYSTEM) < 0) return nullptr;
    return Journal(journal);
}

void match(sd_journal* journal, const char* field, const std::string& value) {
    const auto text = std::string(field) + "=" + value;
    sd_journal_add_match(journal, text.data(), text.size());
}

std::string field_of(sd_journal* journal, const char* name) {
    const void* data = nullptr;
    std::size_t size = 0;
    if (sd_journal_get_data(journal, name, &data, &size) < 0) return {};
    const std::string_view whole(static_cast<const char*>(data), size);
    return std::string(whole.substr(whole.find('=') + 1));
}

/// "3a4f…" of "3a4f…-…": as _BOOT_ID has it.
std::string without_dashes(std::string id) {
    std::erase(id, '-');
    return id;
}

/// Entries of the service in one boot, and systemd's about it, from a time on (µs since the epoch).
std::vector<FinalizationEntry> entries_of(sd_journal* journal, const char* unit, const std::string& boot,
                                          std::uint64_t since_us) {
    sd_journal_flush_matches(journal);
    match(journal, "_BOOT_ID", boot);
    match(journal, "_SYSTEMD_UNIT", unit);
    sd_journal_add_disjunction(journal);
    match(journal, "_BOOT_ID", boot);
    match(journal, "_PID", "1");
    match(journal, "UNIT", unit);
    std::vector<FinalizationEntry> entries;
    sd_journal_seek_head(journal);
    while (sd_journal_next(journal) > 0) {
        std::uint64_t time_us = 0;
        if (sd_journal_get_realtime_usec(journal, &time_us) < 0 || time_us < since_us) continue;
        entries.push_back({.message = field_of(journal, "MESSAGE"),
                           .message_id = field_of(journal, "MESSAGE_ID"),
                           .checksum = field_of(journal, "OSTREE_CHECKSUM"),
                           .unit_result = field_of(journal, "UNIT_RESULT")});
    }
    return entries;
}

bool knows(sd_journal* journal, const std::string& boot) {
    sd_journal_flush_matches(journal);
    match(journal, "_BOOT_ID", boot);
    sd_journal_seek_head(journal);
    return sd_journal_next(journal) > 0;
}

std::optional<std::string> words_of_stamp(const std::filesystem::path& stamp, std::uint64_t since_us) {
    struct stat facts {};
    if (::lstat(stamp.c_str(), &facts) != 0 || !S_ISREG(facts.st_mode) ||
        static_cast<std::uint64_t>(facts.st_mtim.tv_sec) < since_us / 1'000'000)
        return std::nullopt;
    std::ifstream file(stamp);
    std::string words;
    std::getline(file, words);
    return words;
}

std::optional<std::string> words_of_this_boot(sd_journal* journal) {
    for (const auto& entry : entries_of(journal, complete_unit, without_dashes(boot_id()), 0))
        if (const auto at = entry.message.find(complete_label); at != std::string::npos)
            return entry.message.substr(at + complete_label.size());
    return std::nullopt;
}

} // namespace

ShutdownTrace last_shutdown(const std::string& boot_id, const std::filesystem::path& boot_folder,
                            std::uint64_t since_us) {
    ShutdownTrace trace;
    const auto journal = open_journal();
    if (journal) {
        const auto boot = without_dashes(boot_id);
        trace = trace_of(entries_of(journal.get(), finalize_unit, boot, since_us));
        trace.boot_known = knows(journal.get(), boot);
    }
    if (!trace.errors.empty() || trace.written || trace.nothing_staged || trace.locked) return trace;
    auto words = words_of_stamp(boot_folder / "ostree/finalize-failure.stamp", since_us);
    if (!words && journal) words = words_of_this_boot(journal.get());
    if (words && !words->empty()) trace.errors.push_back(*words);
    return trace;
}

} // namespace rtnode::host
