// What is refused on the command line, before anything is asked of the daemon.

#include "client/arguments.hpp"

#include <gmock/gmock.h>

using namespace rtnode::client;
using ::testing::HasSubstr;

namespace {

/// What is said of @p words; "" = they are taken.
std::string said_of(CLI::App& app, std::vector<std::string> words) {
    std::reverse(words.begin(), words.end()); // as CLI11 wants them
    try {
        app.parse(words);
        return "";
    } catch (const CLI::ParseError& error) {
        return error.what();
    }
}

} // namespace

TEST(NumberOfOne, IsAWholeNumberFromOneOn) {
    CLI::App app;
    std::uint64_t number = 0;
    number_of_one(app.add_option("JOB", number), "rtnodectl jobs");
    EXPECT_EQ(said_of(app, {"17"}), "");
    EXPECT_EQ(number, 17u);
    for (const std::string word : {"-1", "", "0", "0x1", "1.5", "+1", " 1", "one", "18446744073709551616"})
        EXPECT_EQ(said_of(app, {word}), "JOB: '" + word +
                                            "' is wrong, it must be a whole number from 1 on; see which there are: "
                                            "rtnodectl jobs");
}

TEST(WholeNumber, HoldsItsBounds) {
    CLI::App app;
    std::optional<std::uint32_t> value;
    whole_number(app.add_option("--interval", value), 0, 4'294'967'295);
    EXPECT_EQ(said_of(app, {"--interval", "0"}), "");
    EXPECT_EQ(value, 0u) << "given, so not the default";
    EXPECT_EQ(said_of(app, {"--interval", "4294967295"}), "");
    for (const char* word : {"", "-1", "4294967296", "10us"})
        EXPECT_THAT(said_of(app, {"--interval", word}), HasSubstr("--interval: '" + std::string(word) +
                                                                  "' is wrong, it must be a whole number, 0 to "
                                                                  "4294967295"));
}

TEST(NotEmpty, RefusesWhatAScriptForgotToSet) {
    CLI::App app;
    std::optional<std::string> value;
    not_empty(app.add_option("--duration", value));
    EXPECT_EQ(said_of(app, {"--duration", ""}), "--duration: it is empty; give a value, or leave it out");
    EXPECT_EQ(said_of(app, {"--duration", "10s"}), "");
    EXPECT_EQ(value, "10s");

    CLI::App other;
    not_empty(other.add_option("A", value)->required());
    EXPECT_EQ(said_of(other, {""}), "A: it is empty; give a value");
}
