// A whole job on a node with a real SELinux policy: every file of the new deployment is what setfiles would make of it.

#include "node.hpp"
#include "policy.hpp"
#include "worker_run.hpp"

#include <gmock/gmock.h>

#include <fstream>
#include <memory>

namespace fs = std::filesystem;
using namespace rtnode;
using namespace rtnode::tests;
using testing::HasSubstr;
using testing::IsEmpty;

namespace {

class LabelledNode : public testing::Test {
  protected:
    static void SetUpTestSuite() {
        node = std::make_unique<TestNode>();
        base = label_node();
        Request request;
        for (const auto& package : facts().at("repo"))
            if (package.at("name") == "microcode_ctl") request.replace = {package_url(package.at("nevra"))};
        request.kernel = "rt";
        request.install = {package_with_scriptlet()};
        request.allow_unsigned = true;
        run = run_worker(node->order(request));
    }
    static void TearDownTestSuite() { node.reset(); }
    void SetUp() override { ASSERT_TRUE(run.result) << run.why(); }

    /// The node's own tree with a policy in it, labelled by it and deployed. @return the commit
    static std::string label_node() {
        const auto before = node->checksum(0);
        put_policy_into(node->folder / "policy");
        // libostree runs the tree's semodule when it deploys, to merge modules of /etc; this one says that it can't.
        fs::create_directories(node->folder / "policy/usr/sbin");
        std::ofstream(node->folder / "policy/usr/sbin/semodule") << "#!/bin/sh\n";
        fs::permissions(node->folder / "policy/usr/sbin/semodule", fs::perms{0755});
        std::vector<std::string> command{"ostree",
                                         node->repo(),
                                         "commit",
                                         "--orphan",
                                         "--parent=none",
                                         "--subject=",
                                         "--bootable",
                                         "--tree=ref=" + before,
                                         "--tree=dir=" + (node->folder / "policy").string(),
                                         "--selinux-policy=" + (node->folder / "policy").string()};
        for (const auto* key : {"version", "rpmostree.initramfs-args", "rpmostree.rpmdb.pkglist"})
            command.push_back(std::string("--add-metadata=") + key + "=" + node->metadata(before, key));
        auto commit = output_of(command);
        commit.erase(commit.find_last_not_of('\n') + 1);
        auto origin = node->origin(0);
        origin.replace(origin.find(before), before.size(), commit);
        std::ofstream(node->folder / "origin") << origin;
        output_of({"ostree", "admin", "deploy", "--sysroot=" + node->sysroot.string(), "--os=rhcos",
                   "--origin-file=" + (node->folder / "origin").string(), commit});
        return commit;
    }

    static std::string package_with_scriptlet() {
        const auto spec = node->folder / "scriptlet.spec";
        std::ofstream(spec)
            << "Name: scriptlet\nVersion: 1\nRelease: 1\nSummary: x\nLicense: x\nBuildArch: noarch\n"
               "%description\nx\n%install\nmkdir -p %{buildroot}/usr/sbin\n"
               "echo 'a daemon' > %{buildroot}/usr/sbin/sshd\n"
               "%post\nset -e\necho more >> /usr/lib/os-release\nmkdir -p /etc/cron.d\n"
               "echo '#' > /etc/cron.d/scriptlet\necho '#' > /usr/lib/systemd/system/scriptlet.service\n"
               "%files\n/usr/sbin/sshd\n";
        output_of({"rpmbuild", "--quiet", "-bb", "--define", "_topdir " + node->folder.string(), "--define",
                   "_rpmdir " + node->folder.string(), "--define", "__os_install_post %{nil}", spec.string()});
        return (node->folder / "noarch/scriptlet-1-1.noarch.rpm").string();
    }

    static std::unique_ptr<TestNode> node;
    static std::string base;
    static WorkerRun run;
};

std::unique_ptr<TestNode> LabelledNode::node;
std::string LabelledNode::base;
WorkerRun LabelledNode::run;

} // namespace

TEST_F(LabelledNode, EveryFileOfTheNewDeploymentIsLabelledByThePolicy) {
    const auto tree = node->deployments().at(0);
    EXPECT_THAT(wrong_labels(tree, tree, tree / "usr"), IsEmpty());
    // libostree labels /etc by this name; folders and links only where the kernel knows SELinux.
    for (const auto* file : {"etc/shadow", "etc/cron.d/scriptlet"})
        EXPECT_THAT(wrong_labels(tree, tree, tree / file), IsEmpty());
    const auto unlabelled = node->deployments().at(1);
    EXPECT_THAT(wrong_labels(tree, unlabelled, unlabelled / "usr/bin"), HasSubstr("Would relabel"))
        << "the comparison sees what it is for";
}

TEST_F(LabelledNode, OstreeShowsTheLabelsOfWhatTheJobMade) {
    const auto modules = "/usr/lib/modules/" + facts().at("kernels").at("rt_new").at("kver").get<std::string>();
    for (const auto& [path, type] :
         std::map<std::string, std::string>{{modules + "/vmlinuz", "modules_object_t"},
                                            {modules + "/initramfs.img", "modules_object_t"},
                                            {modules + "/modules.dep.bin", "modules_dep_t"},
                                            {"/usr/share/rpm/rpmdb.sqlite", "usr_t"},
                                            {"/usr/sbin/sshd", "sshd_exec_t"},
                                            {"/usr/lib/os-release", "lib_t"},
                                            {"/usr/lib/systemd/system/scriptlet.service", "systemd_unit_t"}})
        EXPECT_THAT(output_of({"ostree", node->repo(), "ls", "-dX", node->checksum(0), path}),
                    HasSubstr("system_u:object_r:" + type + ":s0"));
}

TEST_F(LabelledNode, WhatDidNotChangeKeepsItsObjects) {
    const auto line = [&](const std::string& commit, const char* path) {
        return output_of({"ostree", node->repo(), "ls", "-dCX", commit, path});
    };
    for (const auto* path : {"/usr/bin/bash", "/usr/bin/sh", "/usr/lib/systemd/systemd", "/usr/etc/hostname"})
        EXPECT_EQ(line(node->checksum(0), path), line(base, path));
}

TEST_F(LabelledNode, CachedPackagesNameThePolicy) {
    const auto digest = output_of({"sha256sum", binary_policy(node->folder / "policy").string()}).substr(0, 64);
    EXPECT_EQ(node->metadata("rpmostree/pkg/scriptlet/1-1.noarch", "rpmostree.sepolicy"), "'" + digest + "'");
}

TEST_F(LabelledNode, IsSoundAndNothingIsLeftBehind) {
    node->expect_sound();
    node->expect_no_leftovers();
}
