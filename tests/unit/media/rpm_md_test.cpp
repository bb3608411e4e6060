#include "fixture.hpp"

#include "media/rpm_md.hpp"
#include "state/error.hpp"

#include <gmock/gmock.h>

namespace rtnode::media {
namespace {

using testing::HasSubstr;

struct RpmMd : testing::Test {
    TempFolder temp;

    std::string refusal(const std::string& text) {
        write(temp.path / "x.xml", text);
        try {
            read_primary(temp.path / "x.xml");
        } catch (const Error& error) {
            EXPECT_EQ(error.reason(), Reason::RepositoryMetadata);
            return error.what();
        }
        return "taken";
    }
    static std::string package(const std::string& href, const std::string& type = "sha256",
                               const std::string& sum = std::string(64, 'a')) {
        return "<metadata><package><checksum type=\"" + type + "\">" + sum + "</checksum><location href=\"" + href +
               "\"/></package></metadata>";
    }
};

} // namespace

TEST_F(RpmMd, AnIndexNamesItsFilesAndPrimaryItsPackages) {
    make_repository(temp.path, {{"Packages/a-1-1.noarch.rpm", "one"}, {"b-1-1.noarch.rpm", "two!"}});
    const auto index = read_repomd(temp.path / "repodata/repomd.xml");
    ASSERT_EQ(index.files.size(), 2U) << "all of them, groups too";
    EXPECT_EQ(index.primary.path, "repodata/primary.xml.gz");
    EXPECT_EQ(index.primary.size, read(temp.path / "repodata/primary.xml.gz").size());
    const auto packages = read_primary(temp.path / index.primary.path);
    ASSERT_EQ(packages.size(), 2U);
    EXPECT_EQ(packages[0].path, "Packages/a-1-1.noarch.rpm");
    EXPECT_EQ(packages[0].checksum, sha256("one"));
    EXPECT_EQ(packages[1].size, 4U);
}

TEST_F(RpmMd, ReadsEveryCompressionThatRepositoriesUse) {
    make_repository(temp.path, {{"a.rpm", "one"}});
    ASSERT_TRUE(ran("cd " + temp.path.string() +
                    "/repodata && gzip -dk primary.xml.gz && xz -k primary.xml && "
                    "zstd -q primary.xml && bzip2 -k primary.xml"));
    for (const auto* end : {"", ".gz", ".xz", ".zst", ".bz2"})
        EXPECT_EQ(read_primary(temp.path / "repodata" / ("primary.xml" + std::string(end))).size(), 1U) << end;
}

TEST_F(RpmMd, WhatLeadsOutOrProvesNothingIsRefused) {
    EXPECT_EQ(refusal(package("Packages/a.rpm")), "taken");
    for (const auto* path : {"../a.rpm", "/etc/passwd", "a/../../b", "a//b", "./a", ""})
        EXPECT_THAT(refusal(package(path)), HasSubstr("not one below the repository")) << path;
    EXPECT_THAT(refusal(package("a.rpm", "sha", std::string(40, 'a'))), HasSubstr("only sha224 to sha512"));
    EXPECT_THAT(refusal(package("a.rpm", "sha256", "abc")), HasSubstr("malformed checksum"));
    EXPECT_THAT(refusal("<metadata><package>"), HasSubstr("no well-formed XML (line 1"));
    EXPECT_THAT(refusal("<html></html>"), HasSubstr("is no metadata"));
    write(temp.path / "repomd.xml", "<repomd></repomd>");
    EXPECT_THROW(read_repomd(temp.path / "repomd.xml"), Error);
}

TEST_F(RpmMd, PackagesOfElsewhereAreNotOfThisMedium) {
    write(temp.path / "x.xml", "<metadata><package><checksum type=\"sha256\">" + std::string(64, 'a') +
                                   "</checksum><location xml:base=\"media://2\" href=\"a.rpm\"/></package></metadata>");
    EXPECT_TRUE(read_primary(temp.path / "x.xml").empty());
}

} // namespace rtnode::media
