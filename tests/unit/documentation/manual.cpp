#include "manual.hpp"

#include <cctype>
#include <fstream>
#include <regex>
#include <sstream>
#include <stdexcept>
#include <vector>

namespace rtnode::test {
namespace {

constexpr auto no_key = "no-such-key-at-all";
constexpr auto any_name = "NAME"; // of [repository.NAME]

std::string without_escapes(const std::string& text) {
    return std::regex_replace(text, std::regex(R"(\\(.))"), "$1");
}

/// "huge-pages.pages" for "[[huge-pages.pages]]".
std::string path_of(const std::string& section) {
    const auto begin = section.find_first_not_of('[');
    return begin == std::string::npos ? "" : section.substr(begin, section.find(']') - begin);
}

std::string joined(const std::string& path, const std::string& key) {
    return path.empty() ? key : path + "." + key;
}

/// The known keys of the section that a header begins; nothing when it is none.
std::optional<std::vector<std::string>> keys_below(const Reader& read, const std::string& header) {
    const auto said = read(header + no_key + " = 1\n");
    static const std::regex listed("unknown key `no-such-key-at-all`[^]*known keys: ([^;\n]*)");
    std::smatch found;
    if (!std::regex_search(said, found, listed)) return std::nullopt;
    std::vector<std::string> keys;
    std::istringstream list(found[1]);
    for (std::string key; list >> key;) {
        if (key.ends_with(',')) key.pop_back();
        keys.push_back(key);
    }
    return keys;
}

/// By values that are nothing's: a list with a control character, and a date.
std::string expected_of(const Reader& read, const std::string& header, const std::string& key) {
    static const std::regex must("`"
                                 "[^`]*` (?:in \\[[^\\]]*\\] )?must be ([^\n]*)");
    for (const auto* value : {"[\"\\t\"]", "1979-05-27"}) {
        const auto said = read(header + key + " = " + value + "\n");
        if (std::smatch found; std::regex_search(said, found, must)) return found[1];
    }
    return "no words for what it must be";
}

void add_keys(const Reader& read, const std::string& path, const std::string& header,
              const std::vector<std::string>& keys, std::map<std::string, std::string>& known) {
    for (const auto& key : keys) {
        const auto below = joined(path, key);
        bool is_section = false;
        for (const auto& [inner, inner_header] :
             {std::pair{below, "[" + below + "]\n"}, std::pair{below + "." + any_name, "[" + below + ".NAME]\n"},
              std::pair{below, "[[" + below + "]]\n"}})
            if (const auto more = keys_below(read, inner_header)) {
                is_section = true;
                add_keys(read, inner, inner_header, *more, known);
                if (!inner_header.starts_with("[[")) break;
                known[below] = expected_of(read, header, key); // a list that may also be written inline
            }
        if (!is_section) known[below] = expected_of(read, header, key);
    }
}

} // namespace

std::map<std::string, DocumentedKey> documented_keys(const std::string& page) {
    std::ifstream file(page);
    if (!file) throw std::runtime_error("no page " + page);
    static const std::regex heading(R"(## (\[.*\]))"), key_line(R"(\*([a-z0-9-]+)\*(?: = (.*))?)"),
        first_line(R"(_(.+?)\._(?: (.*))?)");
    std::map<std::string, DocumentedKey> keys;
    DocumentedKey* last = nullptr;
    std::string section;
    bool inside = false, wants_type = false;
    for (std::string line; std::getline(file, line);) {
        std::smatch found;
        if (line.starts_with("# ")) {
            inside = line == "# KEYS" || line == "# SETTINGS";
            section.clear();
        }
        if (!inside) continue;
        if (std::regex_match(line, found, heading)) {
            section = found[1];
        } else if (std::regex_match(line, found, key_line)) {
            last = &keys[joined(path_of(section), found[1])];
            *last = {.section = section, .key = found[1], .default_value = std::nullopt, .type = {}, .text = {}};
            if (found[2].matched) last->default_value = without_escapes(found[2]);
            wants_type = true;
        } else if (last != nullptr && line.starts_with('\t')) {
            auto text = without_escapes(line.substr(1));
            if (wants_type && std::regex_match(text, found, first_line)) {
                last->type = found[1];
                text = std::string(found[2]);
            }
            wants_type = false;
            last->text += text + "\n";
        }
    }
    return keys;
}

std::map<std::string, std::string> known_keys(const Reader& read) {
    std::map<std::string, std::string> known;
    add_keys(read, "", "", keys_below(read, "").value(), known);
    return known;
}

std::string as_the_page_says(const std::string& expected) {
    auto text = std::regex_replace(expected, std::regex("^(a|an) "), "");
    if (std::smatch found; std::regex_search(text, found, std::regex("at most ([0-9]+) s$")))
        text = std::string(found.prefix()) + "at most " + std::to_string(std::stoul(found[1]) / 3600) + " h";
    text.front() = static_cast<char>(std::toupper(static_cast<unsigned char>(text.front())));
    return text;
}

} // namespace rtnode::test
