// Repository metadata: fetched when it changed, checked each time.

#include "fetch/metadata.hpp"
#include "state/digest.hpp"
#include "state/error.hpp"
#include "temporary_folder.hpp"
#include "web_server.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace rtnode::fetch {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

struct Metadata : testing::Test {
    TemporaryFolder folder;
    Repository repository;
    std::vector<std::string> warnings;
    VerifySignature verify = [](const auto&, const auto&, const auto&) {};

    void SetUp() override {
        repository.id = "rt/updates";
        repository.defined_at = "/etc/yum.repos.d/rt.repo:3";
    }
    Downloader downloader() {
        Limits limits;
        limits.first_back_off = std::chrono::milliseconds(1);
        return {folder.path() / "cache", {}, {}, limits};
    }
    std::string repomd(const std::string& primary, const std::string& type = "sha256",
                       const std::string& checksum = "") {
        return fmt::format(R"(<?xml version="1.0"?>
<repomd xmlns="http://linux.duke.edu/metadata/repo">
 <revision>17</revision>
 <data type="primary"><checksum type="{}">{}</checksum><open-checksum type="sha256">00</open-checksum>
  <location href="repodata/primary.xml.gz"/><timestamp>1700000001.5</timestamp><size>{}</size></data>
 <data type="filelists"><checksum type="sha256">{}</checksum>
  <location href="repodata/filelists.xml.gz"/><timestamp>1700000000</timestamp><size>5</size></data>
</repomd>)",
                           type, checksum.empty() ? sha256_of(primary) : checksum, primary.size(), sha256_of("files"));
    }
    void publish(const std::string& primary) {
        folder.write("www/repodata/repomd.xml", repomd(primary));
        folder.write("www/repodata/primary.xml.gz", primary);
        folder.write("www/repodata/filelists.xml.gz", "files");
        folder.write("www/repodata/repomd.xml.asc", "signature");
    }
    std::optional<RepositoryFiles> fetch() {
        auto fetcher = downloader();
        return fetch_metadata(fetcher, repository, verify, warnings);
    }
    Error refusal() {
        try {
            fetch();
        } catch (const Error& error) {
            return error;
        }
        return fail(Reason::Internal, "nothing was refused");
    }
};

TEST_F(Metadata, IsIndexAndPrimaryButFileListsOnlyOnDemand) {
    publish("packages");
    WebServer server(folder.path() / "nginx", folder.path() / "www");
    repository.base_urls = {server.url() + "/"};
    auto files = fetch();
    ASSERT_TRUE(files);
    EXPECT_EQ(files->id, "rt/updates");
    EXPECT_EQ(files->index.revision, "17");
    EXPECT_EQ(files->index.timestamp, 1700000001U);
    EXPECT_EQ(files->repomd_sha256, sha256_of(repomd("packages")));
    EXPECT_EQ(TemporaryFolder::read(files->primary), "packages");
    EXPECT_TRUE(files->primary.string().ends_with(".xml.gz")) << "the decompressor is chosen by it";
    EXPECT_FALSE(files->filelists);
    EXPECT_FALSE(files->signature_verified);
    auto fetcher = downloader();
    fetch_filelists(fetcher, repository, *files);
    EXPECT_EQ(TemporaryFolder::read(*files->filelists), "files");
}

TEST_F(Metadata, ThatDidNotChangeCostsOneConditionalRequest) {
    publish("packages");
    WebServer server(folder.path() / "nginx", folder.path() / "www");
    repository.base_urls = {server.url()};
    const auto first = fetch();
    const auto second = fetch();
    EXPECT_EQ(second->primary, first->primary);
    EXPECT_EQ(second->index.revision, "17");
    EXPECT_THAT(server.log(), HasSubstr("GET /repodata/repomd.xml 200\nGET /repodata/primary.xml.gz 200\n"
                                        "GET /repodata/repomd.xml 304\n"));
}

TEST_F(Metadata, ThatChangedReplacesTheOld) {
    publish("packages");
    WebServer server(folder.path() / "nginx", folder.path() / "www");
    repository.base_urls = {server.url()};
    const auto old = fetch()->primary;
    publish("more packages");
    const auto files = fetch();
    EXPECT_EQ(TemporaryFolder::read(files->primary), "more packages");
    EXPECT_FALSE(fs::exists(old));
}

TEST_F(Metadata, OfACachedPrimaryThatIsDamagedIsFetchedAnew) {
    publish("packages");
    WebServer server(folder.path() / "nginx", folder.path() / "www");
    repository.base_urls = {server.url()};
    folder.write(fetch()->primary, "damaged!");
    EXPECT_EQ(TemporaryFolder::read(fetch()->primary), "packages");
}

TEST_F(Metadata, ThatIsCorruptNamesRepositoryFileAndWhereItIsDefined) {
    publish("packages");
    WebServer server(folder.path() / "nginx", folder.path() / "www");
    repository.base_urls = {server.url()};
    folder.write("www/repodata/primary.xml.gz", "damaged!");
    const auto error = refusal();
    EXPECT_EQ(error.reason(), Reason::RepositoryMetadata);
    for (const auto* part : {"repository 'rt/updates'", "/etc/yum.repos.d/rt.repo:3", "primary metadata", "sha256"})
        EXPECT_THAT(error.what(), HasSubstr(part));
}

TEST_F(Metadata, WithAnIndexThatIsNoneIsRefused) {
    WebServer server(folder.path() / "nginx", folder.path() / "www");
    repository.base_urls = {server.url()};
    const auto missing_primary = "<repomd><data type='other'/></repomd>";
    for (const auto& [text, why] : {std::pair<std::string, std::string>{"<html>404</html>", "no <repomd>"},
                                    {"<repomd><data type='primary'>", "no well-formed XML (line 1"},
                                    {"", "no well-formed XML"},
                                    {missing_primary, "no primary"},
                                    {repomd("x", "md5", std::string(32, 'a')), "type 'md5'"},
                                    {repomd("x", "sha256", "../../../x"), "malformed sha256"}}) {
        folder.write("www/repodata/repomd.xml", text);
        const auto error = refusal();
        EXPECT_EQ(error.reason(), Reason::RepositoryMetadata);
        EXPECT_THAT(error.what(), HasSubstr(why));
    }
}

TEST_F(Metadata, OfAnUnreachableRepositoryIsLeftOutOnlyWhenItMay) {
    repository.base_urls = {"http://127.0.0.1:1"};
    EXPECT_EQ(refusal().reason(), Reason::DownloadFailed);
    repository.skip_if_unavailable = true;
    EXPECT_FALSE(fetch());
    ASSERT_EQ(warnings.size(), 1U);
    EXPECT_THAT(warnings[0], HasSubstr("repository 'rt/updates'"));
    repository.base_urls.clear();
    repository.skip_if_unavailable = false;
    EXPECT_EQ(refusal().reason(), Reason::RepositoryConfiguration);
}

TEST_F(Metadata, OfAFolderIsTakenByAFileUrl) {
    publish("packages");
    repository.base_urls = {"file://" + (folder.path() / "www").string()};
    EXPECT_EQ(TemporaryFolder::read(fetch()->primary), "packages");
}

TEST_F(Metadata, WithRepoGpgcheckIsVerifiedOnEveryUse) {
    publish("packages");
    WebServer server(folder.path() / "nginx", folder.path() / "www");
    repository.base_urls = {server.url()};
    repository.repo_gpgcheck = true;
    unsigned verified = 0;
    verify = [&](const fs::path& file, const fs::path& signature, const Repository&) {
        EXPECT_EQ(TemporaryFolder::read(file), repomd("packages"));
        EXPECT_EQ(TemporaryFolder::read(signature), "signature");
        ++verified;
    };
    EXPECT_TRUE(fetch()->signature_verified);
    EXPECT_TRUE(fetch()->signature_verified);
    EXPECT_EQ(verified, 2U);
}

TEST_F(Metadata, WithoutValidSignatureIsRefusedEvenWhenSkippable) {
    publish("packages");
    WebServer server(folder.path() / "nginx", folder.path() / "www");
    repository.base_urls = {server.url()};
    repository.repo_gpgcheck = true;
    repository.skip_if_unavailable = true;
    verify = [](const auto&, const auto&, const auto&) { throw fail(Reason::BadSignature, "signed by a stranger"); };
    const auto error = refusal();
    EXPECT_EQ(error.reason(), Reason::BadSignature);
    EXPECT_THAT(error.what(), HasSubstr("repository 'rt/updates'"));
    EXPECT_THAT(error.what(), HasSubstr("signed by a stranger"));
}

TEST_F(Metadata, WhoseSignatureIsOlderThanTheCachedIndexIsFetchedAfresh) {
    publish("packages");
    WebServer server(folder.path() / "nginx", folder.path() / "www");
    repository.base_urls = {server.url()};
    fetch(); // the index alone gets into the cache
    repository.repo_gpgcheck = true;
    unsigned calls = 0;
    verify = [&](const auto&, const auto&, const auto&) {
        if (++calls == 1) throw fail(Reason::BadSignature, "of another revision");
    };
    EXPECT_TRUE(fetch()->signature_verified);
}

} // namespace
} // namespace rtnode::fetch
