#pragma once
// Where rtnodectl writes: lines that stay, and on a terminal live lines below them that are drawn over in place.

#include <cstdio>
#include <string>
#include <vector>

namespace rtnode::client {

class Terminal {
  public:
    enum class Color { automatic, always, never };

    /// @param quiet nothing is written: with --json, standard output holds one document and nothing else
    Terminal(std::FILE* out, Color color, bool quiet);

    bool live() const { return live_; }   ///< a terminal, where lines may be drawn over
    bool color() const { return color_; } ///< NO_COLOR and TERM=dumb switch it off unless it was asked for
    unsigned width() const;               ///< columns; 80 when not known
    unsigned height() const;              ///< rows; 24 when not known

    /// A line that stays, above the live ones.
    void line(const std::string& text);
    void lines(const std::vector<std::string>& texts);

    /// Replaces the live lines; nothing happens off a terminal.
    void show_live(const std::vector<std::string>& texts);

    void clear_live() { show_live({}); }

  private:
    void erase();
    void draw();

    std::FILE* out_;
    bool quiet_, live_, color_;
    std::vector<std::string> live_lines_;
};

/// Text cut to @p width columns; a UTF-8 character counts as one.
std::string cut(const std::string& text, unsigned width);

} // namespace rtnode::client
