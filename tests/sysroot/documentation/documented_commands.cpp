#include "documented_commands.hpp"

#include <fstream>
#include <regex>
#include <stdexcept>

namespace rtnode::test {
namespace {

const std::regex begins("(?:rtnodectl|busctl) [^/ ].*"); // not the picture of the parts

/// Takes lines of code, and puts together what a backslash continues.
class Lines {
  public:
    explicit Lines(std::vector<std::string>& commands) : commands_(commands) {}

    void take(const std::string& line) {
        if (!continued_ && !std::regex_match(line, begins)) return;
        if (continued_)
            commands_.back() += "\n" + line;
        else
            commands_.push_back(line);
        continued_ = line.ends_with('\\');
    }

  private:
    std::vector<std::string>& commands_;
    bool continued_ = false;
};

void take_spans(const std::string& paragraph, std::vector<std::string>& commands) {
    static const std::regex span("`([^`]*)`");
    for (std::sregex_iterator at(paragraph.begin(), paragraph.end(), span), end; at != end; ++at)
        if (const auto text = (*at)[1].str(); std::regex_match(text, begins)) commands.push_back(text);
}

void read_markdown(std::istream& file, std::vector<std::string>& commands) {
    Lines lines(commands);
    std::string paragraph;
    for (std::string line; std::getline(file, line);) {
        const bool code = line.starts_with("    ");
        if (code || line.empty()) {
            take_spans(paragraph, commands);
            paragraph.clear();
        }
        if (code)
            lines.take(line.substr(4));
        else
            paragraph += (paragraph.empty() ? "" : " ") + line;
    }
    take_spans(paragraph, commands);
}

void read_manual(std::istream& file, std::vector<std::string>& commands) {
    Lines lines(commands);
    bool examples = false, code = false;
    for (std::string line; std::getline(file, line);) {
        if (line.starts_with("# ") && !code) examples = line == "# EXAMPLES";
        if (line == "```")
            code = !code;
        else if (examples && code)
            lines.take(line);
    }
}

} // namespace

std::vector<std::string> documented_commands(const std::string& document) {
    std::ifstream file(document);
    if (!file) throw std::runtime_error("no document " + document);
    std::vector<std::string> commands;
    document.ends_with(".md") ? read_markdown(file, commands) : read_manual(file, commands);
    return commands;
}

} // namespace rtnode::test
