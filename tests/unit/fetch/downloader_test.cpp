// Downloads: whole and right, or not at all.

#include "downloading.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace rtnode::fetch {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST_F(Downloading, SeveralPackagesKeepsTheirOrderAndCountsTheirBytes) {
    folder.write("www/a.rpm", std::string(300000, 'a'));
    folder.write("www/b.rpm", "bb");
    WebServer server(folder.path() / "nginx", folder.path() / "www");
    const auto files = downloader().packages(
        {of({server.url() + "/a.rpm"}, std::string(300000, 'a')), of({server.url() + "/b.rpm"}, "bb")});
    ASSERT_EQ(files.size(), 2U);
    EXPECT_EQ(files[0].sha256, sha256_of(std::string(300000, 'a')));
    EXPECT_EQ(files[0].path, cache / "packages" / (files[0].sha256 + ".rpm"));
    EXPECT_EQ(TemporaryFolder::read(files[1].path), "bb");
    EXPECT_EQ(files[1].url, server.url() + "/b.rpm");
    EXPECT_EQ(progress.back(), (std::pair<std::uint64_t, std::uint64_t>{300002, 300002}));
    EXPECT_EQ(cached().size(), 2U) << "no temporary file stays";
}

TEST_F(Downloading, WhatIsInTheCacheCostsNoRequest) {
    folder.write("www/a.rpm", "content");
    const auto download = [&](const std::string& url) {
        auto result = of({url}, "content");
        return result;
    };
    WebServer server(folder.path() / "nginx", folder.path() / "www");
    downloader().packages({download(server.url() + "/a.rpm")});
    const auto again = downloader().packages({download("http://127.0.0.1:1/unreachable")});
    EXPECT_TRUE(again[0].from_cache);
    EXPECT_EQ(TemporaryFolder::read(again[0].path), "content");
}

TEST_F(Downloading, ACopyKnownByAnotherChecksumTypeIsFoundAgain) {
    const std::string sha512 =
        "b2d1d285b5199c85f988d03649c37e44fd3dde01e5d69c50fef90651962f48110e9340b60d49a479c4c0b53f5"
        "f07d690686dd87d2481937a512e8b85ee7c617f";
    folder.write("www/a.rpm", "content");
    WebServer server(folder.path() / "nginx", folder.path() / "www");
    auto download = of({server.url() + "/a.rpm"}, "content");
    download.checksum = {"sha512", sha512};
    const auto first = downloader().packages({download})[0];
    download.urls = {"http://127.0.0.1:1/unreachable"};
    const auto second = downloader().packages({download})[0];
    EXPECT_TRUE(second.from_cache);
    EXPECT_EQ(first.path, cache / "packages" / (sha256_of("content") + ".rpm"));
    EXPECT_EQ(second.path, first.path);
}

TEST_F(Downloading, ADamagedCopyInTheCacheIsFetchedAnew) {
    folder.write("www/a.rpm", "content");
    WebServer server(folder.path() / "nginx", folder.path() / "www");
    const auto path = downloader().packages({of({server.url() + "/a.rpm"}, "content")})[0].path;
    std::ofstream(path) << "damaged";
    const auto again = downloader().packages({of({server.url() + "/a.rpm"}, "content")})[0];
    EXPECT_FALSE(again.from_cache);
    EXPECT_EQ(TemporaryFolder::read(path), "content");
}

TEST_F(Downloading, ANotFoundNamesUrlAndStatusWithoutSecrets) {
    folder.write("www/a.rpm", "content");
    WebServer server(folder.path() / "nginx", folder.path() / "www");
    auto url = server.url() + "/missing.rpm?token=hidden";
    url.insert(std::string("http://").size(), "me:secret@");
    const auto error = refusal(of({url}));
    EXPECT_EQ(error.reason(), Reason::DownloadFailed);
    EXPECT_THAT(error.what(),
                HasSubstr("package 'x' can't be downloaded: " + server.url() + "/missing.rpm: HTTP status 404"));
    EXPECT_THAT(error.what(), Not(HasSubstr("secret")));
    EXPECT_THAT(error.what(), Not(HasSubstr("hidden")));
    EXPECT_TRUE(cached().empty());
}

TEST_F(Downloading, TriesTheNextUrlThenGivesAllFailures) {
    folder.write("www/a.rpm", "content");
    folder.write("www/old.rpm", "older");
    WebServer server(folder.path() / "nginx", folder.path() / "www");
    const auto files = downloader().packages(
        {of({"http://127.0.0.1:1/a.rpm", server.url() + "/old.rpm", server.url() + "/a.rpm"}, "content")});
    EXPECT_EQ(files[0].url, server.url() + "/a.rpm");
    const auto error = refusal(of({server.url() + "/1", server.url() + "/2"}));
    EXPECT_THAT(error.what(), HasSubstr("/1: HTTP status 404; "));
    EXPECT_THAT(error.what(), HasSubstr("/2: HTTP status 404; "));
}

TEST_F(Downloading, AWrongDigestIsRefusedWithBoth) {
    folder.write("www/a.rpm", "c0ntent");
    WebServer server(folder.path() / "nginx", folder.path() / "www");
    const auto error = refusal(of({server.url() + "/a.rpm"}, "content"));
    EXPECT_EQ(error.reason(), Reason::DigestMismatch);
    EXPECT_THAT(error.what(), HasSubstr(sha256_of("c0ntent")));
    EXPECT_THAT(error.what(), HasSubstr(sha256_of("content")));
    EXPECT_TRUE(cached().empty());
}

TEST_F(Downloading, ATransientFailureIsTriedAgainSeveralTimes) {
    RawServer recovers({"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
                        "HTTP/1.1 429 Slow down\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
                        answer("content", 7)});
    EXPECT_EQ(downloader().packages({of({recovers.url()}, "content")})[0].size, 7U);
    EXPECT_EQ(recovers.connections(), 3U);
    RawServer stays({"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"});
    EXPECT_THAT(refusal(of({stays.url()})).what(), HasSubstr("HTTP status 503"));
    EXPECT_EQ(stays.connections(), limits.rounds);
}

TEST_F(Downloading, ABodyThatEndsEarlyIsNoPackage) {
    RawServer server({answer("conte", 7)});
    EXPECT_EQ(refusal(of({server.url()})).reason(), Reason::DownloadFailed);
    EXPECT_TRUE(cached().empty());
    RawServer recovers({answer("conte", 7), answer("content", 7)});
    EXPECT_EQ(TemporaryFolder::read(downloader().packages({of({recovers.url()}, "content")})[0].path), "content")
        << "begun anew, not glued together";
}

TEST_F(Downloading, AnEndlessBodyIsCutOffAtItsLimit) {
    RawServer server({"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n…"});
    auto download = of({server.url()}, "content");
    EXPECT_THAT(refusal(download).what(), HasSubstr("more than the 7 bytes"));
    download = of({server.url()});
    download.max_size = 100000;
    EXPECT_THAT(refusal(download).what(), HasSubstr("more than the 100000 bytes"));
    RawServer of_errors({"HTTP/1.1 404 Not Found\r\nConnection: close\r\n\r\n…"});
    EXPECT_THAT(refusal(of({of_errors.url()})).what(), HasSubstr("HTTP status 404"));
    EXPECT_TRUE(cached().empty());
}

TEST_F(Downloading, AServerThatStallsIsGivenUp) {
    limits.rounds = 1;
    limits.low_speed_s = 1;
    RawServer server({answer("conte", 7) + "|"});
    EXPECT_EQ(refusal(of({server.url()}, "content")).reason(), Reason::DownloadFailed);
}

TEST_F(Downloading, EveryKindOfLiarIsPassedOverForTheNextMirror) {
    folder.write("www/a.rpm", "content");
    folder.write("www/slow.rpm", std::string(100000, 'x'));
    WebServer server(folder.path() / "nginx", folder.path() / "www", "location /slow.rpm { limit_rate 100; }");
    RawServer stalls({answer("con", 7) + "|"}), endless({"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n…"}),
        drops({answer("con", 7)}), longer({answer("contents", 8)}), shorter({answer("conten", 6)}),
        other({answer("c0ntent", 7)}),
        partial({"HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 0-6/7\r\n"
                 "Content-Length: 7\r\nConnection: close\r\n\r\ncontent"}),
        talks({"220 smtp.example.com ESMTP\r\n"}), silent({"|"});
    limits.low_speed_s = 2; // for the good one on a busy machine, too
    auto slow = of({server.url() + "/slow.rpm", server.url() + "/a.rpm"}, "content");
    slow.size.reset(); // nginx's own answer would be refused by its length
    EXPECT_EQ(downloader().packages({slow})[0].url, server.url() + "/a.rpm");
    for (const auto* liar : {&stalls, &endless, &drops, &longer, &shorter, &other, &partial, &talks, &silent}) {
        fs::remove_all(cache);
        const auto file = downloader().packages({of({liar->url(), server.url() + "/a.rpm"}, "content")})[0];
        EXPECT_EQ(TemporaryFolder::read(file.path), "content");
        EXPECT_EQ(file.url, server.url() + "/a.rpm");
        EXPECT_EQ(cached().size(), 1U);
    }
}

TEST_F(Downloading, CanBeCanceledWhileItRuns) {
    RawServer server({answer("conte", 7) + "|"});
    auto canceled = downloader([&] { return server.connections() > 0; });
    try {
        canceled.packages({of({server.url()}, "content")});
        FAIL();
    } catch (const Error& error) {
        EXPECT_EQ(error.reason(), Reason::Canceled);
    }
    EXPECT_TRUE(cached().empty());
}

TEST_F(Downloading, FollowsRedirectsToHttpsButNeverBack) {
    folder.write("www/a.rpm", "content");
    WebServer end(folder.path() / "end", folder.path() / "www");
    WebServer server(folder.path() / "nginx", folder.path() / "www",
                     fmt::format("location /up {{ return 302 {}/a.rpm; }} location /down {{ return 302 {}/a.rpm; }}"
                                 "location /file {{ return 302 file:///etc/passwd; }}"
                                 "location /loop {{ return 302 /loop; }}",
                                 end.https_url(), end.url()));
    auto up = of({server.url() + "/up"}, "content");
    up.access.ca_cert = end.certificate();
    EXPECT_EQ(downloader().packages({up})[0].url, end.https_url() + "/a.rpm");
    auto down = of({server.https_url() + "/down"});
    down.access.ca_cert = server.certificate();
    EXPECT_THAT(refusal(down).what(), HasSubstr("leaves https"));
    EXPECT_THAT(refusal(of({server.url() + "/file"})).what(), HasSubstr("neither http nor https"));
    EXPECT_THAT(refusal(of({server.url() + "/loop"})).what(), HasSubstr("after 5 redirects"));
    // http → https → http, too.
    WebServer before(folder.path() / "before", folder.path() / "www",
                     fmt::format("location /chain {{ return 302 {}/down; }}", server.https_url()));
    auto chain = of({before.url() + "/chain"});
    chain.access.ca_cert = server.certificate();
    EXPECT_THAT(refusal(chain).what(), HasSubstr("leaves https"));
}

TEST_F(Downloading, BelievesOnlyAKnownServer) {
    folder.write("www/a.rpm", "content");
    WebServer server(folder.path() / "nginx", folder.path() / "www");
    auto download = of({server.https_url() + "/a.rpm"}, "content");
    const auto error = refusal(download);
    EXPECT_EQ(error.reason(), Reason::DownloadFailed);
    EXPECT_THAT(error.what(), HasSubstr("CA certificate"));
    download.access.verify = false;
    EXPECT_EQ(downloader().packages({download})[0].size, 7U);
}

TEST_F(Downloading, TakesFileUrlsByTheRulesForLocalFiles) {
    const auto file = folder.write("a.rpm", "content");
    EXPECT_EQ(downloader().packages({of({"file://" + file.string()}, "content")})[0].size, 7U);
    fs::create_symlink(file, folder.path() / "link.rpm");
    const auto error = refusal(of({"file://" + (folder.path() / "link.rpm").string()}));
    EXPECT_EQ(error.reason(), Reason::DownloadFailed);
    EXPECT_THAT(error.what(), HasSubstr("a symbolic link"));
}

TEST_F(Downloading, RefusesWeakChecksums) {
    auto download = of({"http://127.0.0.1:1/a.rpm"});
    download.checksum = {"md5", std::string(32, 'a')};
    EXPECT_EQ(refusal(download).reason(), Reason::RepositoryMetadata);
}

TEST_F(Downloading, RemovesWhatAKilledWorkerLeftBehindLongAgo) {
    const auto old = folder.write("cache/packages/.incoming-1-2", "part"),
               young = folder.write("cache/packages/.incoming-3-4", "part");
    fs::last_write_time(old, fs::file_time_type::clock::now() - std::chrono::hours(25));
    downloader().packages({});
    EXPECT_FALSE(fs::exists(old));
    EXPECT_TRUE(fs::exists(young));
}

TEST_F(Downloading, AnUnusableCacheFolderIsNamed) {
    folder.write("cache", "in the way");
    EXPECT_THAT(refusal(of({"http://127.0.0.1:1/a.rpm"})).what(), HasSubstr((cache / "packages").string()));
}

} // namespace
} // namespace rtnode::fetch
