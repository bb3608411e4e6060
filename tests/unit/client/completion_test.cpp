// The command table, and what comes behind <Tab>, of a small program made for it.

#include "client/command_table.hpp"
#include "client/completion.hpp"

#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>

using namespace rtnode::client;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

namespace {

/// Options of all kinds, a hidden command, and a command with commands and options of its own.
class SmallProgram : public ::testing::Test {
  protected:
    SmallProgram() {
        app_.fallthrough();
        app_.add_flag("--json,-j", json_, "As JSON");
        CLI::App* measure = app_.add_subcommand("measure", "Measure something");
        measure->footer("Exit status: 0");
        CLI::App* run = measure->add_subcommand("run", "Do it");
        run->add_option("--mode", mode_, "How")->type_name("cyclic|busy|NAME");
        run->add_option("--append", appended_, "More")
            ->type_name("ARG")
            ->expected(1)
            ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
        run->add_option("--to", mode_, "Where to")->type_name("PATH");
        CLI::App* show = measure->add_subcommand("show", "Look");
        show->add_option("JOB", number_, "Its number")->type_name("")->required();
        show->add_option("FORMAT", mode_, "How")->type_name("text|html");
        app_.add_subcommand("secret", "Nobody's business")->group("");
    }

    std::vector<std::string> words_at(const std::vector<std::string>& line) const {
        std::vector<std::string> out;
        for (const auto& candidate : at(line).candidates)
            out.push_back(candidate.word);
        return out;
    }
    Completion at(const std::vector<std::string>& line) const {
        return complete(command_table(app_), line, [](const std::string& placeholder) {
            return placeholder == "JOB" ? std::vector<Candidate>{{"7", "override, done"}} : std::vector<Candidate>();
        });
    }

    CLI::App app_{"A small program", "small"};
    bool json_ = false;
    std::uint64_t number_ = 0;
    std::string mode_;
    std::vector<std::string> appended_;
};

} // namespace

using CommandTable = SmallProgram;
using TheLine = SmallProgram;

TEST_F(CommandTable, HasEveryCommandButTheHiddenOnes) {
    const Json table = command_table(app_);
    EXPECT_EQ(table["name"], "small");
    EXPECT_EQ(table["description"], "A small program");
    ASSERT_EQ(table["commands"].size(), 1U) << "the hidden one is left out";
    const Json& measure = table["commands"][0];
    EXPECT_EQ(measure["name"], "measure");
    EXPECT_EQ(measure["footer"], "Exit status: 0");
    EXPECT_EQ(measure["commands"][1]["name"], "show");
}

TEST_F(CommandTable, SaysOfEachOptionWhatItTakes) {
    const Json run = command_table(app_)["commands"][0]["commands"][0];
    const auto option = [&](const char* name) {
        for (const Json& row : run["options"])
            if (row["names"][0] == name) return row;
        return Json();
    };
    EXPECT_EQ(option("--mode"), Json({{"names", {"--mode"}},
                                      {"type", "cyclic|busy|NAME"},
                                      {"values", {"cyclic", "busy"}},
                                      {"description", "How"},
                                      {"default", ""},
                                      {"required", false},
                                      {"repeats", false}}));
    EXPECT_EQ(option("--append")["repeats"], true);
    EXPECT_EQ(option("--append")["values"], Json::array());
    const Json json = command_table(app_)["options"][1];
    EXPECT_EQ(json["names"], Json({"--json", "-j"}));
    EXPECT_EQ(json["type"], "") << "a flag";
}

TEST_F(CommandTable, HasWhatStandsWithoutDashesInItsOrder) {
    const Json show = command_table(app_)["commands"][0]["commands"][1];
    ASSERT_EQ(show["positionals"].size(), 2U);
    EXPECT_EQ(show["positionals"][0]["names"], Json({"JOB"}));
    EXPECT_EQ(show["positionals"][0]["required"], true);
    EXPECT_EQ(show["positionals"][1]["values"], Json({"text", "html"}));
}

TEST_F(TheLine, BeginsWithACommand) {
    EXPECT_THAT(at({""}).candidates, ElementsAre(Candidate{"measure", "Measure something"}));
    EXPECT_THAT(at({}).candidates, ElementsAre(Candidate{"measure", "Measure something"}));
    EXPECT_THAT(words_at({"measure", ""}), ElementsAre("run", "show"));
    EXPECT_THAT(words_at({"--json", "measure", "s"}), ElementsAre("run", "show")) << "the shell chooses";
}

TEST_F(TheLine, TakesTheOptionsOfTheCommandAndOfThoseAboveItOnce) {
    EXPECT_THAT(words_at({"measure", "run", "-"}), ElementsAre("--help", "--mode", "--append", "--to", "--json"));
    const auto left = words_at({"-j", "measure", "run", "--mode", "busy", "--append", "a", "-"});
    EXPECT_THAT(left, AllOf(Not(Contains("--mode")), Not(Contains("--json")), Contains("--append")));
}

TEST_F(TheLine, TakesTheValuesOfAnOptionAlsoBehindAnEqualsSign) {
    EXPECT_THAT(words_at({"measure", "run", "--mode", ""}), ElementsAre("cyclic", "busy"));
    EXPECT_THAT(words_at({"measure", "run", "--mode=c"}), ElementsAre("--mode=cyclic", "--mode=busy"));
    EXPECT_THAT(words_at({"measure", "run", "--append", "-"}), IsEmpty()) << "a value, whatever it looks like";
    EXPECT_THAT(words_at({"measure", "run", "--json=", ""}), Not(Contains("cyclic")));
}

TEST_F(TheLine, MayComeInBashsPieces) {
    EXPECT_THAT(words_at({"measure", "run", "--mode", "=", "c"}), ElementsAre("cyclic", "busy"));
    EXPECT_THAT(words_at({"measure", "run", "--mode", "="}), ElementsAre("cyclic", "busy"));
    EXPECT_THAT(words_at({"measure", "run", "--append", "a", "=", "1", "-"}), Contains("--append"));
    EXPECT_THAT(words_at({"measure", "show", "http", ":", "//x", ""}), ElementsAre("text", "html"));
}

TEST_F(TheLine, TakesWhatIsKnownForAPlaceholderWhereItStands) {
    EXPECT_THAT(at({"measure", "show", ""}).candidates, ElementsAre(Candidate{"7", "override, done"}));
    EXPECT_THAT(words_at({"measure", "show", "7", ""}), ElementsAre("text", "html"));
    EXPECT_THAT(words_at({"measure", "show", "7", "html", ""}), IsEmpty());
    EXPECT_THAT(words_at({"measure", "show", "--", "-"}), ElementsAre("7")) << "no option comes behind --";
}

TEST_F(TheLine, LeavesPathsToTheShell) {
    EXPECT_TRUE(at({"measure", "run", "--to", ""}).files);
    EXPECT_FALSE(at({"measure", "run", "--mode", ""}).files);
    EXPECT_EQ(lines_of(at({"measure", "run", "--to", ""})), ":files\n");
}

TEST_F(TheLine, GivesNothingWhereNothingIsKnown) {
    EXPECT_THAT(words_at({"nothing", ""}), IsEmpty());
    EXPECT_THAT(words_at({"measure", "run", "--nothing=", "x", "="}), IsEmpty());
    EXPECT_EQ(lines_of({}), "");
}

TEST(Completion, CantSteerTheTerminal) {
    EXPECT_EQ(lines_of({{{"7", "a\033[2J\nb"}}, false}), "7\ta?[2J?b\n");
}

TEST(Completion, KnowsTheProfilesOfAllThreeFolders) {
    const auto root = std::filesystem::path(::testing::TempDir()) / "completion_test";
    std::filesystem::remove_all(root);
    for (const char* file : {"etc/rtnode/profiles.d/mine.toml", "usr/lib/rtnode/profiles.d/worker-rt.toml",
                             "etc/rtnode/profiles.d/worker-rt.toml", "etc/rtnode/profiles.d/notes.txt",
                             "etc/rtnode/profiles.d/mine.toml.d/10-more.toml"}) {
        std::filesystem::create_directories((root / file).parent_path());
        std::ofstream(root / file) << "";
    }
    EXPECT_THAT(profile_names(root), ElementsAre(Candidate{"mine", ""}, Candidate{"worker-rt", ""}));
    EXPECT_THAT(profile_names(root / "nowhere"), IsEmpty());
    std::filesystem::remove_all(root);
}
