// Who gets to see a repository's secrets, and which way requests go.

#include "downloading.hpp"

namespace rtnode::fetch {
namespace {

using testing::HasSubstr;
using testing::Not;

struct Reaching : Downloading {
    void SetUp() override {
        Downloading::SetUp();
        folder.write("www/a.rpm", "content");
    }
    Download with_access(const std::string& url, const Access& access) {
        auto download = of({url}, "content");
        download.access = access;
        return download;
    }
    /// "me:secret" as nginx wants it.
    std::string guarded() {
        const auto passwords = folder.write("passwords", "me:{PLAIN}secret\n");
        return fmt::format("location / {{ auth_basic x; auth_basic_user_file {}; }}", passwords.string());
    }
    std::uint64_t size_of(const Download& download) { return downloader().packages({download})[0].size; }
};

TEST_F(Reaching, APasswordIsForTheServersOfTheRepository) {
    WebServer server(folder.path() / "nginx", folder.path() / "www", guarded());
    Repository repository;
    repository.base_urls = {server.url() + "/"};
    EXPECT_THAT(refusal(with_access(server.url() + "/a.rpm", access_of(repository))).what(),
                testing::AllOf(HasSubstr("HTTP status 401"), HasSubstr("username, password")));
    repository.username = "me";
    repository.password = "secret";
    EXPECT_EQ(size_of(with_access(server.url() + "/a.rpm", access_of(repository))), 7U);

    RawServer stranger({answer("content", 7)});
    fs::remove_all(cache);
    size_of(with_access(stranger.url(), access_of(repository)));
    EXPECT_THAT(stranger.requests().at(0), Not(HasSubstr("Authorization")));
}

TEST_F(Reaching, APasswordIsNotForWhereTheServerRedirectsTo) {
    RawServer stranger({answer("content", 7)});
    WebServer server(folder.path() / "nginx", folder.path() / "www",
                     fmt::format("location /away {{ return 302 {}; }}", stranger.url()));
    Repository repository;
    repository.base_urls = {server.url()};
    repository.username = "me";
    repository.password = "secret";
    EXPECT_EQ(size_of(with_access(server.url() + "/away", access_of(repository))), 7U);
    EXPECT_THAT(stranger.requests().at(0), Not(HasSubstr("Authorization")));
}

TEST_F(Reaching, AClientsCertificateIsShownWhereItIsWanted) {
    WebServer server(folder.path() / "nginx", folder.path() / "www",
                     fmt::format("ssl_verify_client optional; ssl_client_certificate {}/nginx/certificate.pem;"
                                 "if ($ssl_client_verify != SUCCESS) {{ return 403; }}",
                                 folder.path().string()));
    Repository repository;
    repository.base_urls = {server.https_url()};
    repository.ssl_ca_cert = server.certificate();
    EXPECT_THAT(refusal(with_access(server.https_url() + "/a.rpm", access_of(repository))).what(),
                HasSubstr("HTTP status 403"));
    repository.ssl_client_cert = server.certificate();
    repository.ssl_client_key = server.key();
    EXPECT_EQ(size_of(with_access(server.https_url() + "/a.rpm", access_of(repository))), 7U);
    repository.ssl_client_key = "/nowhere/client.key";
    fs::remove_all(cache);
    EXPECT_THAT(refusal(with_access(server.https_url() + "/a.rpm", access_of(repository))).what(),
                testing::AllOf(HasSubstr("/nowhere/client.key"), HasSubstr("sslclientkey")));
    repository.ssl_client_key.clear();
    repository.ssl_client_cert.clear();
    repository.ssl_ca_cert = "/nowhere/ca.pem";
    EXPECT_THAT(refusal(with_access(server.https_url() + "/a.rpm", access_of(repository))).what(),
                testing::AllOf(HasSubstr("/nowhere/ca.pem"), HasSubstr("sslcacert")));
}

TEST_F(Reaching, AStapledStatusIsWantedOnlyWhenAskedFor) {
    WebServer server(folder.path() / "nginx", folder.path() / "www");
    Repository repository;
    repository.ssl_ca_cert = server.certificate();
    repository.ssl_verify_status = true;
    EXPECT_EQ(refusal(with_access(server.https_url() + "/a.rpm", access_of(repository))).reason(),
              Reason::DownloadFailed);
    repository.ssl_verify_status = false;
    EXPECT_EQ(size_of(with_access(server.https_url() + "/a.rpm", access_of(repository))), 7U);
}

TEST_F(Reaching, AProxyIsUsedForHttpAndHttps) {
    WebServer server(folder.path() / "nginx", folder.path() / "www");
    const ProxyServer proxy(folder.path() / "proxy", "you", "pass");
    Repository repository;
    repository.proxy = proxy.url();
    repository.ssl_ca_cert = server.certificate();
    EXPECT_THAT(refusal(with_access(server.url() + "/a.rpm", access_of(repository))).what(),
                testing::AllOf(HasSubstr("407"), HasSubstr("proxy_username")));
    EXPECT_THAT(refusal(with_access(server.https_url() + "/a.rpm", access_of(repository))).what(), HasSubstr("407"));
    repository.proxy_username = "you";
    repository.proxy_password = "pass";
    EXPECT_EQ(size_of(with_access(server.url() + "/a.rpm", access_of(repository))), 7U);
    fs::remove_all(cache);
    EXPECT_EQ(size_of(with_access(server.https_url() + "/a.rpm", access_of(repository))), 7U);
    EXPECT_THAT(proxy.log(), testing::AllOf(HasSubstr("GET " + server.url()), HasSubstr("CONNECT localhost:")));
}

TEST_F(Reaching, AProxyOfTheEnvironmentDoesNotCount) {
    WebServer server(folder.path() / "nginx", folder.path() / "www");
    setenv("http_proxy", "http://127.0.0.1:1", 1);
    EXPECT_EQ(size_of(of({server.url() + "/a.rpm"}, "content")), 7U);
    unsetenv("http_proxy");
}

TEST_F(Reaching, AServerThatFailedComesLastForTheNextFile) {
    folder.write("www/b.rpm", "other");
    WebServer good(folder.path() / "nginx", folder.path() / "www");
    RawServer bad({"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"});
    auto both = downloader();
    both.packages({of({bad.url(), good.url() + "/a.rpm"}, "content")});
    both.packages({of({bad.url(), good.url() + "/b.rpm"}, "other")});
    EXPECT_EQ(bad.connections(), 1U);
}

} // namespace
} // namespace rtnode::fetch
