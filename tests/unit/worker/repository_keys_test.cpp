// Keys of repositories: from files and from https, in a keyring of our own, each for its repository only.

#include "worker/repository_keys.hpp"

#include "../fetch/temporary_folder.hpp"
#include "../fetch/web_server.hpp"
#include "../rpm/fixture.hpp"
#include "listener.hpp"
#include "state/error.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

namespace rtnode::worker {
namespace {

namespace fs = std::filesystem;
using test::RpmFixture;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

/// The base's RPM database of the fixture has the key of "maker". Nobody but a repository's gpgkey has that of
/// "stranger", who signed the package "foreign".
struct KeysOfRepositories : testing::Test {
    TemporaryFolder folder;
    Listener daemon;
    Repository repository;
    WebServer server{folder.path() / "nginx", folder.path() / "www"};
    std::string stranger = TemporaryFolder::read(RpmFixture::get().stranger_key()),
                maker = TemporaryFolder::read(RpmFixture::get().key());

    void SetUp() override {
        repository.id = "rt";
        repository.defined_at = "rt.repo:1";
        repository.ssl_ca_cert = server.certificate();
    }
    std::string fingerprint(const fs::path& key) { return rpm::Keyring::load({}, {key}).keys().at(0).fingerprint; }
    /// What a job of its own makes of the package: its signer, or the reason of the refusal.
    std::string job(const std::string& package, const fs::path& rpmdb = RpmFixture::get().database()) {
        Reporter reporter(daemon.socket());
        fetch::Limits limits;
        limits.first_back_off = std::chrono::milliseconds(1);
        fetch::Downloader downloader(folder.path() / "cache", {}, {}, limits);
        WorkOrder order;
        order.state_dir = folder.path() / "state";
        RepositoryKeys keys(order, rpmdb, downloader, reporter);
        try {
            const auto file = keys.read(RpmFixture::get().package(package), Nevra::parse("sample-4:1.2-3.el9.x86_64"),
                                        repository, false);
            return file.trust == Trust::signature ? "signature" : "no proof";
        } catch (const Error& error) {
            message = error.what();
            return dbus_name(error.reason());
        }
    }
    std::string refused(Reason reason) const { return dbus_name(reason); }
    std::string message;
};

TEST_F(KeysOfRepositories, ThatTheBaseHasNeedNoMore) {
    EXPECT_EQ(job("signed"), "signature");
    EXPECT_EQ(job("foreign"), refused(Reason::UnsignedPackage));
    EXPECT_THAT(daemon.lines(), IsEmpty());
}

TEST_F(KeysOfRepositories, FromAFileAreNamedByTheirFingerprint) {
    repository.gpg_keys = {"file://" + RpmFixture::get().stranger_key().string()};
    EXPECT_EQ(job("foreign"), "signature");
    EXPECT_THAT(daemon.lines(), ElementsAre(AllOf(HasSubstr("Keys of repository 'rt': " +
                                                            fingerprint(RpmFixture::get().stranger_key())),
                                                  HasSubstr("stranger"))));
}

TEST_F(KeysOfRepositories, FromHttpsAreImportedOnceAndShown) {
    folder.write("www/key", stranger);
    repository.gpg_keys = {server.https_url() + "/key?token=hidden"};
    EXPECT_EQ(job("foreign"), "signature");
    const auto lines = daemon.lines();
    ASSERT_EQ(lines.size(), 2U);
    EXPECT_THAT(lines[0],
                AllOf(HasSubstr("Imported key " + fingerprint(RpmFixture::get().stranger_key())),
                      HasSubstr("repository 'rt' from " + server.https_url() + "/key"), Not(HasSubstr("hidden"))));
    EXPECT_EQ(job("foreign"), "signature");
    EXPECT_EQ(server.log(), "GET /key 200\n") << "not asked for a second time";
}

TEST_F(KeysOfRepositories, ByHttpOrFromAServerThatNobodyVouchesForProveNothing) {
    folder.write("www/key", stranger);
    repository.gpg_keys = {server.url() + "/key"};
    EXPECT_EQ(job("foreign"), refused(Reason::UnsignedPackage));
    EXPECT_THAT(daemon.lines(), ElementsAre(AllOf(HasSubstr("warning: "), HasSubstr("by http"))));
    repository.gpg_keys = {server.https_url() + "/key"};
    repository.ssl_verify = false;
    EXPECT_EQ(job("foreign"), refused(Reason::UnsignedPackage));
    EXPECT_THAT(daemon.lines(), ElementsAre(HasSubstr("sslverify is off")));
    EXPECT_EQ(server.log(), "") << "not even asked for";
}

TEST_F(KeysOfRepositories, ThatAreMissingAreNamedButDoNotMatterWhenTheBaseHasThem) {
    repository.gpg_keys = {"/nowhere/RPM-GPG-KEY"};
    EXPECT_EQ(job("signed"), "signature");
    EXPECT_THAT(daemon.lines(), ElementsAre(HasSubstr("its gpgkey /nowhere/RPM-GPG-KEY is not there")));
}

TEST_F(KeysOfRepositories, ThatWereExchangedAreFetchedAgainWhenASignatureNeedsIt) {
    folder.write("www/key", maker);
    repository.gpg_keys = {server.https_url() + "/key"};
    EXPECT_EQ(job("signed", {}), "signature");
    folder.write("www/key", stranger);
    EXPECT_EQ(job("signed", {}), "signature") << "the old one stays good for what it signed";
    daemon.lines();
    EXPECT_EQ(job("foreign"), "signature");
    EXPECT_THAT(daemon.lines(), testing::Contains(AllOf(HasSubstr("warning: Replaced key"),
                                                        HasSubstr(fingerprint(RpmFixture::get().stranger_key())))));
    EXPECT_EQ(job("unsigned"), refused(Reason::UnsignedPackage));
}

TEST_F(KeysOfRepositories, VouchForTheirRepositoryOnly) {
    repository.gpg_keys = {RpmFixture::get().stranger_key()};
    EXPECT_EQ(job("foreign"), "signature");
    repository.id = "other";
    repository.gpg_keys.clear();
    EXPECT_EQ(job("foreign"), refused(Reason::UnsignedPackage));
}

TEST_F(KeysOfRepositories, ThatAreNoKeysAreRefused) {
    folder.write("www/key", "<html>Not here</html>");
    repository.gpg_keys = {server.https_url() + "/key"};
    EXPECT_EQ(job("foreign"), refused(Reason::RepositoryConfiguration));
    EXPECT_THAT(message, AllOf(HasSubstr("rt.repo:1"), HasSubstr("no OpenPGP public key")));
    repository.gpg_keys = {folder.write("text", "no key")};
    EXPECT_EQ(job("foreign"), refused(Reason::RepositoryConfiguration));
    EXPECT_THAT(message, AllOf(HasSubstr("repository 'rt'"), HasSubstr("rt.repo:1")));
}

TEST_F(KeysOfRepositories, AreNotNeededWithGpgcheckOff) {
    EXPECT_EQ(job("unsigned"), refused(Reason::UnsignedPackage));
    repository.gpgcheck = false;
    EXPECT_EQ(job("unsigned"), "no proof");
}

TEST_F(KeysOfRepositories, VerifyMetadataToo) {
    folder.write("www/key", maker);
    repository.gpg_keys = {server.https_url() + "/key"};
    const auto file = folder.write("repomd.xml", "<repomd/>");
    const auto command = "gpg --homedir " + (RpmFixture::get().folder() / "gnupg").string() +
                         " --batch --quiet --pinentry-mode loopback --passphrase '' --local-user maker --armor "
                         "--detach-sign " +
                         file.string() + " 2>/dev/null";
    ASSERT_EQ(std::system(command.c_str()), 0);
    Reporter reporter(daemon.socket());
    fetch::Downloader downloader(folder.path() / "cache", {}, {});
    WorkOrder order;
    order.state_dir = folder.path() / "state";
    RepositoryKeys keys(order, {}, downloader, reporter);
    keys.verify(file, folder.path() / "repomd.xml.asc", repository);
    folder.write("repomd.xml", "<repomd><data/></repomd>");
    EXPECT_THROW(keys.verify(file, folder.path() / "repomd.xml.asc", repository), Error);
}

} // namespace
} // namespace rtnode::worker
