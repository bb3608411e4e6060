#pragma once
// TOML files, read strictly: a reader asks for each key that it knows, and what nobody asked for is an error. Messages
// are toml11's: the file, the line, and the line's text with the place marked.

#include "state/error.hpp"

#include <toml.hpp>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <initializer_list>
#include <optional>
#include <string>
#include <vector>

namespace rtnode::config {

/// A value of one file, with a place for messages. The place holds the file's text, so it outlives the rest of it.
using Value = toml::value;

/// Error{Configuration} that shows where the value stands, with a comment beside it and a hint below.
Error refused(const std::string& what, const Value& value, const std::string& comment, const std::string& hint);

/// The same for two values that contradict each other, maybe of two files.
Error refused(const std::string& what, const Value& one, const std::string& comment, const Value& other,
              const std::string& other_comment, const std::string& hint);

/// "; did you mean `x`?", or "" when none of the known words resembles that one.
std::string did_you_mean(const std::string& word, const std::vector<std::string>& known);

/// Files by name, in the order of their names; the last folder that has a name wins, and one that is a link to
/// /dev/null there takes the name away (as systemd's drop-ins). Folders may be missing.
/// @param extension with its dot
/// @throws Error{Configuration} for a folder that can't be read
std::vector<std::filesystem::path> files_in(const std::vector<std::filesystem::path>& folders, const char* extension);

/// The top table of a file. @throws Error{Configuration} for one that can't be read or isn't TOML
Value read_toml(const std::filesystem::path& file);

/// A table that is read key by key; what was never asked for is unknown. A key that isn't there leaves `to` as it is;
/// one of another type or range is Error{Configuration}.
class Table {
  public:
    /// @param name as in [name]; "" is the file's top
    /// @param value must outlive this
    /// @param manual where keys are explained, as "rtnoded.conf(5)"
    Table(std::string name, const Value& value, std::string manual = "rtnoded.conf(5)");

    /// Calls take(value) when the key is there.
    template <typename F>
    void with(const std::string& key, F take) {
        if (std::ranges::find(known_, key) == known_.end()) known_.push_back(key);
        if (const auto& table = value_.as_table(); table.contains(key)) take(table.at(key));
    }

    void text(const std::string& key, std::string& to);
    void path(const std::string& key, std::filesystem::path& to); ///< an absolute one, or ""
    void flag(const std::string& key, bool& to);
    void flag(const std::string& key, std::optional<bool>& to);
    /// "90s", "5m", "1h30m", from `least` to `most`.
    void duration(const std::string& key, std::chrono::seconds& to, std::chrono::seconds most,
                  std::chrono::seconds least = std::chrono::seconds(1));
    void seconds(const std::string& key, unsigned& to); ///< a duration of at most a day
    void texts(const std::string& key, std::vector<std::string>& to);
    void paths(const std::string& key, std::vector<std::filesystem::path>& to); ///< absolute ones
    /// One of these words.
    void choice(const std::string& key, std::string& to, std::initializer_list<const char*> words);

    template <typename Number>
    void number(const std::string& key, Number& to, std::int64_t least, std::int64_t most) {
        with(key, [&](const Value& v) {
            if (!v.is_integer() || v.as_integer() < least || v.as_integer() > most)
                throw wrong(v, key, fmt::format("a whole number from {} to {}", least, most));
            to = static_cast<Number>(v.as_integer());
        });
    }

    void share(const std::string& key, double& to); ///< a number from 0 to 1

    /// A text that check(text) takes, else it throws Error.
    template <typename F>
    void checked_text(const std::string& key, std::string& to, const std::string& expected, F check) {
        with(key, [&](const Value& v) {
            if (!v.is_string()) throw wrong(v, key, expected);
            try {
                check(v.as_string().str);
            } catch (const Error&) {
                throw wrong(v, key, expected);
            }
            to = v.as_string().str;
        });
    }

    /// A text of which may_be(text) is true; "" always may be.
    template <typename F>
    void text_if(const std::string& key, std::string& to, const std::string& expected, F may_be) {
        with(key, [&](const Value& v) {
            if (!v.is_string() || !(v.as_string().str.empty() || may_be(v.as_string().str)))
                throw wrong(v, key, expected);
            to = v.as_string().str;
        });
    }

    /// A list of texts, of each of which may_be(text) is true.
    template <typename F>
    void texts_if(const std::string& key, std::vector<std::string>& to, const std::string& expected, F may_be) {
        texts(key, to);
        with(key, [&](const Value& v) {
            for (const auto& element : v.as_array())
                if (!may_be(element.as_string().str)) throw wrong(element, key, expected);
        });
    }

    /// @throws Error{Configuration} for a key that nobody asked for
    void finish() const;

    /// The error for a value of this table that isn't what it must be.
    /// @param why one value is wrong, where more is known than that
    Error wrong(const Value& value, const std::string& key, const std::string& expected,
                const std::string& why = "not that") const;

  private:
    std::string name_;
    const Value& value_;
    std::string manual_;
    std::vector<std::string> known_;
};

} // namespace rtnode::config
