#include "config/repository_file.hpp"

#include "state/error.hpp"

#include <ini.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <fstream>
#include <mutex>
#include <optional>

namespace rtnode::config {
namespace {

/// One section: key → values (a key goes on in indented lines), with the line of the first.
struct Section {
    std::string id;
    unsigned line = 0;
    std::map<std::string, std::vector<std::string>> values;
};

struct Reader {
    std::ifstream stream;
    unsigned line = 0;
    std::vector<Section> sections;
};

/// Called by libinih for each line: fgets(3) on our stream, which counts.
char* next_line(char* buffer, int size, void* stream) {
    auto& reader = *static_cast<Reader*>(stream);
    std::string text;
    if (!std::getline(reader.stream, text)) return nullptr;
    ++reader.line;
    if (text.ends_with('\r')) text.pop_back();
    if (text.size() + 2 > static_cast<std::size_t>(size)) text.resize(static_cast<std::size_t>(size) - 2);
    text += '\n';
    std::memcpy(buffer, text.c_str(), text.size() + 1);
    return buffer;
}

int take_value(void* user, const char* section, const char* name, const char* value) {
    auto& reader = *static_cast<Reader*>(user);
    if (reader.sections.empty() || reader.sections.back().id != section)
        reader.sections.push_back({section, reader.line, {}});
    reader.sections.back().values[name].emplace_back(value);
    return 1;
}

std::vector<std::string> words(const std::vector<std::string>& values) {
    std::vector<std::string> result;
    for (const auto& value : values)
        for (std::size_t at = 0; (at = value.find_first_not_of(" \t,", at)) != std::string::npos;) {
            const auto end = std::min(value.find_first_of(" \t,", at), value.size());
            result.push_back(value.substr(at, end - at));
            at = end;
        }
    return result;
}

class Values {
  public:
    Values(const Section& section, const Variables& variables) : section_(section), variables_(variables) {}

    std::optional<std::string> text(const char* key) const {
        const auto found = section_.values.find(key);
        if (found == section_.values.end()) return std::nullopt;
        return expand(found->second.back(), variables_);
    }

    std::vector<std::string> list(const char* key) const {
        const auto found = section_.values.find(key);
        if (found == section_.values.end()) return {};
        auto result = words(found->second);
        for (auto& word : result)
            word = expand(word, variables_);
        return result;
    }

    bool flag(const char* key, bool otherwise) const {
        auto value = text(key);
        if (!value) return otherwise;
        std::ranges::transform(*value, value->begin(), [](unsigned char c) { return std::tolower(c); });
        for (const auto* yes : {"1", "yes", "true", "on"})
            if (*value == yes) return true;
        for (const auto* no : {"0", "no", "false", "off"})
            if (*value == no) return false;
        throw fail(Reason::RepositoryConfiguration, "{} is '{}', but must be 0 or 1", key, *value);
    }

    int number(const char* key, int otherwise) const {
        const auto value = text(key);
        if (!value) return otherwise;
        int result = 0;
        const auto* last = value->data() + value->size();
        if (const auto [end, e] = std::from_chars(value->data(), last, result); e != std::errc() || end != last)
            throw fail(Reason::RepositoryConfiguration, "{} is '{}', but must be a number", key, *value);
        return result;
    }

  private:
    const Section& section_;
    const Variables& variables_;
};

std::optional<Repository> repository_of(const Section& section, const Variables& variables) {
    const Values values(section, variables);
    Repository repository;
    repository.id = section.id;
    if (!values.flag("enabled", true)) return std::nullopt;
    repository.name = values.text("name").value_or(section.id);
    repository.base_urls = values.list("baseurl");
    if (repository.base_urls.empty())
        throw fail(Reason::RepositoryConfiguration, "it has no baseurl{}",
                   values.text("metalink") || values.text("mirrorlist") ? " (mirrorlist and metalink are not supported)"
                                                                        : "");
    repository.gpgcheck = values.flag("gpgcheck", true);
    repository.repo_gpgcheck = values.flag("repo_gpgcheck", false);
    repository.gpg_keys = values.list("gpgkey");
    repository.priority = values.number("priority", repository.priority);
    repository.cost = values.number("cost", repository.cost);
    repository.exclude = values.list("excludepkgs");
    std::ranges::copy(values.list("exclude"), std::back_inserter(repository.exclude));
    repository.ssl_verify = values.flag("sslverify", true);
    repository.ssl_ca_cert = values.text("sslcacert").value_or("");
    repository.ssl_client_cert = values.text("sslclientcert").value_or("");
    repository.ssl_client_key = values.text("sslclientkey").value_or("");
    repository.skip_if_unavailable = values.flag("skip_if_unavailable", false);
    return repository;
}

} // namespace

std::string expand(const std::string& text, const Variables& variables) {
    std::string result;
    const auto is_name = [](unsigned char c) { return std::isalnum(c) != 0 || c == '_'; };
    for (std::size_t at = 0; at < text.size();) {
        const bool braces = text.compare(at, 2, "${") == 0;
        const auto begin = at + (braces ? 2 : 1);
        if (text[at] != '$' || begin >= text.size() || !is_name(static_cast<unsigned char>(text[begin]))) {
            result += text[at++];
            continue;
        }
        auto end = begin;
        while (end < text.size() && is_name(static_cast<unsigned char>(text[end])))
            ++end;
        const auto name = text.substr(begin, end - begin);
        const auto found = variables.find(name);
        if (found == variables.end() || (braces && (end == text.size() || text[end] != '}')))
            throw fail(Reason::RepositoryConfiguration, "the variable ${} in '{}' is not known", name, text);
        result += found->second;
        at = end + (braces ? 1 : 0);
    }
    return result;
}

std::vector<Repository> read_repository_file(const std::filesystem::path& file, const Variables& variables,
                                             std::vector<std::string>& warnings) {
    static std::once_flag once;
    std::call_once(once, [] {
        ini_use_stack = false;
        ini_max_line = 64 * 1024;
        ini_initial_alloc = 64 * 1024;
        ini_allow_inline_comments = false; // dnf has none either
    });
    Reader reader{.stream = std::ifstream(file), .sections = {}};
    if (!reader.stream) {
        warnings.push_back(fmt::format("{}: can't be read: {}", file.string(), std::strerror(errno)));
        return {};
    }
    struct Both { // the reader gets one pointer, the handler another; here they are the same object
        static int parse(Reader& r) { return ini_parse_stream(next_line, &r, take_value, &r); }
    };
    if (const int line = Both::parse(reader); line != 0) {
        warnings.push_back(
            fmt::format("{}:{}: neither a [section] nor key=value; the file is left out", file.string(), line));
        return {};
    }
    std::vector<Repository> repositories;
    for (const auto& section : reader.sections) {
        if (section.id == "main") continue;
        try {
            auto repository = repository_of(section, variables);
            if (!repository) continue;
            repository->defined_at = fmt::format("{}:{}", file.string(), section.line);
            repositories.push_back(std::move(*repository));
        } catch (const Error& e) {
            warnings.push_back(fmt::format("{}:{}: repository '{}' is left out: {}", file.string(), section.line,
                                           section.id, e.what()));
        }
    }
    return repositories;
}

} // namespace rtnode::config
