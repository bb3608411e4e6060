#include "config/settings.hpp"

#include "state/error.hpp"
#include "temp_folder.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

using namespace rtnode;
using namespace rtnode::config;
using namespace std::chrono_literals;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

namespace {

class SettingsTest : public testing::Test {
  protected:
    void write(const std::string& name, const std::string& text) {
        const auto path = temp.path / name;
        std::filesystem::create_directories(path.parent_path());
        std::ofstream(path) << text;
    }
    Settings load_all() { return load(Sources::in(temp.path)); }

    std::string refusal() {
        try {
            load_all();
        } catch (const Error& e) {
            EXPECT_EQ(e.reason(), Reason::Configuration);
            return e.what();
        }
        return "accepted";
    }

    TempFolder temp;
};

} // namespace

TEST_F(SettingsTest, NothingConfiguredIsFine) {
    const auto settings = load_all();
    EXPECT_EQ(settings.scriptlet_limit_s, 300U);
    EXPECT_EQ(settings.latency_max_duration, 24h);
    EXPECT_THAT(settings.repositories, IsEmpty());
    EXPECT_THAT(settings.warnings, IsEmpty());
}

TEST_F(SettingsTest, TheShippedDefaultsAreTheDefaults) {
    std::filesystem::copy_file(SHIPPED_DEFAULTS, temp.path / "a.toml");
    const auto shipped = load_all();
    const Settings built_in;
    EXPECT_EQ(shipped.dracut_limit_s, built_in.dracut_limit_s);
    EXPECT_EQ(shipped.latency_keep, built_in.latency_keep);
}

TEST_F(SettingsTest, EveryCommentedDefaultIsAKnownKeyOfTheRightType) {
    std::ifstream shipped(SHIPPED_DEFAULTS);
    std::string all;
    for (std::string line; std::getline(shipped, line);)
        if (line.starts_with('[') || (line.starts_with('#') && !line.starts_with("# ")))
            all += line.substr(line[0] == '#') + "\n";
    write("a.toml", all);
    const auto settings = load_all();
    EXPECT_EQ(settings.lock_wait_s, 60U);
    ASSERT_EQ(settings.repositories.size(), 1U);
    EXPECT_THAT(settings.repositories[0].base_urls, ElementsAre("https://repo.example.com/rt/x86_64"));
}

TEST_F(SettingsTest, LaterFilesReplaceEarlierValues) {
    write("10-a.toml", "[limits]\nscriptlets = '1m'\ndracut = '2m'\n");
    write("20-b.toml", "[limits]\nscriptlets = '90s'\n");
    const auto settings = load_all();
    EXPECT_EQ(settings.scriptlet_limit_s, 90U);
    EXPECT_EQ(settings.dracut_limit_s, 120U);
}

TEST_F(SettingsTest, AFileOfTheSameNameReplacesTheWholeFile) {
    write("usr/10-a.toml", "[limits]\nscriptlets = '1m'\ndracut = '2m'\n");
    write("etc/10-a.toml", "[limits]\ndracut = '3m'\n");
    Sources sources;
    sources.folders = {temp.path / "usr", temp.path / "run", temp.path / "etc"};
    const auto settings = load(sources);
    EXPECT_EQ(settings.scriptlet_limit_s, 300U);
    EXPECT_EQ(settings.dracut_limit_s, 180U);
}

TEST_F(SettingsTest, AnUnknownKeyIsNamedWithFileLineAndTheKnownOnes) {
    write("a.toml", "[limits]\n\nscriptlet = '1m'\n");
    EXPECT_THAT(refusal(), AllOf(HasSubstr("a.toml"), HasSubstr("3 |"), HasSubstr("unknown key `scriptlet`"),
                                 HasSubstr("scriptlets, dracut, lock-wait")));
    write("a.toml", "[limit]\n");
    EXPECT_THAT(refusal(), HasSubstr("packages, repository, limits, latency"));
    write("a.toml", "[repository.x]\nbase-url = 'http://a'\n");
    EXPECT_THAT(refusal(), HasSubstr("base-urls"));
}

TEST_F(SettingsTest, AWrongTypeOrValueIsRefused) {
    for (const auto* text :
         {"[limits]\nscriptlets = 5\n", "[limits]\ndracut = '5 minutes'\n", "[limits]\ndracut = '0s'\n",
          "[latency]\nkeep = 'many'\n", "[latency]\nkeep = 0\n", "[latency]\nresults-folder = 'relative'\n",
          "[packages]\ngpg-keys = ['relative']\n", "[packages]\ngpg-keys = '/a'\n", "limits = 1\n",
          "[repository.x]\nbase-urls = ['http://a']\ngpgcheck = 0\n", "repository = 3\n"}) {
        write("a.toml", text);
        EXPECT_THAT(refusal(), HasSubstr("a.toml")) << text;
    }
}

TEST_F(SettingsTest, BrokenTomlIsRefusedWithItsLine) {
    write("a.toml", "[limits]\nscriptlets = \n");
    EXPECT_THAT(refusal(), AllOf(HasSubstr("a.toml"), HasSubstr("2 |")));
}

TEST_F(SettingsTest, ARepositoryIsReadFromARepoFile) {
    write("repos.d/a.repo",
          "# comment\n[rt]\nname=RT for $basearch\nbaseurl=http://one/$basearch\n  http://two/${arch}/x\n"
          "gpgkey=file:///k1 file:///k2\npriority=5\nexclude=kernel-debug*, foo\nsslverify=no\nunknown_to_us=1\n");
    const auto settings = load_all();
    ASSERT_EQ(settings.repositories.size(), 1U);
    const auto& repository = settings.repositories[0];
    EXPECT_EQ(repository.id, "rt");
    EXPECT_EQ(repository.name, "RT for x86_64");
    EXPECT_THAT(repository.base_urls, ElementsAre("http://one/x86_64", "http://two/x86_64/x"));
    EXPECT_THAT(repository.gpg_keys, ElementsAre("file:///k1", "file:///k2"));
    EXPECT_EQ(repository.priority, 5);
    EXPECT_THAT(repository.exclude, ElementsAre("kernel-debug*", "foo"));
    EXPECT_FALSE(repository.ssl_verify);
    EXPECT_THAT(repository.defined_at, HasSubstr("a.repo:3"));
}

TEST_F(SettingsTest, AbsentGpgcheckMeansYes) {
    write("repos.d/a.repo", "[a]\nbaseurl=http://a\n[b]\nbaseurl=http://b\ngpgcheck=0\n");
    const auto settings = load_all();
    ASSERT_EQ(settings.repositories.size(), 2U);
    EXPECT_TRUE(settings.repositories[0].gpgcheck);
    EXPECT_FALSE(settings.repositories[1].gpgcheck);
}

TEST_F(SettingsTest, ADisabledRepositoryIsLeftOutSilently) {
    write("repos.d/a.repo", "[a]\nbaseurl=http://$nobody/knows\nenabled=0\n[main]\ncachedir=/x\n");
    const auto settings = load_all();
    EXPECT_THAT(settings.repositories, IsEmpty());
    EXPECT_THAT(settings.warnings, IsEmpty());
}

TEST_F(SettingsTest, ARepositoryThatCannotBeMeantAsWrittenIsLeftOutWithAWarning) {
    write("repos.d/a.repo", "[unclear]\nbaseurl=http://a\ngpgcheck=maybe\n[nowhere]\nmetalink=http://m\n"
                            "[unknown]\nbaseurl=http://a/$releasever\n[good]\nbaseurl=http://a\n");
    const auto settings = load_all();
    ASSERT_EQ(settings.repositories.size(), 1U);
    EXPECT_EQ(settings.repositories[0].id, "good");
    EXPECT_THAT(settings.warnings, ElementsAre(AllOf(HasSubstr("a.repo:2"), HasSubstr("maybe")), HasSubstr("metalink"),
                                               HasSubstr("releasever")));
}

TEST_F(SettingsTest, AFileThatIsNoIniFileIsLeftOutWithItsLine) {
    write("repos.d/a.repo", "[a]\nbaseurl=http://a\nwhat is this\n");
    const auto settings = load_all();
    EXPECT_THAT(settings.repositories, IsEmpty());
    EXPECT_THAT(settings.warnings, ElementsAre(HasSubstr("a.repo:3")));
}

TEST_F(SettingsTest, LongLinesAreReadWhole) {
    const auto url = "http://a/" + std::string(5000, 'x');
    write("repos.d/a.repo", "[a]\nbaseurl=" + url + "\n");
    EXPECT_THAT(load_all().repositories.at(0).base_urls, ElementsAre(url));
}

TEST_F(SettingsTest, OurOwnRepositoryWinsOverAFilesOfTheSameName) {
    write("repos.d/a.repo", "[a]\nbaseurl=http://file\n");
    write("a.toml", "[repository.a]\nbase-urls = ['http://toml']\n");
    const auto settings = load_all();
    ASSERT_EQ(settings.repositories.size(), 1U);
    EXPECT_THAT(settings.repositories[0].base_urls, ElementsAre("http://toml"));
}

TEST_F(SettingsTest, VariablesComeFromFilesAndTheConfiguration) {
    write("vars/site", "here\n");
    write("a.toml",
          "[packages]\nreleasever = '9.4'\n[repository.a]\nbase-urls = ['http://$site/$releasever/$basearch$']\n");
    EXPECT_THAT(load_all().repositories.at(0).base_urls, ElementsAre("http://here/9.4/x86_64$"));
    write("a.toml", "[repository.a]\nbase-urls = ['http://$nowhere/']\n");
    EXPECT_THAT(refusal(), AllOf(HasSubstr("a.toml:"), HasSubstr("$nowhere")));
}

TEST(Duration, IsWholeNumbersWithUnitsLargestFirst) {
    EXPECT_EQ(parse_duration("90s"), 90s);
    EXPECT_EQ(parse_duration("1h30m"), 90min);
    EXPECT_EQ(parse_duration("24h"), 24h);
    for (const auto* text : {"", "5", "m", "5 m", "30m1h", "1m1m", "-1s", "1.5h", "99999999999s"})
        EXPECT_THROW(parse_duration(text), Error) << text;
}
