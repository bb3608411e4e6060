#include "config/table.hpp"

#include "config/settings.hpp"
#include "state/edit_distance.hpp"

#include <cerrno>
#include <cstring>
#include <map>
#include <string_view>

namespace rtnode::config {

namespace fs = std::filesystem;

Error refused(const std::string& what, const Value& value, const std::string& comment, const std::string& hint) {
    return Error(Reason::Configuration, toml::format_error(what, value, comment, {hint}));
}

Error refused(const std::string& what, const Value& one, const std::string& comment, const Value& other,
              const std::string& other_comment, const std::string& hint) {
    return Error(Reason::Configuration, toml::format_error(what, one, comment, other, other_comment, {hint}));
}

std::string did_you_mean(const std::string& word, const std::vector<std::string>& known) {
    const std::size_t limit = std::max<std::size_t>(2, word.size() / 4);
    std::size_t least = limit + 1;
    std::string_view meant;
    for (const auto& other : known) {
        auto apart = edit_distance(word, other);
        if (word.size() >= 3 && (other.starts_with(word) || word.starts_with(other))) apart = std::min(apart, limit);
        if (apart >= least) continue;
        least = apart;
        meant = other;
    }
    return meant.empty() ? std::string() : fmt::format("; did you mean `{}`?", meant);
}

std::vector<fs::path> files_in(const std::vector<fs::path>& folders, const char* extension) {
    std::map<std::string, fs::path> files;
    for (const auto& folder : folders) {
        std::error_code error;
        for (const auto& entry : fs::directory_iterator(folder, error))
            if (entry.path().extension() == extension) files[entry.path().filename().string()] = entry.path();
        if (error && error != std::errc::no_such_file_or_directory)
            throw fail(Reason::Configuration, "{}: can't be read: {}", folder.string(), error.message());
    }
    std::vector<fs::path> result;
    for (auto& [name, path] : files) {
        std::error_code none; // what can't be looked at is read next, and says why there
        if (!fs::is_character_file(path, none)) result.push_back(std::move(path));
    }
    return result;
}

Value read_toml(const fs::path& file) {
    std::error_code error;
    if (const auto status = fs::status(file, error); fs::exists(status) && !fs::is_regular_file(status))
        throw fail(Reason::Configuration, "{}: is no regular file; put one there, or take it away", file.string());
    try {
        return toml::parse(file.string());
    } catch (const toml::exception& e) {
        throw Error(Reason::Configuration, e.what());
    } catch (const std::runtime_error&) {
        throw fail(Reason::Configuration, "{}: can't be read: {}", file.string(), std::strerror(errno));
    }
}

Table::Table(std::string name, const Value& value, std::string manual)
    : name_(std::move(name)), value_(value), manual_(std::move(manual)) {
    if (!value.is_table()) throw refused(name_ + " must be a table", value, "this is not one", "write [" + name_ + "]");
}

void Table::text(const std::string& key, std::string& to) {
    with(key, [&](const Value& v) {
        if (!v.is_string()) throw wrong(v, key, "a string");
        to = v.as_string().str;
    });
}

void Table::path(const std::string& key, fs::path& to) {
    with(key, [&](const Value& v) {
        if (!v.is_string() || (!v.as_string().str.empty() && !v.as_string().str.starts_with('/')))
            throw wrong(v, key, "an absolute path");
        to = v.as_string().str;
    });
}

void Table::flag(const std::string& key, bool& to) {
    with(key, [&](const Value& v) {
        if (!v.is_boolean()) throw wrong(v, key, "true or false");
        to = v.as_boolean();
    });
}

void Table::share(const std::string& key, double& to) {
    with(key, [&](const Value& v) {
        const double share = v.is_floating()  ? v.as_floating()
                             : v.is_integer() ? static_cast<double>(v.as_integer())
                                              : -1;
        if (!(share >= 0 && share <= 1)) throw wrong(v, key, "a number from 0 to 1");
        to = share;
    });
}

void Table::flag(const std::string& key, std::optional<bool>& to) {
    bool value = to.value_or(false);
    flag(key, value);
    if (value_.as_table().contains(key)) to = value;
}

void Table::duration(const std::string& key, std::chrono::seconds& to, std::chrono::seconds most,
                     std::chrono::seconds least) {
    with(key, [&](const Value& v) {
        const auto expected = fmt::format("a time such as \"90s\", \"5m\" or \"24h\", at most {} s", most.count());
        if (!v.is_string()) throw wrong(v, key, expected);
        std::chrono::seconds value{};
        try {
            value = parse_duration(v.as_string().str);
        } catch (const Error&) {
            throw wrong(v, key, expected);
        }
        if (value < least || value > most) throw wrong(v, key, expected);
        to = value;
    });
}

void Table::seconds(const std::string& key, unsigned& to) {
    std::chrono::seconds value(to);
    duration(key, value, std::chrono::hours(24));
    to = static_cast<unsigned>(value.count());
}

void Table::texts(const std::string& key, std::vector<std::string>& to) {
    with(key, [&](const Value& v) {
        if (!v.is_array()) throw wrong(v, key, "a list of strings");
        to.clear();
        for (const auto& element : v.as_array()) {
            if (!element.is_string()) throw wrong(element, key, "a list of strings");
            to.push_back(element.as_string().str);
        }
    });
}

void Table::paths(const std::string& key, std::vector<fs::path>& to) {
    std::vector<std::string> names;
    texts(key, names);
    with(key, [&](const Value& v) {
        for (const auto& name : names)
            if (!name.starts_with('/')) throw wrong(v, key, "a list of absolute paths");
        to.assign(names.begin(), names.end());
    });
}

void Table::choice(const std::string& key, std::string& to, std::initializer_list<const char*> words) {
    with(key, [&](const Value& v) {
        if (!v.is_string() || std::ranges::find(words, v.as_string().str) == words.end())
            throw wrong(v, key, fmt::format("one of \"{}\"", fmt::join(words, "\", \"")));
        to = v.as_string().str;
    });
}

void Table::finish() const {
    for (const auto& [key, value] : value_.as_table())
        if (std::ranges::find(known_, key) == known_.end())
            throw refused(fmt::format("unknown key `{}` in {}", key, name_.empty() ? "the file" : "[" + name_ + "]"),
                          value, "not a setting",
                          fmt::format("known keys: {}{}", fmt::join(known_, ", "), did_you_mean(key, known_)));
}

Error Table::wrong(const Value& value, const std::string& key, const std::string& expected,
                   const std::string& why) const {
    return refused(fmt::format("`{}`{} must be {}", key, name_.empty() ? "" : " in [" + name_ + "]", expected), value,
                   why, "see " + manual_);
}

} // namespace rtnode::config
