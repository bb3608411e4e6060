// What callers may name as a package, and what of a URL others get to see.

#include "fetch/url.hpp"
#include "state/error.hpp"

#include <gtest/gtest.h>

namespace rtnode::fetch {
namespace {

using Kind = PackageInput::Kind;
const std::string digest(64, 'a');

Reason reason_of_refusal(const std::string& text) {
    try {
        parse_package_input(text);
    } catch (const Error& error) {
        return error.reason();
    }
    return Reason::Internal;
}

TEST(PackageInput, IsAUrlAPathADescriptorOrAName) {
    EXPECT_EQ(parse_package_input("https://host/x.rpm").kind, Kind::url);
    EXPECT_EQ(parse_package_input("HTTP://host:8080/x.rpm").kind, Kind::url);
    EXPECT_EQ(parse_package_input("/tmp/x.rpm").kind, Kind::path);
    EXPECT_EQ(parse_package_input("fd:3").kind, Kind::descriptor);
    EXPECT_EQ(parse_package_input("fd:3").descriptor, 3U);
    EXPECT_EQ(parse_package_input("kernel-rt-core-4:4.18.0-147.rt24.93.el8.x86_64").kind, Kind::name);
}

TEST(PackageInput, OfAFileUrlIsItsDecodedPath) {
    const auto input = parse_package_input("file:///tmp/with%20blank.rpm#sha256=" + digest);
    EXPECT_EQ(input.kind, Kind::path);
    EXPECT_EQ(input.value, "/tmp/with blank.rpm");
    EXPECT_EQ(input.sha256, digest);
    EXPECT_EQ(parse_package_input("file://localhost/x.rpm").value, "/x.rpm");
}

TEST(PackageInput, TakesADigestInUpperCaseToo) {
    EXPECT_EQ(parse_package_input("https://host/x.rpm#sha256=" + std::string(64, 'A')).sha256, digest);
    EXPECT_EQ(parse_package_input("/tmp/x.rpm#sha256=" + digest).value, "/tmp/x.rpm");
}

TEST(PackageInput, KeepsAHashThatBelongsToAPath) {
    EXPECT_EQ(parse_package_input("/tmp/a#b.rpm").value, "/tmp/a#b.rpm");
}

TEST(PackageInput, OfOtherFormsIsRefused) {
    for (const std::string text :
         {"", "x/y.rpm", "./x.rpm", "ftp://host/x.rpm", "https:///x.rpm", "https://user@/x.rpm", "https://host/a b.rpm",
          "https://host/x.rpm#md5=0", "https://host/x.rpm#sha256=12", "https://host/x.rpm#sha256=", "fd:", "fd:x",
          "fd:-1", "file://host/x.rpm", "file:///%zz", "file:///a%00b", "/tmp/a\nb.rpm"})
        EXPECT_EQ(reason_of_refusal(text), Reason::InvalidArgument) << text;
    EXPECT_EQ(reason_of_refusal("https://host/x#sha256=" + std::string(63, 'a') + "g"), Reason::InvalidArgument);
}

TEST(PackageInput, IsRefusedWithoutShowingSecrets) {
    try {
        parse_package_input("https://me:secret@host/x.rpm?token=hidden#md5=1");
        FAIL();
    } catch (const Error& error) {
        EXPECT_EQ(std::string(error.what()).find("secret"), std::string::npos);
        EXPECT_EQ(std::string(error.what()).find("hidden"), std::string::npos);
    }
}

TEST(Redacted, CutsUserinfoQueryAndFragment) {
    EXPECT_EQ(redacted("https://me:secret@host:81/a/b.rpm?token=x#sha256=0"), "https://host:81/a/b.rpm");
    EXPECT_EQ(redacted("https://host/a@b.rpm"), "https://host/a@b.rpm");
    EXPECT_EQ(redacted("https://a@b@host/x"), "https://host/x");
    EXPECT_EQ(redacted("https://host?q@x"), "https://host");
    EXPECT_EQ(redacted("/tmp/x.rpm"), "/tmp/x.rpm");
}

TEST(Joined, AppendsAReferenceToABase) {
    EXPECT_EQ(joined("http://host/repo", "repodata/repomd.xml"), "http://host/repo/repodata/repomd.xml");
    EXPECT_EQ(joined("http://host/repo//", "/a.rpm"), "http://host/repo/a.rpm");
    EXPECT_EQ(joined("http://host/repo/?token=1", "a.rpm"), "http://host/repo/a.rpm?token=1");
    EXPECT_EQ(joined("http://host/repo", "https://other/a.rpm"), "https://other/a.rpm");
}

} // namespace
} // namespace rtnode::fetch
