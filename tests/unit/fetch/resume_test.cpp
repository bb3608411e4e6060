// A download that was cut off goes on where it ended, if the server still has the same file.

#include "downloading.hpp"
#include "fetch/cache_file.hpp"

namespace rtnode::fetch {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

struct Resuming : Downloading {
    std::string content;

    void SetUp() override {
        Downloading::SetUp();
        for (unsigned i = 0; content.size() < 2'000'000; ++i)
            content += fmt::format("{:08} ", i);
    }
    /// A download that its job gives up once so many bytes came.
    void cut_off(const Download& download, std::uint64_t bytes) {
        std::uint64_t done = 0;
        Downloader cut(
            cache, [&](auto now, auto) { done = now; }, [&] { return done >= bytes; }, limits);
        try {
            cut.packages({download});
            FAIL() << "it came whole";
        } catch (const Error& error) {
            EXPECT_EQ(error.reason(), Reason::Canceled);
        }
    }
    std::string slow(const std::string& name) const {
        return fmt::format("location /{} {{ limit_rate_after 600k; limit_rate 500k; }}", name);
    }
    static std::string head(const std::string& status, const std::string& fields, std::size_t length) {
        return fmt::format("HTTP/1.1 {}\r\n{}Content-Length: {}\r\nConnection: close\r\n\r\n", status, fields, length);
    }
};

TEST_F(Resuming, TheNextJobAsksOnlyForTheRest) {
    folder.write("www/a.rpm", content);
    WebServer server(folder.path() / "nginx", folder.path() / "www", slow("a.rpm"));
    const auto download = of({server.url() + "/a.rpm"}, content);
    cut_off(download, 400'000);
    EXPECT_EQ(cached().size(), 2U) << "the part and what it is of";
    const auto file = downloader().packages({download})[0];
    EXPECT_EQ(TemporaryFolder::read(file.path), content);
    EXPECT_THAT(cached(), ElementsAre(file.sha256 + ".rpm")) << "the part became the file";
    EXPECT_GE(progress.front().first, 400'000U) << "what was there counts";
    EXPECT_THAT(server.log(), HasSubstr("GET /a.rpm 206\n"));
}

TEST_F(Resuming, AFileThatChangedIsFetchedWhole) {
    folder.write("www/a.rpm", content);
    WebServer server(folder.path() / "nginx", folder.path() / "www", slow("a.rpm"));
    auto before = content;
    before[0] = 'x';
    folder.write("www/a.rpm", before);
    fs::last_write_time(folder.path() / "www/a.rpm", fs::file_time_type::clock::now() - std::chrono::hours(1));
    const auto download = of({server.url() + "/a.rpm"}, content);
    cut_off(download, 400'000);
    folder.write("www/a.rpm", content);
    EXPECT_EQ(TemporaryFolder::read(downloader().packages({download})[0].path), content);
    EXPECT_THAT(server.log(), Not(HasSubstr("206"))) << "nginx compared If-Range";
}

TEST_F(Resuming, AConnectionThatBreaksIsResumedWithinTheJob) {
    const auto half = content.size() / 2;
    RawServer server(
        {head("200 OK", "ETag: \"1\"\r\n", content.size()) + content.substr(0, half),
         head("206 Partial Content",
              fmt::format("ETag: \"1\"\r\nContent-Range: bytes {}-{}/{}\r\n", half, content.size() - 1, content.size()),
              content.size() - half) +
             content.substr(half)});
    EXPECT_EQ(TemporaryFolder::read(downloader().packages({of({server.url()}, content)})[0].path), content);
    ASSERT_EQ(server.requests().size(), 2U);
    EXPECT_THAT(server.requests()[1], HasSubstr(fmt::format("Range: bytes={}-\r\nIf-Range: \"1\"\r\n", half)));
}

TEST_F(Resuming, AServerThatSendsTheWholeFileInsteadIsRight) {
    const auto whole = head("200 OK", "ETag: \"1\"\r\n", content.size());
    RawServer server({whole + content.substr(0, 700'000), whole + content});
    EXPECT_EQ(TemporaryFolder::read(downloader().packages({of({server.url()}, content)})[0].path), content);
    EXPECT_THAT(server.requests().at(1), HasSubstr("Range: bytes=700000-"));
}

TEST_F(Resuming, NothingIsResumedWithoutAStrongValidator) {
    const auto whole = head("200 OK", "ETag: W/\"1\"\r\n", content.size());
    RawServer server({whole + content.substr(0, 700'000), whole + content});
    downloader().packages({of({server.url()}, content)});
    EXPECT_THAT(server.requests().at(1), Not(HasSubstr("Range")));
}

TEST_F(Resuming, APartThatDoesNotFitIsDroppedAndTheFileFetchedWhole) {
    const auto whole = head("200 OK", "ETag: \"1\"\r\n", content.size());
    const auto rest = [&](std::size_t from, const std::string& body) {
        return head("206 Partial Content",
                    fmt::format("Content-Range: bytes {}-{}/{}\r\n", from, from + body.size() - 1, content.size()),
                    body.size()) +
               body;
    };
    for (const auto& second :
         {rest(700'000, std::string(content.size() - 700'000, 'x')), // another file with the same tag
          rest(0, content),                                          // not what was asked for
          head("416 Range Not Satisfiable", "", 0)}) {
        fs::remove_all(cache);
        RawServer server({whole + content.substr(0, 700'000), second, whole + content});
        EXPECT_EQ(TemporaryFolder::read(downloader().packages({of({server.url()}, content)})[0].path), content);
        EXPECT_THAT(server.requests().at(2), Not(HasSubstr("Range")));
    }
}

TEST_F(Resuming, APartOfOneMirrorIsNotGluedToAnothers) {
    const auto whole = head("200 OK", "ETag: \"1\"\r\n", content.size());
    RawServer first({whole + content.substr(0, 700'000)}), second({whole + content});
    EXPECT_EQ(TemporaryFolder::read(downloader().packages({of({first.url(), second.url()}, content)})[0].path),
              content);
    EXPECT_THAT(second.requests().at(0), Not(HasSubstr("Range")));
}

TEST_F(Resuming, WhatIsNotTheFileLeavesNoPart) {
    RawServer other({head("200 OK", "ETag: \"1\"\r\n", content.size()) + std::string(content.size(), 'x')});
    EXPECT_EQ(refusal(of({other.url()}, content)).reason(), Reason::DigestMismatch);
    EXPECT_THAT(cached(), IsEmpty());
    RawServer missing({head("404 Not Found", "ETag: \"1\"\r\n", 7) + "nothing"});
    EXPECT_EQ(refusal(of({missing.url()}, content)).reason(), Reason::DownloadFailed);
    EXPECT_THAT(cached(), IsEmpty());
}

TEST_F(Resuming, AKilledWorkersPartIsTakenUpAndADamagedOneIsNot) {
    const auto name = "cache/packages/.partial-sha256-" + sha256_of(content);
    const auto half = content.size() / 2;
    const auto rest = head("206 Partial Content",
                           fmt::format("Content-Range: bytes {}-{}/{}\r\n", half, content.size() - 1, content.size()),
                           content.size() - half) +
                      content.substr(half);
    for (const bool damaged : {false, true}) {
        RawServer server({rest, head("200 OK", "", content.size()) + content});
        folder.write(name, (damaged ? std::string(half, 'x') : content.substr(0, half)));
        folder.write(name + ".from", sha256_of(server.url()) + " \"1\"\n");
        EXPECT_EQ(TemporaryFolder::read(downloader().packages({of({server.url()}, content)})[0].path), content);
        EXPECT_EQ(server.connections(), damaged ? 2U : 1U);
        fs::remove_all(cache / "packages");
    }
}

TEST_F(Resuming, APartThatAnotherWorkerHasOpenIsLeftToIt) {
    const auto part = "sha256-" + sha256_of(content);
    CacheFile other(cache / "packages", "", part);
    folder.write("www/a.rpm", content);
    WebServer server(folder.path() / "nginx", folder.path() / "www");
    const auto file = downloader().packages({of({server.url() + "/a.rpm"}, content)})[0];
    EXPECT_EQ(TemporaryFolder::read(file.path), content);
    EXPECT_EQ(other.size(), 0U);
}

} // namespace
} // namespace rtnode::fetch
