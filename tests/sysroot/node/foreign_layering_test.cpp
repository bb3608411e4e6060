// Packages that rpm-ostree put on the node: whoever changes it next has to keep them, and has only rpm-ostree's package
// cache to take them from.

#include "node.hpp"
#include "worker_run.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>
#include <sstream>

namespace fs = std::filesystem;
using namespace rtnode;
using namespace rtnode::tests;
using testing::Contains;
using testing::HasSubstr;
using testing::Not;

namespace {

std::string update_of_tools() {
    for (const auto& package : facts().at("repo2"))
        if (package.at("name") == "rtnode-tools") return package.at("nevra");
    return {};
}

class ForeignLayering : public testing::Test {
  protected:
    /// Builds foreign-tool and foreign-libs. @param extra more of foreign-tool's %files
    std::vector<std::string> packages(const std::string& compressor, const std::string& extra = "") {
        const auto spec = node.folder / "foreign-tool.spec";
        std::ofstream(spec) << R"(Name: foreign-tool
Epoch: 2
Version: 1.0
Release: 1
Summary: Layered by somebody else
License: x
Requires: foreign-libs
%description
x
%package -n foreign-libs
Summary: What foreign-tool needs
%description -n foreign-libs
x
%install
mkdir -p %{buildroot}/{usr/bin,usr/share/foreign-tool,etc,var/lib/foreign-tool}
echo 'tool' >%{buildroot}/usr/bin/foreign-tool
echo 'shared' >%{buildroot}/usr/share/foreign-tool/one
ln %{buildroot}/usr/share/foreign-tool/one %{buildroot}/usr/share/foreign-tool/two
ln -s one %{buildroot}/usr/share/foreign-tool/link
: >%{buildroot}/usr/share/foreign-tool/empty
: >%{buildroot}/var/lib/foreign-tool/empty
echo 'state' >%{buildroot}/var/lib/foreign-tool/state
echo 'setting' >%{buildroot}/etc/foreign-tool.conf
mkdir -p %{buildroot}/usr/lib/foreign-libs && seq 1 50000 >%{buildroot}/usr/lib/foreign-libs/library
%post
echo "made by %%post of $1" >/usr/share/foreign-tool/made
%files
%attr(0755,root,root) %caps(cap_net_raw=ep) /usr/bin/foreign-tool
%attr(2750,root,mail) %dir /usr/share/foreign-tool
/usr/share/foreign-tool/*
%config(noreplace) /etc/foreign-tool.conf
%dir /var/lib/foreign-tool
/var/lib/foreign-tool/empty
)" << extra << "\n%files -n foreign-libs\n/usr/lib/foreign-libs\n";
        output_of({"rpmbuild", "-bb", "--quiet", "--target", "x86_64", "--define",
                   "_topdir " + (node.folder / "rpmbuild").string(), "--define", "_binary_payload " + compressor,
                   "--define", "_build_id_links none", "--define", "__os_install_post %{nil}", "--define",
                   "_buildshell /bin/bash", "--define", "_unpackaged_files_terminate_build 0", spec.string()});
        const auto folder = node.folder / "rpmbuild/RPMS/x86_64";
        return {(folder / "foreign-tool-1.0-1.x86_64.rpm").string(),
                (folder / "foreign-libs-1.0-1.x86_64.rpm").string()};
    }

    /// A deployment that has these packages, a replacement and a removal, of which nothing is left but what rpm-ostree
    /// keeps itself.
    void layer(const std::vector<std::string>& rpms) {
        Request request;
        request.install = rpms;
        request.remove = {"rtnode-sample-meta"};
        request.allow_unsigned = true;
        const auto run = run_worker(node.order(request));
        ASSERT_TRUE(run.result) << run.why();
        forget();
    }

    void forget() const {
        fs::remove_all(node.folder / "state");
        fs::remove_all(node.folder / "cache");
    }

    /// The same, but asked for by a pattern from a repository.
    void layer_from_repository(const std::vector<std::string>& rpms) {
        layer(rpms);
        const auto layered = node.checksum(0);
        auto commit = output_of({fs::path(contract()).parent_path() / "layer-from-repository",
                                 (node.sysroot / "ostree/repo").string(), layered, "foreign-tool"});
        commit.erase(commit.find_last_not_of('\n') + 1);
        auto origin = node.origin(0);
        const auto local = origin.find("requested-local=");
        origin.replace(local, origin.find('\n', local) - local, "requested=foreign-tool;");
        std::ofstream(node.folder / "origin") << origin;
        output_of({"ostree", "admin", "deploy", "--sysroot=" + node.sysroot.string(), "--os=rhcos",
                   "--origin-file=" + (node.folder / "origin").string(), commit});
        ASSERT_EQ(node.checksum(0), commit);
    }

    WorkerRun update() {
        Request request;
        request.replace = {"rtnode-tools"};
        return run_worker(node.order(request));
    }

    std::string ostree(std::vector<std::string> words) const {
        words.insert(words.begin(), {"ostree", node.repo()});
        return output_of(words);
    }

    void expect_foreign_tool_is_whole() const {
        EXPECT_THAT(node.packages(0), Contains("foreign-tool-2:1.0-1.x86_64"));
        EXPECT_THAT(node.packages(0), Contains("foreign-libs-2:1.0-1.x86_64"));
        const auto tree = node.deployments().at(0);
        EXPECT_EQ(file_text(tree / "usr/share/foreign-tool/two"), "shared\n");
        EXPECT_EQ(file_text(tree / "usr/share/foreign-tool/made"), "made by %post of 1\n")
            << "its scriptlets ran again";
        EXPECT_EQ(file_text(tree / "etc/foreign-tool.conf"), "setting\n");
        EXPECT_EQ(file_text(tree / "usr/lib/foreign-libs/library").size(), 288894u);
        const auto list = ostree({"ls", "-RX", node.checksum(0), "/usr/share/foreign-tool", "/usr/bin/foreign-tool"});
        EXPECT_THAT(list, HasSubstr("d02750 0 8 "));
        EXPECT_THAT(list, HasSubstr("security.capability"));
        EXPECT_THAT(list, HasSubstr("/usr/share/foreign-tool/link -> one"));
    }

    void expect_refusal(const WorkerRun& run, const std::string& names, const std::string& before) {
        ASSERT_TRUE(run.failure) << run.why();
        EXPECT_EQ(dbus_name(run.failure->reason), dbus_name(Reason::ForeignLayering)) << run.why();
        EXPECT_THAT(run.failure->message, HasSubstr(names));
        EXPECT_EQ(node.state(), before);
        node.expect_no_leftovers();
    }

    TestNode node;
};

class Compressed : public ForeignLayering, public testing::WithParamInterface<const char*> {};

} // namespace

TEST_P(Compressed, PackagesAreMadeAnewOutOfThePackageCache) {
    ASSERT_NO_FATAL_FAILURE(layer(packages(GetParam())));
    const auto run = update();
    ASSERT_TRUE(run.result) << run.why();
    expect_foreign_tool_is_whole();
}

INSTANTIATE_TEST_SUITE_P(Payloads, Compressed, testing::Values("w2.xzdio", "w2.lzdio", "w9.gzdio", "w9.bzdio"),
                         [](const auto& row) { return std::string(row.param).substr(3); });

TEST_F(ForeignLayering, OfLocalPackagesStaysWithWhatThePackageCacheHasOfThem) {
    ASSERT_NO_FATAL_FAILURE(layer(packages("w3.zstdio")));
    const auto refs = [&] { return ostree({"rev-parse", "rpmostree/pkg/foreign-tool/2_3A1.0-1.x86__64"}); };
    const auto cached = refs();
    const auto private_file = node.sysroot / "ostree/repo/extensions/rpmostree/private/commit/checkout/file";
    fs::create_directories(private_file.parent_path());
    std::ofstream(private_file) << "rpm-ostree's";
    const auto line = [&](const std::string& key) {
        const auto origin = node.origin(0);
        const auto at = origin.find("\n" + key + "=");
        return at == std::string::npos ? "" : origin.substr(at, origin.find('\n', at + 1) - at);
    };
    const auto requested = line("requested-local"), removed = line("remove");

    const auto run = update();
    ASSERT_TRUE(run.result) << run.why();
    EXPECT_THAT(node.packages(0), Contains(update_of_tools()));
    EXPECT_THAT(node.packages(0), Not(Contains(testing::StartsWith("rtnode-sample-meta"))));
    expect_foreign_tool_is_whole();
    EXPECT_EQ(line("requested-local"), requested);
    EXPECT_EQ(line("remove"), removed);
    EXPECT_EQ(refs(), cached) << "the package cache's commit stays what it was";
    EXPECT_EQ(file_text(private_file), "rpm-ostree's");
    for (const auto& file : fs::directory_iterator(node.folder / "state/packages"))
        EXPECT_THAT(output_of({"rpm", "-qp", "--nosignature", file.path().string()}), HasSubstr("rtnode-tools"))
            << "what was made out of the cache isn't kept as if it were the original";
    ostree({"prune", "--refs-only"});
    node.expect_sound();
    node.expect_no_leftovers();

    // And once more, with what is left after a prune.
    Request request;
    request.kind = JobKind::reset_overrides;
    request.reset = {"rtnode-tools"};
    const auto reset = run_worker(node.order(request));
    ASSERT_TRUE(reset.result) << reset.why();
    expect_foreign_tool_is_whole();
    node.expect_sound();
}

TEST_F(ForeignLayering, PackagesOfARepositoryStayWithTheirPattern) {
    ASSERT_NO_FATAL_FAILURE(layer_from_repository(packages("w3.zstdio")));
    const auto run = update();
    ASSERT_TRUE(run.result) << run.why();
    expect_foreign_tool_is_whole();
    EXPECT_THAT(node.packages(0), Contains(update_of_tools()));
    EXPECT_THAT(node.origin(0), HasSubstr("\nrequested=foreign-tool;\n"));
    EXPECT_THAT(node.origin(0), Not(HasSubstr("requested-local")));
    EXPECT_EQ(node.metadata(node.checksum(0), "rpmostree.packages"), "['foreign-tool']");
    node.expect_sound();

    const auto state = node.state();
    const auto again = update();
    ASSERT_TRUE(again.result) << again.why();
    EXPECT_EQ(again.result->at("nothing-to-do"), true);
    EXPECT_EQ(node.state(), state);

    Request request;
    request.kind = JobKind::reset_overrides;
    const auto reset = run_worker(node.order(request));
    ASSERT_TRUE(reset.result) << reset.why();
    expect_foreign_tool_is_whole();
    EXPECT_THAT(node.origin(0), HasSubstr("\nrequested=foreign-tool;\n"));
    EXPECT_THAT(node.packages(0), Not(Contains(update_of_tools())));
}

TEST_F(ForeignLayering, OfARepositoryIsNotForUsToDrop) {
    ASSERT_NO_FATAL_FAILURE(layer_from_repository(packages("w3.zstdio")));
    const auto before = node.state();
    Request request;
    request.remove = {"foreign-tool"};
    expect_refusal(run_worker(node.order(request)), "foreign-tool-2:1.0-1.x86_64", before);
}

TEST_F(ForeignLayering, ThatThePackageCacheLostIsRefusedByName) {
    ASSERT_NO_FATAL_FAILURE(layer_from_repository(packages("w3.zstdio")));
    ostree({"refs", "--delete", "rpmostree/pkg/foreign-libs"});
    auto before = node.state();
    expect_refusal(update(), "foreign-libs-2:1.0-1.x86_64", before);

    Request request; // kernel arguments alone always work
    request.kind = JobKind::kernel_arguments;
    request.append_kernel_arguments = {"skew_tick=1"};
    const auto run = run_worker(node.order(request));
    EXPECT_TRUE(run.result) << run.why();
}

TEST_F(ForeignLayering, WhoseContentRpmOstreeDidNotKeepIsRefusedByName) {
    ASSERT_NO_FATAL_FAILURE(layer(packages("w3.zstdio", "/var/lib/foreign-tool/state")));
    const auto before = node.state();
    expect_refusal(update(), "/var/lib/foreign-tool/state", before);
}

TEST_F(ForeignLayering, ThatIsDamagedIsNotInstalled) {
    ASSERT_NO_FATAL_FAILURE(layer(packages("w3.zstdio")));
    const auto listed =
        ostree({"ls", "-C", "rpmostree/pkg/foreign-libs/2_3A1.0-1.x86__64", "/usr/lib/foreign-libs/library"});
    std::istringstream words(listed);
    std::string word, checksum;
    words >> word >> word >> word >> word >> checksum;
    const auto object = node.sysroot / "ostree/repo/objects" / checksum.substr(0, 2) / (checksum.substr(2) + ".file");
    std::fstream(object, std::ios::in | std::ios::out) << "damaged";
    const auto before = node.state();
    const auto run = update();
    ASSERT_TRUE(run.failure) << run.why();
    EXPECT_EQ(dbus_name(run.failure->reason), dbus_name(Reason::CorruptObject)) << run.why();
    EXPECT_THAT(run.failure->message, HasSubstr("/usr/lib/foreign-libs/library"));
    EXPECT_EQ(node.state(), before);
}
