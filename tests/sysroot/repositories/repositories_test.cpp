// .repo files as people have them, a real nginx, the real worker.

#include "config/settings.hpp"
#include "node.hpp"
#include "worker_run.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <algorithm>
#include <fstream>
#include <iterator>

namespace fs = std::filesystem;
using namespace rtnode;
using namespace rtnode::tests;
using testing::AllOf;
using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

namespace {

struct Repositories : testing::Test {
    TestNode node;
    fs::path configuration = node.folder / "configuration";

    void write(const std::string& name, const std::string& text) const {
        fs::create_directories((configuration / name).parent_path());
        std::ofstream(configuration / name) << text;
    }
    /// The order that rtnoded would give with this configuration.
    WorkOrder order(Request request) const {
        auto order = node.order(std::move(request));
        order.repositories = config::load(config::Sources::in(configuration)).repositories;
        return order;
    }
    /// A repository of one package file, by the real createrepo_c. Its URL.
    std::string repository_of(const fs::path& package) const {
        const auto folder = node.folder / ("repository-" + package.stem().string());
        fs::create_directories(folder);
        fs::copy(package, folder / package.filename());
        output_of({"createrepo_c", "--quiet", folder.string()});
        return "file://" + folder.string();
    }
    static Request real_time() {
        Request request;
        request.kernel = "rt";
        request.dry_run = true;
        return request;
    }
    static std::string ca() { return (made_node() / "keys/ca.pem").string(); }
    static std::string key(const std::string& which) { return facts().at("keys").at(which); }
};

/// ["NEVRA", …] that the plan brings.
std::vector<std::string> entering(const WorkerRun& run) {
    std::vector<std::string> all;
    for (const auto& change : run.result->at("packages"))
        if (change.contains("after")) all.push_back(change.at("after"));
    std::sort(all.begin(), all.end());
    return all;
}

} // namespace

TEST_F(Repositories, TheMadeRepoFileWorksWithVariablesHttpsAndSignedMetadata) {
    auto text = file_text(made_node() / "repo/rtnode-rt.repo");
    const auto put = [&](const std::string& mark, const std::string& value) {
        text.replace(text.find(mark), mark.size(), value);
    };
    put("@BASEURL@", "https://${site}/repo");
    put("@GPGKEY@", "https://${site}/keys/RPM-GPG-KEY-rtnode-test");
    write("repos.d/rtnode-rt.repo", text + "sslcacert=" + ca() + "\n");
    const auto https = server_https_url();
    write("vars/site", https.substr(8, https.size() - 9) + "\n");
    const auto run = run_worker(order(real_time()));
    ASSERT_TRUE(run.result) << run.why();
    EXPECT_TRUE(run.result->at("changes-kernel").get<bool>());
    EXPECT_THAT(run.log, Contains(AllOf(HasSubstr("Imported key " + key("known")), HasSubstr("'rtnode-rt'"))));
    const auto again = run_worker(order(real_time()));
    EXPECT_THAT(again.log, AllOf(Not(Contains(HasSubstr("Imported key"))),
                                 Contains(HasSubstr("Keys of repository 'rtnode-rt': " + key("known")))));
}

TEST_F(Repositories, WithoutItsCaCertificateAnHttpsRepositoryIsRefused) {
    write("repos.d/a.repo", "[a]\nbaseurl=" + server_https_url() + "repo\n");
    const auto run = run_worker(order(real_time()));
    ASSERT_TRUE(run.failure) << run.why();
    EXPECT_EQ(run.failure->reason, Reason::DownloadFailed);
    EXPECT_THAT(run.failure->message,
                AllOf(HasSubstr("repository 'a'"), HasSubstr("sslcacert"), HasSubstr("a.repo:1")));
}

TEST_F(Repositories, APackageSignedByAStrangerNeedsTheKeyOfItsRepository) {
    const auto url = repository_of(made_node() / "bad/signed-by-unknown-key.rpm");
    write("repos.d/a.repo", "[a]\nbaseurl=" + url + "\n");
    Request request;
    request.replace = {"rtnode-tools"};
    const auto refused = run_worker(order(request));
    ASSERT_TRUE(refused.failure) << refused.why();
    EXPECT_EQ(refused.failure->reason, Reason::UnsignedPackage);

    write("repos.d/a.repo", "[a]\nbaseurl=" + url + "\ngpgkey=" + server_https_url() +
                                "keys/RPM-GPG-KEY-rtnode-unknown\nsslcacert=" + ca() + "\n");
    const auto run = run_worker(order(request));
    ASSERT_TRUE(run.result) << run.why();
    EXPECT_THAT(run.log, Contains(HasSubstr("Imported key " + key("unknown"))));
    EXPECT_THAT(node.packages(0), Contains("rtnode-tools-1.1-1.el9.noarch"));
    node.expect_sound();
}

TEST_F(Repositories, ADefectOneStopsJobsThatNeedRepositoriesAndNoOthers) {
    write("repos.d/a.repo", "[a]\nbaseurl=" + server_url() + "repo\ngpgcheck=perhaps\n");
    const auto run = run_worker(order(real_time()));
    ASSERT_TRUE(run.failure) << run.why();
    EXPECT_EQ(run.failure->reason, Reason::RepositoryConfiguration);
    EXPECT_THAT(run.failure->message, HasSubstr("a.repo:3: gpgcheck is 'perhaps'"));
    Request arguments;
    arguments.kind = JobKind::kernel_arguments;
    arguments.append_kernel_arguments = {"nohz=on"};
    arguments.dry_run = true;
    EXPECT_TRUE(run_worker(order(arguments)).result);

    write("repos.d/a.repo", "[a]\nbaseurl=" + server_url() +
                                "repo\ngpgcheck=perhaps\nskip_if_unavailable=1\n[b]\nbaseurl=" + server_url() +
                                "repo\n");
    const auto without = run_worker(order(real_time()));
    ASSERT_TRUE(without.result) << without.why();
    EXPECT_THAT(without.result->at("warnings").get<std::vector<std::string>>(), Contains(HasSubstr("a.repo:3")));
}

TEST_F(Repositories, MirrorsThatAreDeadOrHaveAChangedPackageArePassedOver) {
    // The second has good metadata and a package that was changed since; the third has the right one.
    write("mirrors",
          "http://127.0.0.1:1/repo\n" + server_url() + "bad/repo-package-changed\n" + server_url() + "repo2\n");
    write("repos.d/a.repo", "[a]\nmirrorlist=file://" + (configuration / "mirrors").string() + "\n");
    Request request;
    request.replace = {"rtnode-tools"};
    const auto run = run_worker(order(request));
    ASSERT_TRUE(run.result) << run.why();
    EXPECT_THAT(node.packages(0), Contains("rtnode-tools-1.1-1.el9.noarch"));
    node.expect_sound();
}

TEST_F(Repositories, TheRealTimeSwapIsWhatDnfChooses) {
    write("repos.d/a.repo",
          "[a]\nname=a\nbaseurl=" + server_url() + "repo\n[b]\nname=b\nbaseurl=" + server_url() + "repo2\n");
    auto request = real_time();
    request.replace = {"microcode_ctl", "rtnode-tools"};
    const auto run = run_worker(order(request));
    ASSERT_TRUE(run.result) << run.why();

    const auto root = node.folder / "dnf-root";
    fs::create_directories(root / "usr/share");
    fs::copy(node.deployments().at(0) / "usr/share/rpm", root / "usr/share/rpm");
    const nlohmann::json question{{{"root", root.string()},
                                   {"repos", (configuration / "repos.d").string()},
                                   {"conf", ""},
                                   {"vars", ""},
                                   {"cache", (node.folder / "dnf-cache").string()},
                                   {"install", {"kernel-rt-core", "kernel-rt-modules", "kernel-rt-modules-extra"}},
                                   {"upgrade", {"microcode_ctl", "rtnode-tools"}},
                                   {"remove", {"kernel", "kernel-core", "kernel-modules", "kernel-modules-extra"}}}};
    write("question.json", question.dump());
    const auto asked = (configuration / "question.json").string(), told = (configuration / "answer.json").string();
    // Its complaints are part of what a failure prints, and no part of the answer.
    output_of({"sh", "-c", fmt::format("exec {} < {} 2>&1 > {}", DNF_CHOICE, asked, told)});
    const auto answer = nlohmann::json::parse(file_text(told));
    std::vector<std::string> theirs;
    for (const auto& package : answer.at(0).at("entering"))
        theirs.push_back(package.at(0));
    EXPECT_EQ(entering(run), theirs);
    EXPECT_THAT(theirs, Not(IsEmpty()));
}
