#pragma once
// A page of the manual that explains keys of TOML files, read from its source, and the keys that the code knows.

#include <functional>
#include <map>
#include <optional>
#include <string>

namespace rtnode::test {

/// "section.key" → what is said of it; a key of the top is its name alone.
struct DocumentedKey {
    std::string section; ///< as its heading has it, "[packages]", "[[huge-pages.pages]]"; "" = the top
    std::string key;
    std::optional<std::string> default_value; ///< as TOML; nothing where the page says otherwise what is without it
    std::string type;                         ///< the first, underlined sentence, without its full stop
    std::string text;                         ///< what follows it
};

/// Of the scdoc source: sections "## [name]", keys "*key* = default" or "*key*", then "	_Type._ Text".
std::map<std::string, DocumentedKey> documented_keys(const std::string& page);

/// What a reader says to a file of that text; "" = it takes it.
using Reader = std::function<std::string(const std::string& toml)>;

/// What the code knows, by its own words about a key and about a value that can't be: "section.key" → the words for
/// what the value must be. Tables are looked into, [NAME] for any name, and [[lists of tables]].
std::map<std::string, std::string> known_keys(const Reader& read);

/// The words of an error message ("a time such as …, at most 86400 s") as the page writes them ("Time …, 24 h").
std::string as_the_page_says(const std::string& expected);

} // namespace rtnode::test
