#include "config/settings.hpp"

#include "state/error.hpp"
#include "state/request.hpp"
#include "temp_folder.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include <fstream>
#include <map>

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
    EXPECT_EQ(shipped.latency_watch_keep, built_in.latency_watch_keep);
    EXPECT_EQ(shipped.latency_watch_tolerance, built_in.latency_watch_tolerance);
    EXPECT_EQ(shipped.latency_watch_confirmations, built_in.latency_watch_confirmations);
    EXPECT_EQ(shipped.kernel_version, built_in.kernel_version);
    EXPECT_EQ(shipped.update_reapply, built_in.update_reapply);
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

TEST_F(SettingsTest, ANewKernelThatTheHostWouldNotStartIsAnErrorUnlessSaidOtherwise) {
    EXPECT_EQ(load_all().kernel_checks, KernelChecks{});
    write("a.toml", "[kernel-checks]\nsecure-boot = 'warn'\nout-of-tree-modules = 'block'\n");
    EXPECT_EQ(load_all().kernel_checks, (KernelChecks{.secure_boot = Strictness::warn,
                                                      .fips = Strictness::block,
                                                      .out_of_tree_modules = Strictness::block}));
    write("a.toml", "[kernel-checks]\nfips = 'no'\n");
    EXPECT_THAT(refusal(), AllOf(HasSubstr("a.toml"), HasSubstr("\"block\", \"warn\" or \"ignore\"")));
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
    EXPECT_THAT(refusal(), HasSubstr("packages, repository, update, kernel-checks, limits, latency"));
    write("a.toml", "[repository.x]\nbase-url = 'http://a'\n");
    EXPECT_THAT(refusal(), HasSubstr("base-urls"));
}

TEST_F(SettingsTest, AWrongTypeOrValueIsRefused) {
    for (const auto* text :
         {"[limits]\nscriptlets = 5\n", "[limits]\ndracut = '5 minutes'\n", "[limits]\ndracut = '0s'\n",
          "[latency]\nkeep = 'many'\n", "[latency]\nkeep = 0\n", "[latency]\nwatch-tolerance = 1.5\n",
          "[latency]\nwatch-tolerance = '25 %'\n", "[latency]\nwatch-confirmations = 0\n",
          "[latency]\nresults-folder = 'relative'\n", "[packages]\ngpg-keys = ['relative']\n",
          "[packages]\nkernel-version = 'latest'\n", "[packages]\nkernel-version = 5\n", "[update]\nreapply = 1\n",
          "[packages]\ngpg-keys = '/a'\n", "limits = 1\n", "[repository.x]\nbase-urls = ['http://a']\ngpgcheck = 0\n",
          "repository = 3\n"}) {
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
    EXPECT_THAT(repository.defined_at, HasSubstr("a.repo:2"));
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

TEST_F(SettingsTest, ARepositoryThatCannotBeMeantAsWrittenKeepsItsDefectWithFileAndLine) {
    write("repos.d/a.repo", "[unclear]\nbaseurl=http://a\ngpgcheck=maybe\n[nowhere]\nname=n\n"
                            "[unknown]\nbaseurl=http://a/$releasever\n[good]\nbaseurl=http://a\n"
                            "[number]\nbaseurl=http://a\npriority=high\n[time]\nbaseurl=http://a\nmetadata_expire=6x\n"
                            "[path]\nbaseurl=http://a\nsslcacert=ca.pem\n[kind]\nbaseurl=http://a\ntype=apt\n"
                            "[maybe]\nbaseurl=http://a\nenabled=perhaps\n");
    const auto settings = load_all();
    std::map<std::string, std::string> defects;
    for (const auto& repository : settings.repositories)
        defects[repository.id] = repository.defect;
    EXPECT_EQ(defects.size(), 9U);
    EXPECT_EQ(defects["good"], "");
    EXPECT_THAT(defects["unclear"], HasSubstr("a.repo:3: gpgcheck is 'maybe'"));
    EXPECT_THAT(defects["nowhere"], HasSubstr("a.repo:4: it has neither baseurl nor mirrorlist nor metalink"));
    EXPECT_THAT(defects["unknown"], HasSubstr("a.repo:7: the variable $releasever"));
    EXPECT_THAT(defects["number"], HasSubstr("a.repo:12: priority is 'high'"));
    EXPECT_THAT(defects["time"], HasSubstr("a.repo:15: metadata_expire is '6x'"));
    EXPECT_THAT(defects["path"], HasSubstr("a.repo:18: sslcacert is 'ca.pem'"));
    EXPECT_THAT(defects["kind"], HasSubstr("only rpm-md"));
    EXPECT_THAT(defects["maybe"], HasSubstr("a.repo:24: enabled is 'perhaps'"));
    EXPECT_EQ(settings.warnings.size(), 8U) << "the daemon goes on, and says so";
}

TEST_F(SettingsTest, AFileThatIsNoIniFileIsADefectWithItsLine) {
    write("repos.d/a.repo", "[a]\nbaseurl=http://a\nwhat is this\n");
    const auto settings = load_all();
    ASSERT_EQ(settings.repositories.size(), 1U);
    EXPECT_EQ(settings.repositories[0].id, "a.repo");
    EXPECT_THAT(settings.repositories[0].defect, HasSubstr("a.repo:3: neither a [section] nor key=value"));
}

TEST_F(SettingsTest, EveryKeyOfARepoFileThatMatters) {
    write("repos.d/a.repo", "[a]\nmetalink=https://m/$basearch\nmirrorlist=https://l\nbaseurl=http://b\n"
                            "gpgcheck=no\nrepo_gpgcheck=True\ngpgkey=https://keys/$basearch\n  file:///k\n"
                            "priority=10\ncost=500\nexcludepkgs=a*\n b-1*\nexclude=c\nincludepkgs=d, e\n"
                            "sslverify=on\nsslverifystatus=1\nsslcacert=/ca\nsslclientcert=/cert\nsslclientkey=/key\n"
                            "username=me\npassword=se cret\nproxy=http://proxy:3128\nproxy_username=you\n"
                            "proxy_password=p\nproxy_sslverify=0\nproxy_sslcacert=/pca\nip_resolve=IPv4\n"
                            "metadata_expire=1.5h\nskip_if_unavailable=1\n");
    Repository expected;
    expected.id = expected.name = "a";
    expected.metalink = "https://m/x86_64";
    expected.mirrorlist = "https://l";
    expected.base_urls = {"http://b"};
    expected.gpgcheck = false;
    expected.repo_gpgcheck = true;
    expected.gpg_keys = {"https://keys/x86_64", "file:///k"};
    expected.priority = 10;
    expected.cost = 500;
    expected.exclude = {"a*", "b-1*", "c"};
    expected.include = {"d", "e"};
    expected.ssl_verify_status = true;
    expected.ssl_ca_cert = "/ca";
    expected.ssl_client_cert = "/cert";
    expected.ssl_client_key = "/key";
    expected.username = "me";
    expected.password = "se cret";
    expected.proxy = "http://proxy:3128";
    expected.proxy_username = "you";
    expected.proxy_password = "p";
    expected.proxy_ssl_verify = false;
    expected.proxy_ssl_ca_cert = "/pca";
    expected.ip_version = 4;
    expected.metadata_expire_s = 5400;
    expected.skip_if_unavailable = true;
    const auto settings = load_all();
    ASSERT_EQ(settings.repositories.size(), 1U);
    expected.defined_at = settings.repositories[0].defined_at;
    EXPECT_EQ(settings.repositories[0].defect, "");
    const auto shown = [](const Repository& repository) {
        WorkOrder order;
        order.repositories = {repository};
        return nlohmann::json(order)["repositories"].dump(1);
    };
    EXPECT_EQ(shown(settings.repositories[0]), shown(expected));
    EXPECT_THAT(settings.warnings, IsEmpty());
}

TEST_F(SettingsTest, MetadataExpiresAsDnfWritesIt) {
    for (const auto& [text, seconds] : std::map<std::string, std::int64_t>{
             {"never", -1}, {"-1", -1}, {"0", 0}, {"86400", 86400}, {"7d", 604800}, {"6h", 21600}, {"1m", 60}}) {
        write("repos.d/a.repo", "[a]\nbaseurl=http://a\nmetadata_expire=" + text + "\n");
        EXPECT_EQ(load_all().repositories.at(0).metadata_expire_s, seconds) << text;
    }
}

TEST_F(SettingsTest, AMistypedKeyOfTrustIsNamedAndNoOther) {
    write("repos.d/a.repo", "[a]\nbaseurl=http://a\ngpgchek=1\nexclude_pkgs=x\nGpgKey=file:///k\ncolour=blue\n"
                            "enabled_metadata=1\nmetadata_expires=1\n[off]\nenabled=0\ngpgchek=1\n");
    EXPECT_THAT(load_all().warnings,
                ElementsAre(AllOf(HasSubstr("a.repo:3: the key 'gpgchek' of repository 'a'"), HasSubstr("'gpgcheck'")),
                            AllOf(HasSubstr("a.repo:4"), HasSubstr("'excludepkgs'")),
                            AllOf(HasSubstr("a.repo:5"), HasSubstr("'gpgkey'"))));
}

TEST_F(SettingsTest, RepositoriesInheritFromDnfsMainSection) {
    write("dnf.conf", "[main]\nexclude=all*\nproxy=http://main:1\nskip_if_unavailable=1\nmetadata_expire=1h\n"
                      "repo_gpgcheck=1\ninstallonly_limit=3\nbest=True\ncost=77\npriority=1\n");
    write("repos.d/a.repo",
          "[a]\nbaseurl=http://a\nexclude=own\nproxy=_none_\nskip_if_unavailable=0\n[b]\nbaseurl=http://b\n");
    const auto settings = load_all();
    ASSERT_EQ(settings.repositories.size(), 2U);
    const auto &a = settings.repositories[0], &b = settings.repositories[1];
    EXPECT_THAT(a.exclude, ElementsAre("own", "all*"));
    EXPECT_EQ(a.proxy, "");
    EXPECT_FALSE(a.skip_if_unavailable);
    EXPECT_THAT(b.exclude, ElementsAre("all*"));
    EXPECT_EQ(b.proxy, "http://main:1");
    EXPECT_TRUE(b.skip_if_unavailable && b.repo_gpgcheck);
    EXPECT_EQ(b.metadata_expire_s, 3600);
    EXPECT_EQ(b.cost, 1000) << "not inherited, as with dnf";
    EXPECT_EQ(b.priority, 99);
    EXPECT_THAT(settings.warnings, IsEmpty());
}

TEST_F(SettingsTest, DnfsMainSectionCannotTakeTrustAway) {
    write("dnf.conf", "[main]\ngpgcheck=0\nsslverify=False\n");
    write("repos.d/a.repo", "[a]\nbaseurl=http://a\n");
    const auto settings = load_all();
    EXPECT_TRUE(settings.repositories.at(0).gpgcheck);
    EXPECT_TRUE(settings.repositories.at(0).ssl_verify);
    EXPECT_THAT(settings.warnings,
                ElementsAre(HasSubstr("dnf.conf:2: gpgcheck=0"), HasSubstr("dnf.conf:3: sslverify")));
}

TEST_F(SettingsTest, AWrongValueOfTheMainSectionIsADefectOfWhoInheritsIt) {
    write("dnf.conf", "[main]\nmetadata_expire=soon\n");
    write("repos.d/a.repo", "[a]\nbaseurl=http://a\n[b]\nbaseurl=http://b\nmetadata_expire=1d\n");
    const auto settings = load_all();
    EXPECT_THAT(settings.repositories.at(0).defect, HasSubstr("dnf.conf:2: metadata_expire is 'soon'"));
    EXPECT_EQ(settings.repositories.at(1).defect, "");
}

TEST_F(SettingsTest, CredentialsAreWhatSystemdPassed) {
    write("credentials/client.key", "key");
    write("credentials/password", "s3cret\n");
    write("a.toml", "[repository.a]\nbase-urls = ['https://a']\nssl-client-key = 'credential:client.key'\n"
                    "username = 'me'\npassword = 'credential:password'\n");
    const auto settings = load_all();
    EXPECT_EQ(settings.repositories.at(0).ssl_client_key, (temp.path / "credentials/client.key").string());
    EXPECT_EQ(settings.repositories.at(0).password, "s3cret");
    write("a.toml", "[repository.a]\nbase-urls = ['https://a']\npassword = 'credential:other'\n");
    EXPECT_THAT(refusal(), AllOf(HasSubstr("a.toml:"), HasSubstr("LoadCredential=other:")));
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

TEST_F(SettingsTest, ImportedRepositoriesAreReadFromWhatTheImportWroteAlone) {
    write("repos/dvd/.local.repo", "[dvd-RT]\nname=DVD\nbaseurl=file:///x/RT%201\ngpgcheck=1\n");
    write("repos/dvd/evil.repo", "[evil]\nname=of the medium\nbaseurl=http://x\ngpgcheck=0\n");
    write("repos/stray", "");
    auto sources = Sources::in(temp.path);
    sources.imported_folder = temp.path / "repos";
    const auto settings = load(sources);
    ASSERT_EQ(settings.repositories.size(), 1U);
    EXPECT_EQ(settings.repositories[0].id, "dvd-RT");
    EXPECT_THAT(settings.warnings, IsEmpty());
}

TEST_F(SettingsTest, VariablesComeFromFilesAndTheConfiguration) {
    write("vars/site", "here\n");
    write("a.toml",
          "[packages]\nreleasever = '9.4'\n[repository.a]\nbase-urls = ['http://$site/$releasever/$basearch$']\n");
    write("vars/releasever", "8");
    write("vars/basearch", "s390x");
    EXPECT_THAT(load_all().repositories.at(0).base_urls, ElementsAre("http://here/9.4/x86_64$"))
        << "the configuration wins, and the architecture is what it is";
    write("a.toml", "[repository.a]\nbase-urls = ['http://$releasever/$releasever_major-$releasever_minor']\n");
    write("vars/releasever", "10.1");
    EXPECT_THAT(load_all().repositories.at(0).base_urls, ElementsAre("http://10.1/10-1"));
    write("a.toml", "[repository.a]\nbase-urls = ['http://${nope:-d-$site}/${site:+s}/${nope:+s}/${site:-d}']\n");
    EXPECT_THAT(load_all().repositories.at(0).base_urls, ElementsAre("http://d-here/s//here"));
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
