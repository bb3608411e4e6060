// A node of EL8: the RPM database of its base is Berkeley DB, which everybody reads and nobody writes any more.

#include "node.hpp"
#include "worker_run.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

namespace fs = std::filesystem;
using namespace rtnode;
using namespace rtnode::tests;
using testing::AllOf;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

namespace {

Request real_time() {
    Request request;
    request.kernel = "rt";
    request.append_kernel_arguments = {"nohz=on"};
    return request;
}

Request dry(Request request) {
    request.dry_run = true;
    return request;
}

std::vector<std::string> warnings_of(const WorkerRun& run) {
    return run.result->at("warnings").get<std::vector<std::string>>();
}

class BerkeleyDb : public testing::Test {
  protected:
    WorkerRun run(const Request& request) const { return run_worker(node.order(request)); }

    std::string ostree(const std::string& words) const {
        auto text = output_of({"sh", "-c", fmt::format("ostree {} {}", node.repo(), words)});
        return text.substr(0, text.find('\n'));
    }
    static std::string release(const char* version) {
        return fmt::format("-s '' --bootable --add-metadata-string=version={} "
                           "--add-metadata-string=ostree.architecture=x86_64 "
                           "--add-metadata=rpmostree.initramfs-args=\"['--no-hostonly','--add','ostree']\" ",
                           version);
    }

    /// The node's deployment is of a base like the one before, but for the database.
    void become_el8(const std::string& refspec = {}) const {
        const auto tree = node.folder / "tree", rpmdb = node.folder / "rpmdb";
        ostree(fmt::format("checkout -H {} {}", node.checksum(0), tree.string()));
        fs::copy(tree / "usr/share/rpm", rpmdb);
        output_of({RTNODE_TO_BERKELEY_DB, rpmdb.string()});
        fs::remove_all(tree / "usr/share/rpm");
        fs::copy(rpmdb, tree / "usr/share/rpm");
        const auto commit = ostree("commit --orphan --link-checkout-speedup " + release("8") + tree.string());
        std::ofstream(node.folder / "origin") << "[origin]\nrefspec=" << (refspec.empty() ? commit : refspec) << "\n";
        if (!refspec.empty()) ostree(fmt::format("refs --create={} {}", refspec, commit));
        output_of({"ostree", "admin", "deploy", "--sysroot=" + node.sysroot.string(), "--os=rhcos",
                   "--origin-file=" + (node.folder / "origin").string(), refspec.empty() ? commit : refspec});
        ASSERT_EQ(node.checksum(0), commit);
        ASSERT_TRUE(fs::exists(node.deployments().at(0) / "usr/share/rpm/Packages"));
        ASSERT_FALSE(fs::exists(node.deployments().at(0) / "usr/share/rpm/rpmdb.sqlite"));
    }

    TestNode node;
};

} // namespace

TEST_F(BerkeleyDb, ADryRunShowsTheWholePlanAndThatThisNodeCannotExecuteIt) {
    const auto elsewhere = run(dry(real_time()));
    ASSERT_TRUE(elsewhere.result) << elsewhere.why();
    ASSERT_THAT(warnings_of(elsewhere), IsEmpty());
    become_el8();
    const auto before = node.state();

    const auto shown = run(dry(real_time()));
    ASSERT_TRUE(shown.result) << shown.why();
    for (const auto* key :
         {"packages", "kernel-arguments", "download-bytes", "boot-need-bytes", "regenerates-initramfs"})
        EXPECT_EQ(shown.result->at(key), elsewhere.result->at(key)) << key;
    EXPECT_THAT(warnings_of(shown), ElementsAre(AllOf(HasSubstr("can't execute"), HasSubstr(node.checksum(0)),
                                                      HasSubstr("Berkeley DB"), HasSubstr("rpmdb.sqlite"))));
    EXPECT_EQ(node.state(), before);
}

TEST_F(BerkeleyDb, AChangeOfPackagesIsRefusedBeforeAnythingIsDownloaded) {
    become_el8();
    const auto before = node.state();

    const auto refused = run(real_time());
    ASSERT_TRUE(refused.failure) << refused.why();
    EXPECT_EQ(dbus_name(refused.failure->reason), dbus_name(Reason::UnsupportedRoot));
    EXPECT_THAT(refused.failure->message,
                AllOf(HasSubstr("Berkeley DB"), HasSubstr(node.checksum(0)), HasSubstr("rpmdb.sqlite")));
    EXPECT_EQ(refused.steps.back(), "Resolving dependencies") << "nothing is done after the plan is known";
    EXPECT_FALSE(refused.deploying);
    EXPECT_EQ(node.state(), before);
    node.expect_no_leftovers();
    node.expect_sound();
}

TEST_F(BerkeleyDb, KernelArgumentsAreChangedAllTheSame) {
    become_el8();
    Request arguments;
    arguments.kind = JobKind::kernel_arguments;
    arguments.append_kernel_arguments = {"skew_tick=1"};
    const auto alone = run(arguments);
    ASSERT_TRUE(alone.result) << alone.why();

    Request without_packages; // an override like any other, that reads the database
    without_packages.append_kernel_arguments = {"nohz=on"};
    const auto changed = run(without_packages);
    ASSERT_TRUE(changed.result) << changed.why();
    EXPECT_THAT(node.kernel_arguments(0), AllOf(Contains("skew_tick=1"), Contains("nohz=on")));

    const auto before = node.state();
    const auto again = run(without_packages);
    ASSERT_TRUE(again.result) << again.why();
    EXPECT_THAT(warnings_of(again), IsEmpty());
    EXPECT_EQ(node.state(), before) << "nothing to do, and nothing in the way";
    node.expect_sound();
}

TEST_F(BerkeleyDb, AnUpdateToABaseWithSqliteIsTheWayOut) {
    const auto upstream = (node.folder / "upstream").string(), el9 = node.checksum(0);
    output_of({"ostree", "--repo=" + upstream, "init", "--mode=bare"});
    output_of({"ostree", "--repo=" + upstream, "pull-local", (node.sysroot / "ostree/repo").string(), el9});
    ostree("remote add --no-gpg-verify updates file://" + upstream);
    become_el8("updates:stable");
    output_of({"sh", "-c",
               fmt::format("ostree --repo={} commit --branch=stable {} --tree=ref={}", upstream, release("9"), el9)});

    Request update;
    update.kind = JobKind::update;
    const auto updated = run(update);
    ASSERT_TRUE(updated.result) << updated.why();

    Request tools;
    tools.replace = {"rtnode-tools"};
    const auto changed = run(tools);
    ASSERT_TRUE(changed.result) << changed.why();
    EXPECT_THAT(warnings_of(changed), IsEmpty());
    EXPECT_THAT(node.packages(0), Contains("rtnode-tools-1.1-1.el9.noarch"));
    node.expect_sound();
}
