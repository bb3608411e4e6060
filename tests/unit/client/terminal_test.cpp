// When rtnodectl draws and colours: on a terminal, here one end of a pty.

#include "client/terminal.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fcntl.h>
#include <memory>
#include <unistd.h>

using namespace rtnode::client;

namespace {

struct Close {
    void operator()(std::FILE* file) const { std::fclose(file); }
};
using File = std::unique_ptr<std::FILE, Close>;

class OnATerminal : public ::testing::Test {
  protected:
    void SetUp() override {
        const int master = posix_openpt(O_RDWR | O_NOCTTY);
        ASSERT_GE(master, 0);
        master_.reset(fdopen(master, "r+"));
        ASSERT_EQ(grantpt(master), 0);
        ASSERT_EQ(unlockpt(master), 0);
        terminal_.reset(std::fopen(ptsname(master), "w"));
        ASSERT_TRUE(terminal_);
        setenv("TERM", "xterm", 1);
        unsetenv("NO_COLOR");
    }
    void TearDown() override { unsetenv("NO_COLOR"); }

    bool colored(Terminal::Color wanted = Terminal::Color::automatic) {
        return Terminal(terminal_.get(), wanted, false).color();
    }

    File master_, terminal_;
};

} // namespace

TEST_F(OnATerminal, LinesAreDrawnOverAndColored) {
    EXPECT_TRUE(Terminal(terminal_.get(), Terminal::Color::automatic, false).live());
    EXPECT_TRUE(colored());
    EXPECT_FALSE(colored(Terminal::Color::never));
}

TEST_F(OnATerminal, NoColorHoldsUnlessItIsEmptyOrColorsWereAskedFor) {
    setenv("NO_COLOR", "1", 1);
    EXPECT_FALSE(colored());
    EXPECT_TRUE(colored(Terminal::Color::always));
    setenv("NO_COLOR", "", 1);
    EXPECT_TRUE(colored()) << "https://no-color.org: present and not empty";
}

TEST_F(OnATerminal, ADumbOneGetsLinesOnly) {
    setenv("TERM", "dumb", 1);
    EXPECT_FALSE(Terminal(terminal_.get(), Terminal::Color::automatic, false).live());
    EXPECT_FALSE(colored());
}

TEST_F(OnATerminal, JsonIsNeitherDrawnOverNorColored) {
    const Terminal quiet(terminal_.get(), Terminal::Color::automatic, true);
    EXPECT_FALSE(quiet.live());
    EXPECT_FALSE(quiet.color());
}

TEST(InAFile, NothingIsDrawnOverOrColored) {
    const File file(std::tmpfile());
    const Terminal terminal(file.get(), Terminal::Color::automatic, false);
    EXPECT_FALSE(terminal.live());
    EXPECT_FALSE(terminal.color());
}
