#include "loop/journal.hpp"

#include <fmt/format.h>
#include <sys/uio.h>
#include <unistd.h>

#define SD_JOURNAL_SUPPRESS_LOCATION
#include <systemd/sd-journal.h>

#include <cerrno>
#include <cstdlib>
#include <vector>

namespace rtnode::journal {
namespace {

void to_journal(Priority priority, std::string_view message, std::initializer_list<Field> fields) {
    std::vector<std::string> entries;
    entries.push_back(fmt::format("MESSAGE={}", message));
    entries.push_back(fmt::format("PRIORITY={}", static_cast<int>(priority)));
    entries.push_back(fmt::format("SYSLOG_IDENTIFIER={}", program_invocation_short_name));
    for (const auto& [name, value] : fields)
        entries.push_back(fmt::format("{}={}", name, value));
    std::vector<iovec> parts;
    for (auto& entry : entries)
        parts.push_back({entry.data(), entry.size()});
    sd_journal_sendv(parts.data(), static_cast<int>(parts.size()));
}

void to_stderr(Priority priority, std::string_view message) {
    std::string text;
    const bool terminal = ::isatty(STDERR_FILENO) == 1;
    for (std::size_t at = 0; at <= message.size();) {
        const auto end = std::min(message.find('\n', at), message.size());
        if (!terminal) text += fmt::format("<{}>", static_cast<int>(priority));
        text += message.substr(at, end - at);
        text += '\n';
        at = end + 1;
    }
    [[maybe_unused]] const auto n = ::write(STDERR_FILENO, text.data(), text.size());
}

} // namespace

void log(Priority priority, std::string_view message, std::initializer_list<Field> fields) noexcept {
    try {
        if (std::getenv("JOURNAL_STREAM") != nullptr)
            to_journal(priority, message, fields);
        else if (priority != Priority::debug)
            to_stderr(priority, message);
    } catch (const std::bad_alloc&) {
        static constexpr std::string_view text = "<3>no memory left to log\n";
        [[maybe_unused]] const auto n = ::write(STDERR_FILENO, text.data(), text.size());
    }
}

} // namespace rtnode::journal
