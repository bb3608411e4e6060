#include "config/variables.hpp"

#include "state/error.hpp"

#include <algorithm>
#include <cctype>
#include <fstream>

namespace rtnode::config {
namespace {

namespace fs = std::filesystem;

bool is_name(unsigned char c) {
    return std::isalnum(c) != 0 || c == '_';
}

/// The end of "{…}" that begins at `at`; npos when nothing closes it.
std::size_t closing(const std::string& text, std::size_t at) {
    int depth = 0;
    for (; at < text.size(); ++at) {
        if (text[at] == '{') ++depth;
        if (text[at] == '}' && --depth == 0) return at;
    }
    return std::string::npos;
}

} // namespace

void add_variables(Variables& variables, const std::vector<fs::path>& folders, const Variables& fixed) {
    for (const auto& folder : folders) {
        std::error_code missing;
        for (const auto& entry : fs::directory_iterator(folder, missing)) {
            std::error_code gone;
            std::string value;
            if (!entry.is_regular_file(gone)) continue;
            if (std::ifstream file(entry.path()); std::getline(file, value))
                variables[entry.path().filename().string()] = value;
        }
    }
    for (const auto& [name, value] : fixed)
        variables[name] = value;
    const auto found = variables.find("releasever");
    if (found == variables.end()) return;
    const auto dot = found->second.find('.');
    const auto minor = dot == std::string::npos ? "" : found->second.substr(dot + 1);
    variables.emplace("releasever_major", found->second.substr(0, dot));
    variables.emplace("releasever_minor", minor);
}

std::string expand(const std::string& text, const Variables& variables) {
    std::string result;
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
        const auto unclear = [&] {
            return fail(Reason::RepositoryConfiguration, "the variable ${} in '{}' is not known", name, text);
        };
        at = end;
        if (braces) {
            const auto last = closing(text, begin - 1);
            if (last == std::string::npos) throw unclear();
            at = last + 1;
            const auto how = text.substr(end, std::min<std::size_t>(2, last - end));
            const bool set = found != variables.end() && !found->second.empty();
            if (how == ":-" || how == ":+") {
                const auto word = text.substr(end + 2, last - end - 2);
                if (how == ":+")
                    result += set ? expand(word, variables) : "";
                else
                    result += set ? found->second : expand(word, variables);
                continue;
            }
            if (end != last) throw unclear();
        }
        if (found == variables.end()) throw unclear();
        result += found->second;
    }
    return result;
}

} // namespace rtnode::config
