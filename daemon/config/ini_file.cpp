#include "config/ini_file.hpp"

#include "state/error.hpp"

#include <ini.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <mutex>

namespace rtnode::config {
namespace {

struct Reader {
    std::ifstream stream;
    unsigned line = 0;
    bool continues = false; ///< the line goes on with the value before
    std::vector<IniSection> sections;
};

/// Called by libinih for each line: fgets(3) on our stream, which counts. Sections are taken down here, since the
/// handler isn't called for those without a key.
char* next_line(char* buffer, int size, void* stream) {
    auto& reader = *static_cast<Reader*>(stream);
    std::string text;
    if (!std::getline(reader.stream, text)) return nullptr;
    ++reader.line;
    if (text.ends_with('\r')) text.pop_back();
    reader.continues = text.starts_with(' ') || text.starts_with('\t');
    if (const auto end = text.find(']'); text.starts_with('[') && end != std::string::npos)
        reader.sections.push_back({text.substr(1, end - 1), reader.line, {}});
    if (text.size() + 2 > static_cast<std::size_t>(size)) text.resize(static_cast<std::size_t>(size) - 2);
    text += '\n';
    std::memcpy(buffer, text.c_str(), text.size() + 1);
    return buffer;
}

int take_value(void* user, const char* section, const char* name, const char* value) {
    auto& reader = *static_cast<Reader*>(user);
    if (reader.sections.empty()) reader.sections.push_back({section, reader.line, {}});
    auto& entry = reader.sections.back().entries[name];
    if (!reader.continues || entry.values.empty()) {
        entry.values.clear(); // the last of several counts, as with dnf
        entry.line = reader.line;
    }
    entry.values.emplace_back(value);
    return 1;
}

} // namespace

std::vector<IniSection> read_ini_file(const std::filesystem::path& file) {
    static std::once_flag once;
    std::call_once(once, [] {
        ini_use_stack = false;
        ini_max_line = 64 * 1024;
        ini_initial_alloc = 64 * 1024;
        ini_allow_inline_comments = false; // dnf has none either
    });
    Reader reader{.stream = std::ifstream(file), .sections = {}};
    if (!reader.stream)
        throw fail(Reason::RepositoryConfiguration, "{}: can't be read: {}", file.string(), std::strerror(errno));
    struct Both { // the reader gets one pointer, the handler another; here they are the same object
        static int parse(Reader& r) { return ini_parse_stream(next_line, &r, take_value, &r); }
    };
    if (const int line = Both::parse(reader); line != 0)
        throw fail(Reason::RepositoryConfiguration, "{}:{}: neither a [section] nor key=value", file.string(), line);
    return reader.sections;
}

} // namespace rtnode::config
