// The how-to's web server in one command: a DVD image becomes repositories of this node, and by the shipped nginx
// configuration those of others.

#include "node_on_the_bus.hpp"

#include <fmt/format.h>

#include <sys/socket.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <unistd.h>

#include <regex>

namespace fs = std::filesystem;
using namespace rtnode::test;
using rtnode::tests::made_node;
using testing::AllOf;
using testing::Contains;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

namespace {

class Repository : public NodeOnTheBus {
  protected:
    Repository() { fs::remove_all(temp.path / "config/repos.d"); } // the medium is all that there is

    /// A real image in the layout of a distribution's DVD, of the throwaway node's repositories.
    std::string burn() const {
        const auto image = (temp.path / "dvd.iso").string();
        const auto made =
            run({"xorriso", "-as", "mkisofs", "-r", "-J", "-o", image, "-graft-points",
                 "RT=" + (made_node() / "repo").string(), "AppStream=" + (made_node() / "repo2").string()});
        EXPECT_EQ(made.status, 0) << made.out;
        return image;
    }

    /// The shipped configuration, with this test's folders and a free port, as the unit runs it: by nobody.
    void serve() {
        std::ostringstream shipped;
        shipped << std::ifstream(NGINX_CONF).rdbuf();
        auto text = shipped.str();
        const auto put = [&](const char* what, const std::string& with) {
            ASSERT_TRUE(std::regex_search(text, std::regex(what))) << what;
            text = std::regex_replace(text, std::regex(what), with);
        };
        const auto run_folder = temp.path / "run";
        fs::create_directory(run_folder);
        ASSERT_EQ(chown(run_folder.c_str(), 65534, 65534), 0);
        port = free_port();
        put("/run/rtnode-repo", run_folder.string());
        put("/var/lib/rtnode/repos", (temp.path / "state/repos").string());
        put("/usr/share/rtnode/scripts", SCRIPTS);
        put("listen 8000;", "listen 127.0.0.1:" + std::to_string(port) + ";");
        put("listen \\[::\\]:8000;", "");
        std::ofstream(temp.path / "nginx.conf") << text;
        nginx = std::make_unique<Process>(Words{"setpriv", "--reuid=65534", "--regid=65534", "--clear-groups",
                                                "--no-new-privs", "--bounding-set=-all", "/usr/sbin/nginx", "-e",
                                                "stderr", "-c", (temp.path / "nginx.conf").string()},
                                          temp.path / "nginx.log");
        EXPECT_EQ(run({"curl", "-sS", "--retry", "20", "--retry-connrefused", "--retry-delay", "1", "-o", "/dev/null",
                       url("")})
                      .status,
                  0)
            << file("nginx.log");
    }
    std::string url(const std::string& path) const { return fmt::format("http://127.0.0.1:{}/{}", port, path); }
    Ran curl(Words words) const {
        words.insert(words.begin(), {"curl", "-sS"});
        return run(words);
    }
    std::string status_of(const std::string& path) const {
        return curl({"-o", "/dev/null", "-w", "%{http_code}", url(path)}).out;
    }

    static int free_port() {
        const int probe = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof address;
        EXPECT_EQ(bind(probe, reinterpret_cast<sockaddr*>(&address), size), 0);
        getsockname(probe, reinterpret_cast<sockaddr*>(&address), &size);
        close(probe);
        return ntohs(address.sin_port);
    }

    int port = 0;
    std::unique_ptr<Process> nginx;
};

} // namespace

TEST_F(Repository, ADvdImageIsImportedListedServedAndOverriddenFrom) {
    start();
    EXPECT_THAT(rtnodectl({"repo", "list"}).out, HasSubstr("No repository is enabled"));
    const auto image = burn();
    const auto imported = rtnodectl({"repo", "import", image, "dvd"});
    ASSERT_EQ(imported.status, 0) << imported.out;
    EXPECT_THAT(imported.out, AllOf(HasSubstr("Copying packages... done"), HasSubstr("dvd-RT: 9 packages")));
    const auto list = rtnodectl({"repo", "list"});
    EXPECT_THAT(list.out,
                AllOf(HasSubstr("dvd-AppStream"), HasSubstr("file://" + (temp.path / "state/repos/dvd/RT").string())));

    // This node, by file://. The packages' signatures are checked as ever.
    const auto changed = rtnodectl({"override", "--replace", "rtnode-tools"});
    EXPECT_EQ(changed.status, 0) << changed.out;
    EXPECT_THAT(node.packages(0), Contains(StartsWith("rtnode-tools-1.1")));

    // Other nodes, by http.
    serve();
    EXPECT_THAT(curl({url("dvd/")}).out, AllOf(HasSubstr("RT/"), HasSubstr("AppStream/"), Not(HasSubstr(".local"))));
    EXPECT_EQ(status_of("dvd/.local.repo"), "404") << "this node's own";
    EXPECT_EQ(status_of("dvd/RT/repodata/repomd.xml"), "200");
    EXPECT_EQ(status_of("../jobs/1.json"), "404");
    EXPECT_EQ(status_of("scripts/real-time.sh"), "200");
    const auto package = "dvd/AppStream/" + nevra_of("rtnode-tools") + ".rpm";
    EXPECT_EQ(curl({"-o", (temp.path / "part").string(), "-w", "%{http_code}", "-r", "100-199", url(package)}).out,
              "206");
    EXPECT_EQ(fs::file_size(temp.path / "part"), 100U);

    // Another node with that server as its repository.
    fs::create_directories(temp.path / "config/repos.d");
    std::ofstream(temp.path / "config/repos.d/server.repo")
        << "[server]\nname=server\nbaseurl=" << url("dvd/RT") << "\npriority=1\n";
    daemon->signal(SIGHUP);
    const auto plan = rtnodectl({"--json", "override", "--kernel", "rt", "--dry-run"});
    ASSERT_EQ(plan.status, 0) << plan.out;
    EXPECT_THAT(plan.out, HasSubstr("\"source\": \"server\""));
}

TEST_F(Repository, AFolderReplacesWhatWasImportedBefore) {
    start();
    ASSERT_EQ(rtnodectl({"repo", "import", (made_node() / "repo2").string(), "site"}).status, 0);
    EXPECT_THAT(rtnodectl({"repo", "list"}).out, StartsWith("site  site\n"));
    const auto again = rtnodectl({"--json", "repo", "import", (made_node() / "repo").string(), "site"});
    ASSERT_EQ(again.status, 0) << again.out;
    EXPECT_THAT(again.out, HasSubstr("\"replaced\": true"));
    EXPECT_EQ(rtnodectl({"override", "--kernel", "rt", "--dry-run"}).status, 0);
    EXPECT_THAT(rtnodectl({"override", "--replace", "rtnode-tools"}).out,
                HasSubstr("no enabled repository has a package 'rtnode-tools'"));
}

TEST_F(Repository, AKilledImportLeavesWhatWasThere) {
    start("before-publish");
    const auto killed = rtnodectl({"repo", "import", (made_node() / "repo2").string(), "site"});
    EXPECT_EQ(killed.status, 1) << killed.out;
    EXPECT_FALSE(fs::exists(temp.path / "state/repos/site"));
    EXPECT_TRUE(fs::exists(temp.path / "state/import/repodata"));
    stop_daemon();
    start(); // cleans up
    EXPECT_EQ(rtnodectl({"repo", "import", (made_node() / "repo2").string(), "site"}).status, 0);
    EXPECT_FALSE(fs::exists(temp.path / "state/import"));
    EXPECT_TRUE(fs::exists(temp.path / "state/repos/site/repodata/repomd.xml"));
}

TEST_F(Repository, WhatIsWrongWithTheArgumentsIsSaidAtOnce) {
    start();
    EXPECT_THAT(rtnodectl({"repo", "import", "/tmp", ".."}).out, HasSubstr("can't be the name"));
    EXPECT_THAT(call({"/org/rtnode1", "org.rtnode1.Manager", "ImportRepository", "ssa{sv}", "dvd.iso", "a", "0"}).out,
                HasSubstr("no absolute path"));
    const auto none = rtnodectl({"repo", "import", (made_node() / "keys").string(), "keys"});
    EXPECT_EQ(none.status, 1);
    EXPECT_THAT(none.out, HasSubstr("has no rpm-md repository"));
}
