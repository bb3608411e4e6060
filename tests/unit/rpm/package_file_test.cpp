#include "fixture.hpp"
#include "rpm/package_file.hpp"

#include <gmock/gmock.h>

#include <fstream>
#include <iterator>

#include <sys/stat.h>

using namespace rtnode;
using namespace rtnode::test;
using testing::Contains;
using testing::HasSubstr;

namespace {

const RpmFixture& fixture() {
    return RpmFixture::get();
}

rpm::Keyring keys() {
    return rpm::Keyring::load({}, {fixture().key()});
}

PackageFileOnDisk read(const std::filesystem::path& file, const rpm::Keyring& keyring, rpm::TrustPolicy policy = {}) {
    return rpm::read_package(file, "what-the-caller-said.rpm", keyring, policy);
}

Reason refusal(const std::filesystem::path& file, rpm::TrustPolicy policy = {}) {
    return test::reason_of([&] { read(file, keys(), policy); });
}

std::string content_of(const std::filesystem::path& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

/// Where in the signed package the main header's summary stands.
long summary_offset() {
    return static_cast<long>(content_of(fixture().package("signed")).find("Fixture"));
}

const PackageFile& file_named(const PackageFileOnDisk& package, const std::string& path) {
    for (const auto& file : package.files)
        if (file.path == path) return file;
    throw std::runtime_error("no file " + path);
}

} // namespace

TEST(ReadPackage, TellsWhatTheHeaderSays) {
    const auto package = read(fixture().package("signed"), keys());

    EXPECT_EQ(package.nevra.str(), "sample-4:1.2-3.el9.x86_64");
    EXPECT_EQ(package.size, std::filesystem::file_size(fixture().package("signed")));
    EXPECT_EQ(package.sha256.size(), 64u);
    EXPECT_GT(package.installed_size, 200000u);
    EXPECT_GT(package.build_time, 1'600'000'000u);
    EXPECT_THAT(package.provides, testing::IsSupersetOf({"sample", "rtnode(sample)"}));
    EXPECT_EQ(package.trust, Trust::signature);
    EXPECT_EQ(package.signer, keys().keys().front().key_id);
}

TEST(ReadPackage, IdentifiesAPackageByLeadAndHeadersAsRpmOstreeDoes) {
    const auto package = read(fixture().package("signed"), keys());
    const auto content = content_of(fixture().package("signed"));
    // gzip's magic: the fixture's payload is the only thing in it that is gzip.
    ASSERT_EQ(content.substr(package.payload_offset, 2), "\x1f\x8b");
    EXPECT_NE(package.header_sha256, package.sha256);
    EXPECT_NE(package.header_sha256,
              read(fixture().package("unsigned"), keys(), {.allow_unsigned = true}).header_sha256)
        << "the signature header is part of it";
}

TEST(ReadPackage, ListsFilesAsTheHeaderStatesThem) {
    const auto package = read(fixture().package("signed"), keys());

    const auto& data = file_named(package, "/usr/share/sample/data");
    EXPECT_EQ(data.mode, S_IFREG | 04755u);
    EXPECT_EQ(data.size, 200000u);
    EXPECT_EQ(data.digest.size(), 64u);
    EXPECT_EQ(data.digest_algorithm, 8u) << "SHA-256";
    EXPECT_THAT(data.capabilities, HasSubstr("cap_net_raw"));
    EXPECT_EQ(data.user, "root");
    EXPECT_EQ(file_named(package, "/usr/share/sample/link").link_target, "data");
    EXPECT_TRUE(file_named(package, "/etc/sample.conf").config);
    EXPECT_TRUE(file_named(package, "/usr/share/sample/ghost").ghost);
    EXPECT_EQ(file_named(package, "/usr/share/sample/ghost").digest, "");
    EXPECT_TRUE(S_ISDIR(file_named(package, "/usr/share/sample").mode));
}

TEST(ReadPackage, TakesKeysFromFilesOfBothFormsAndFromTheDatabase) {
    for (const auto& keyring :
         {rpm::Keyring::load({}, {fixture().key()}), rpm::Keyring::load({}, {fixture().binary_key()}),
          rpm::Keyring::load(fixture().database(), {})})
        EXPECT_EQ(read(fixture().package("signed"), keyring).trust, Trust::signature);
}

TEST(ReadPackage, TakesSignaturesOfSubkeysAndSeveralKeysOfAFile) {
    const auto keyring = rpm::Keyring::load({}, {fixture().two_keys()});
    EXPECT_EQ(keyring.keys().size(), 2u);
    EXPECT_EQ(read(fixture().package("signed"), keyring).trust, Trust::signature);
    const auto delegated = read(fixture().package("delegated"), keyring);
    EXPECT_EQ(delegated.trust, Trust::signature);
    for (const auto& key : keyring.keys())
        EXPECT_NE(key.key_id, delegated.signer) << "the subkey signed";
}

TEST(ReadPackage, RefusesAKeyFileWithoutKey) {
    EXPECT_EQ(test::reason_of([] { rpm::Keyring::load({}, {fixture().package("signed")}); }), Reason::Configuration);
    EXPECT_EQ(test::reason_of([] { rpm::Keyring::load({}, {"/nowhere/key"}); }), Reason::Configuration);
}

TEST(ReadPackage, RefusesWhatNobodyVouchesForUnlessToldOtherwise) {
    for (const auto* name : {"unsigned", "foreign"}) {
        EXPECT_EQ(refusal(fixture().package(name)), Reason::UnsignedPackage) << name;
        EXPECT_EQ(read(fixture().package(name), keys(), {.digest_proven = true}).trust, Trust::digest) << name;
        EXPECT_EQ(read(fixture().package(name), keys(), {.allow_unsigned = true}).trust, Trust::none) << name;
    }
}

TEST(ReadPackage, SaysHowToTrustAnUnknownKey) {
    try {
        read(fixture().package("foreign"), keys());
        FAIL() << "accepted";
    } catch (const Error& error) {
        for (const auto* part : {"what-the-caller-said.rpm", "gpg-keys", "#sha256=", "allow-unsigned"})
            EXPECT_THAT(error.what(), HasSubstr(part));
    }
}

TEST(ReadPackage, NeverTakesAWrongSignature) {
    const auto changed = fixture().flipped("signed", summary_offset());
    EXPECT_EQ(refusal(changed), Reason::BadSignature);
    EXPECT_EQ(refusal(changed, {.digest_proven = true, .allow_unsigned = true}), Reason::BadSignature);
}

TEST(ReadPackage, NoticesAHeaderThatChangedWithoutASignature) {
    const auto changed = fixture().flipped("unsigned", summary_offset());
    EXPECT_EQ(refusal(changed, {.allow_unsigned = true}), Reason::DamagedPackage);
}

TEST(ReadPackage, ChecksTheWholePayload) {
    EXPECT_EQ(refusal(fixture().flipped("signed", -100)), Reason::DamagedPackage);
    EXPECT_EQ(refusal(fixture().flipped("signed", -100000)), Reason::DamagedPackage);
}

TEST(ReadPackage, NoticesTruncationWhereverItIs) {
    const auto whole = std::filesystem::file_size(fixture().package("signed"));
    for (const std::uintmax_t size :
         {std::uintmax_t{50}, std::uintmax_t{100}, std::uintmax_t{700}, whole / 2, whole - 1})
        EXPECT_EQ(refusal(fixture().cut("signed", size), {.allow_unsigned = true}), Reason::DamagedPackage) << size;
}

TEST(ReadPackage, RefusesOtherFiles) {
    EXPECT_EQ(refusal(fixture().key()), Reason::NotAPackage);
    EXPECT_EQ(refusal(fixture().cut("signed", 0)), Reason::NotAPackage);
    EXPECT_EQ(refusal(fixture().folder()), Reason::UnsafePath) << "a folder";
    EXPECT_EQ(refusal("/nowhere/x.rpm"), Reason::UnsafePath);

    const auto link = fixture().folder() / "link.rpm", fifo = fixture().folder() / "fifo.rpm";
    std::filesystem::create_symlink(fixture().package("signed"), link);
    ASSERT_EQ(mkfifo(fifo.c_str(), 0600), 0);
    EXPECT_EQ(refusal(link), Reason::UnsafePath);
    EXPECT_EQ(refusal(fifo), Reason::UnsafePath) << "and without waiting for a writer";
}

TEST(ReadPackage, RefusesAnotherArchitecture) {
    EXPECT_EQ(refusal(fixture().package("other-arch")), Reason::WrongArchitecture);
}
