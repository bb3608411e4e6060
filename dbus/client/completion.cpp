#include "client/completion.hpp"

#include <algorithm>
#include <cctype>
#include <set>
#include <sstream>
#include <string_view>
#include <system_error>

namespace rtnode::client {

namespace {

using Rows = std::vector<const Json*>;

/// Words that bash has taken apart at '=' and ':' put together again.
std::vector<std::string> joined(const std::vector<std::string>& words) {
    std::vector<std::string> out;
    bool glue = false;
    for (const auto& word : words) {
        const bool breaks = word == "=" || word == ":";
        if ((glue || breaks) && !out.empty())
            out.back() += word;
        else
            out.push_back(word);
        glue = breaks;
    }
    return out;
}

bool has_value(const Json& option) {
    return !text(option, "type").empty();
}

/// Where the line has got to, all but its last word read.
struct Place {
    Rows commands;                 ///< from the root to the innermost one
    std::set<const Json*> given;   ///< options
    const Json* waiting = nullptr; ///< an option whose value comes next
    std::size_t positionals = 0;   ///< that the innermost command has already
    bool only_positionals = false; ///< behind "--"

    explicit Place(const Json& table) : commands{&table} {}

    /// A command takes its parents' options too.
    const Json* option(const std::string& name) const {
        for (auto command = commands.rbegin(); command != commands.rend(); ++command)
            for (const Json& row : member(**command, "options"))
                for (const auto& known : words(row, "names"))
                    if (known == name) return &row;
        return nullptr;
    }

    const Json* subcommand(const std::string& name) const {
        if (positionals > 0) return nullptr;
        for (const Json& row : member(*commands.back(), "commands"))
            if (text(row, "name") == name) return &row;
        return nullptr;
    }

    void read(const std::string& word) {
        if (waiting) {
            waiting = nullptr;
        } else if (only_positionals) {
            ++positionals;
        } else if (word == "--") {
            only_positionals = true;
        } else if (word.size() > 1 && word.front() == '-') {
            const Json* found = option(word.substr(0, word.find('=')));
            if (!found) return;
            given.insert(found);
            if (has_value(*found) && word.find('=') == std::string::npos) waiting = found;
        } else if (const Json* inner = subcommand(word)) {
            commands.push_back(inner);
        } else {
            ++positionals;
        }
    }
};

/// Of "URL|PATH" each; of a positional without a type its name: what is in capitals stands for something else.
std::vector<std::string> placeholders(const Json& row) {
    std::vector<std::string> out;
    const auto add = [&](const std::string& alternatives) {
        std::istringstream words(alternatives);
        for (std::string word; std::getline(words, word, '|');)
            if (std::none_of(word.begin(), word.end(), [](unsigned char c) { return std::islower(c) != 0; }))
                out.push_back(word);
    };
    add(text(row, "type"));
    for (const auto& name : words(row, "names"))
        if (name.front() != '-') add(name);
    return out;
}

void add_values(Completion& completion, const Json& row, const std::string& prefix, const Known& known) {
    for (const auto& value : words(row, "values"))
        completion.candidates.push_back({prefix + value, ""});
    for (const auto& placeholder : placeholders(row)) {
        completion.files = completion.files || placeholder == "PATH";
        for (auto& candidate : known(placeholder))
            completion.candidates.push_back({prefix + candidate.word, std::move(candidate.description)});
    }
}

void add_options(Completion& completion, const Place& place) {
    for (auto command = place.commands.rbegin(); command != place.commands.rend(); ++command)
        for (const Json& row : member(**command, "options")) {
            if (place.given.contains(&row) && !flag(row, "repeats")) continue;
            const auto name = words(row, "names").front();
            const auto is_it = [&](const Candidate& candidate) { return candidate.word == name; };
            // Each command has a --help of its own, and the innermost one's is meant.
            if (std::none_of(completion.candidates.begin(), completion.candidates.end(), is_it))
                completion.candidates.push_back({name, text(row, "description")});
        }
}

} // namespace

Completion complete(const Json& table, const std::vector<std::string>& line, const Known& known) {
    const auto all = joined(line.empty() ? std::vector<std::string>{""} : line);
    Place place(table);
    for (auto word = all.begin(); word + 1 < all.end(); ++word)
        place.read(*word);

    Completion completion;
    const std::string& last = all.back();
    const bool is_option = !place.only_positionals && !place.waiting && last.starts_with('-');
    if (place.waiting) {
        add_values(completion, *place.waiting, "", known);
    } else if (const auto sign = last.find('='); is_option && sign != std::string::npos) {
        // Shells that have the word whole want it whole; bash has cut it at the sign.
        const bool whole = line.back() == last;
        const Json* option = place.option(last.substr(0, sign));
        if (option && has_value(*option)) add_values(completion, *option, whole ? last.substr(0, sign + 1) : "", known);
    } else if (is_option) {
        add_options(completion, place);
    } else {
        const Json& command = *place.commands.back();
        if (place.positionals == 0 && !place.only_positionals)
            for (const Json& row : member(command, "commands"))
                completion.candidates.push_back({text(row, "name"), text(row, "description")});
        const Json& rows = member(command, "positionals");
        if (place.positionals < rows.size())
            add_values(completion, rows[place.positionals], "", known);
        else if (!rows.empty() && flag(rows.back(), "repeats"))
            add_values(completion, rows.back(), "", known);
    }
    return completion;
}

std::string lines_of(const Completion& completion) {
    std::string out;
    for (const auto& [word, description] : completion.candidates)
        out += printable(word) + "\t" + printable(description) + "\n";
    return completion.files ? out + ":files\n" : out;
}

std::vector<Candidate> profile_names(const std::filesystem::path& root) {
    std::set<std::string> names;
    for (const char* parent : {"etc", "run", "usr/lib"}) {
        std::error_code absent; // a folder that isn't there has no profiles
        for (std::filesystem::directory_iterator file(root / parent / "rtnode/profiles.d", absent), end; file != end;
             file.increment(absent))
            if (file->path().extension() == ".toml") names.insert(file->path().stem().string());
    }
    std::vector<Candidate> candidates;
    for (const auto& name : names)
        candidates.push_back({name, ""});
    return candidates;
}

} // namespace rtnode::client
