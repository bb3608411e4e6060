#include "client/terminal.hpp"

#include <fmt/format.h>

#include <cstdlib>
#include <string_view>
#include <sys/ioctl.h>
#include <unistd.h>

namespace rtnode::client {

namespace {

winsize size_of(std::FILE* out) {
    winsize size{};
    if (ioctl(fileno(out), TIOCGWINSZ, &size) != 0 || size.ws_col == 0 || size.ws_row == 0) {
        size.ws_col = 80;
        size.ws_row = 24;
    }
    return size;
}

/// https://no-color.org: present and not empty.
bool no_color() {
    const char* value = std::getenv("NO_COLOR");
    return value && *value != '\0';
}

bool is_smart_terminal(std::FILE* out) {
    const char* term = std::getenv("TERM");
    return isatty(fileno(out)) != 0 && term && std::string_view(term) != "dumb";
}

} // namespace

Terminal::Terminal(std::FILE* out, Color color, bool quiet)
    : out_(out), quiet_(quiet), live_(!quiet && is_smart_terminal(out)),
      color_(color == Color::always || (color == Color::automatic && live_ && !no_color())) {}

unsigned Terminal::width() const {
    return size_of(out_).ws_col;
}

unsigned Terminal::height() const {
    return size_of(out_).ws_row;
}

void Terminal::line(const std::string& text) {
    lines({text});
}

void Terminal::lines(const std::vector<std::string>& texts) {
    if (quiet_ || texts.empty()) return;
    erase();
    for (const auto& text : texts)
        fmt::print(out_, "{}\n", text);
    draw();
    std::fflush(out_);
}

void Terminal::show_live(const std::vector<std::string>& texts) {
    if (!live_) return;
    erase();
    live_lines_ = texts;
    draw();
    std::fflush(out_);
}

// The cursor rests behind the last live line, so that Ctrl-C's echo and the shell's prompt come after it.
void Terminal::erase() {
    if (live_lines_.empty()) return;
    if (live_lines_.size() > 1) fmt::print(out_, "\033[{}A", live_lines_.size() - 1);
    fmt::print(out_, "\r\033[J");
}

void Terminal::draw() {
    const unsigned columns = width();
    for (std::size_t i = 0; i < live_lines_.size(); ++i)
        fmt::print(out_, "{}{}", i > 0 ? "\n" : "", cut(live_lines_[i], columns > 1 ? columns - 1 : 1));
}

std::string cut(const std::string& text, unsigned width) {
    unsigned columns = 0;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const bool continues = (static_cast<unsigned char>(text[i]) & 0xc0) == 0x80;
        if (!continues && columns++ == width) return text.substr(0, i);
    }
    return text;
}

} // namespace rtnode::client
