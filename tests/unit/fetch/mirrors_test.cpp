// Lists of mirrors, and repositories found by them.

#include "downloading.hpp"
#include "fetch/metadata.hpp"
#include "fetch/mirrors.hpp"

namespace rtnode::fetch {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

std::string why(const std::function<void()>& act) {
    try {
        act();
    } catch (const Error& error) {
        EXPECT_EQ(error.reason(), Reason::RepositoryMetadata);
        return error.what();
    }
    return "nothing was refused";
}

std::string metalink(const std::string& hashes, const std::vector<std::string>& urls, const std::string& older = {}) {
    std::string text = "<?xml version=\"1.0\"?><metalink version=\"3.0\" xmlns=\"http://www.metalinker.org/\" "
                       "xmlns:mm0=\"http://fedorahosted.org/mirrormanager\"><files><file name=\"repomd.xml\">"
                       "<mm0:timestamp>1</mm0:timestamp><size>3</size><verification>" +
                       hashes + "</verification>";
    if (!older.empty())
        text += "<mm0:alternates><mm0:alternate><verification>" + older +
                "</verification></mm0:alternate></mm0:alternates>";
    text += "<resources maxconnections=\"1\">";
    for (std::size_t i = 0; i < urls.size(); ++i)
        text +=
            fmt::format("<url protocol=\"http\" type=\"http\" location=\"DE\" preference=\"{}\">{}repodata/repomd.xml"
                        "</url>",
                        i == 0 ? 50 : 100 - i, urls[i]);
    return text + "</resources></file></files></metalink>";
}
std::string sha256(const std::string& hex) {
    return "<hash type=\"md5\">0</hash><hash type=\"sha256\">" + hex + "</hash>";
}

TEST(Mirrorlist, IsAUrlALine) {
    EXPECT_THAT(parse_mirrorlist("# comment\n\nhttp://a/x/\r\n  https://b/y \nrsync://c/\nftp://d/\nhttp://a/x/\n",
                                 "http://list")
                    .base_urls,
                ElementsAre("http://a/x/", "https://b/y"));
}

TEST(Mirrorlist, ThatCameByHttpsLeadsToHttpsOnly) {
    EXPECT_THAT(parse_mirrorlist("http://a/\nhttps://b/\n", "https://list").base_urls, ElementsAre("https://b/"));
    EXPECT_THAT(why([] { parse_mirrorlist("http://a/\n", "https://list?token=x"); }),
                testing::AllOf(HasSubstr("https://list names none that may be used"), Not(HasSubstr("token"))));
}

TEST(Mirrorlist, LeadsToTheNodesOwnFilesOnlyIfItIsOneOfThem) {
    EXPECT_THAT(why([] { parse_mirrorlist("file:///etc/\n", "http://list"); }), HasSubstr("none that may be used"));
    EXPECT_THAT(parse_mirrorlist("file:///srv/rt\n", "file:///etc/mirrors").base_urls, ElementsAre("file:///srv/rt"));
}

TEST(Mirrorlist, ThatIsAWebPageOrEmptyIsRefused) {
    EXPECT_THAT(why([] { parse_mirrorlist("<html>Bad release</html>", "http://list"); }), HasSubstr("web page"));
    EXPECT_THAT(why([] { parse_mirrorlist("# Bad release/arch\n", "http://list"); }), HasSubstr("names none"));
}

TEST(Metalink, NamesMirrorsByPreferenceAndProvesRepomd) {
    const auto a = std::string(64, 'a'), b = std::string(64, 'b');
    const auto mirrors = parse_metalink(
        metalink(sha256(a), {"http://last/", "https://first/x/", "http://second/", "rsync://never/"}, sha256(b)),
        "https://list");
    EXPECT_THAT(mirrors.base_urls, ElementsAre("https://first/x/", "http://second/", "http://last/"));
    EXPECT_EQ(mirrors.repomd->hex, a);
    EXPECT_THAT(mirrors.older_repomds, ElementsAre(b));
    EXPECT_EQ(parse_mirrorlist(metalink(sha256(a), {"http://m/"}), "https://list").repomd->hex, a)
        << "some name a metalink as mirrorlist";
}

TEST(Metalink, WithoutProofIsRefused) {
    EXPECT_THAT(why([] { parse_metalink(metalink("<hash type=\"md5\">0</hash>", {"http://m/"}), "https://l"); }),
                HasSubstr("no checksum of repomd.xml that proves it"));
    EXPECT_THAT(why([] { parse_metalink(metalink(sha256("../x"), {"http://m/"}), "https://l"); }),
                HasSubstr("malformed sha256"));
    EXPECT_THAT(why([] { parse_metalink("<html/>", "https://l"); }), HasSubstr("is no metalink"));
    EXPECT_THAT(why([] { parse_metalink("<metalink>", "https://l"); }), HasSubstr("no well-formed XML (line 1"));
    EXPECT_THAT(why([] { parse_metalink(metalink(sha256(std::string(64, 'a')), {}), "https://l"); }),
                HasSubstr("names none"));
}

/// Two mirrors of one repository on a real nginx: www/one and www/two.
struct MirroredRepository : Downloading {
    Repository repository;
    std::vector<std::string> warnings;
    std::unique_ptr<WebServer> server;

    void SetUp() override {
        Downloading::SetUp();
        repository.id = "r";
        repository.defined_at = "r.repo:1";
        server = std::make_unique<WebServer>(folder.path() / "nginx", folder.path() / "www");
        repository.metalink = server->url() + "/metalink";
        publish("one", "packages");
        publish("two", "packages");
    }
    static std::string repomd(const std::string& primary) {
        return fmt::format("<repomd><data type=\"primary\"><checksum type=\"sha256\">{}</checksum>"
                           "<location href=\"repodata/primary.xml.gz\"/><size>{}</size></data>"
                           "<data type=\"primary_zck\"><checksum type=\"sha256\">00</checksum>"
                           "<location href=\"repodata/primary.xml.zck\"/></data></repomd>",
                           sha256_of(primary), primary.size());
    }
    void publish(const std::string& mirror, const std::string& primary) {
        folder.write("www/" + mirror + "/repodata/repomd.xml", repomd(primary));
        folder.write("www/" + mirror + "/repodata/primary.xml.gz", primary);
    }
    void list(const std::string& primary, const std::string& older = {}) {
        folder.write("www/metalink",
                     metalink(sha256(sha256_of(repomd(primary))), {server->url() + "/two/", server->url() + "/one/"},
                              older.empty() ? "" : sha256(sha256_of(repomd(older)))));
    }
    RepositoryFiles fetch() {
        auto fetcher = downloader();
        auto files = fetch_metadata(fetcher, repository, {}, warnings);
        EXPECT_TRUE(files);
        return files.value();
    }
};

TEST_F(MirroredRepository, IsReadFromTheMirrorThatComesFirst) {
    list("packages");
    const auto files = fetch();
    EXPECT_EQ(TemporaryFolder::read(files.primary), "packages");
    EXPECT_THAT(files.base_urls, ElementsAre(server->url() + "/one/", server->url() + "/two/"));
    fetch();
    EXPECT_THAT(server->log(), HasSubstr("GET /metalink 200\nGET /one/repodata/repomd.xml 200\n"
                                         "GET /one/repodata/primary.xml.gz 200\nGET /metalink 200\n"))
        << "the metalink says that the cached repomd.xml is the one";
}

TEST_F(MirroredRepository, AMirrorThatHasAnotherRevisionIsPassedOver) {
    list("newer packages");
    publish("two", "newer packages");
    const auto files = fetch();
    EXPECT_EQ(TemporaryFolder::read(files.primary), "newer packages");
    EXPECT_EQ(files.base_urls.front(), server->url() + "/two/") << "the rest comes from the same mirror";
    EXPECT_THAT(server->log(), Not(HasSubstr("/one/repodata/primary")));
}

TEST_F(MirroredRepository, AMirrorThatLagsBehindWillDoIfTheMetalinkSaysSo) {
    list("newer packages", "packages");
    EXPECT_EQ(TemporaryFolder::read(fetch().primary), "packages");
}

TEST_F(MirroredRepository, WithoutARightMirrorIsRefused) {
    list("never published");
    EXPECT_THAT(why([this] { fetch(); }), testing::AllOf(HasSubstr("repository 'r' (defined at r.repo:1)"),
                                                         HasSubstr("/one/repodata/repomd.xml: has the sha256"),
                                                         HasSubstr("/two/repodata/repomd.xml: has the sha256")));
}

TEST_F(MirroredRepository, ByAPlainListFindsTheMirrorThatAnswers) {
    repository.metalink.clear();
    repository.mirrorlist = server->url() + "/mirrorlist";
    folder.write("www/mirrorlist", "http://127.0.0.1:1/\n" + server->url() + "/two\n");
    const auto files = fetch();
    EXPECT_EQ(files.base_urls.front(), server->url() + "/two");
    fs::remove(folder.path() / "www/mirrorlist");
    EXPECT_THROW(fetch(), Error);
}

TEST_F(MirroredRepository, IsNotAskedAgainBeforeItsMetadataExpires) {
    list("packages");
    repository.metadata_expire_s = 3600;
    fetch();
    const auto before = server->log();
    EXPECT_EQ(TemporaryFolder::read(fetch().primary), "packages");
    EXPECT_EQ(server->log(), before);
    repository.metadata_expire_s = 0;
    fetch();
    EXPECT_NE(server->log(), before);
}

TEST_F(MirroredRepository, IsAskedAgainWhenWhatItNamesIsGone) {
    list("packages");
    repository.metadata_expire_s = -1;
    const auto old = fetch().primary;
    publish("one", "newer packages");
    list("newer packages");
    EXPECT_EQ(TemporaryFolder::read(fetch().primary), "packages") << "never expires";
    fs::remove(old);
    fs::remove_all(folder.path() / "www/two");
    EXPECT_EQ(TemporaryFolder::read(fetch().primary), "newer packages");
}

TEST_F(MirroredRepository, ThatIsDefectSaysWhyUnlessItMayBeSkipped) {
    repository.defect = "r.repo:7: gpgcheck is 'maybe', but must be 0 or 1";
    try {
        fetch();
        FAIL();
    } catch (const Error& error) {
        EXPECT_EQ(error.reason(), Reason::RepositoryConfiguration);
        EXPECT_THAT(error.what(), HasSubstr("r.repo:7: gpgcheck is 'maybe'"));
    }
    repository.skip_if_unavailable = true;
    auto fetcher = downloader();
    EXPECT_FALSE(fetch_metadata(fetcher, repository, {}, warnings));
    EXPECT_THAT(warnings, ElementsAre(HasSubstr("r.repo:7")));
}

} // namespace
} // namespace rtnode::fetch
