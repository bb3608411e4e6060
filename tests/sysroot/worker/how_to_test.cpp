// The RHCOS-RT how-to's override as one job, on real packages: what standard tools say of the result.

#include "node.hpp"
#include "worker_run.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

namespace fs = std::filesystem;
using namespace rtnode;
using namespace rtnode::tests;
using testing::Contains;
using testing::ElementsAreArray;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

namespace {

const std::vector<std::string> how_to_arguments{"default_hugepagesz=1G",
                                                "hugepagesz=1G",
                                                "hugepages=32",
                                                "nohz=on",
                                                "nosoftlockup",
                                                "nmi_watchdog=0",
                                                "audit=0",
                                                "mce=off",
                                                "kthread_cpus=0",
                                                "irqaffinity=0",
                                                "skew_tick=1",
                                                "processor.max_cstate=1",
                                                "idle=poll",
                                                "intel_pstate=disable",
                                                "intel_idle.max_cstate=0",
                                                "intel_iommu=on",
                                                "iommu=pt"};

std::string rt(const char* subpackage) {
    return std::string("kernel-rt-") + subpackage + "-" +
           facts().at("kernels").at("rt_new").at("evr").get<std::string>() + ".x86_64";
}

std::string new_microcode() {
    for (const auto& package : facts().at("repo"))
        if (package.at("name") == "microcode_ctl") return package.at("nevra");
    return {};
}

Request how_to_request() {
    Request request;
    request.replace = {package_url(new_microcode())};
    request.kernel = "rt";
    request.append_kernel_arguments = how_to_arguments;
    return request;
}

/// The whole change is made once; each test looks at another side of it.
class HowTo : public testing::Test {
  protected:
    static void SetUpTestSuite() {
        node = std::make_unique<TestNode>();
        before = node->checksum(0);
        run = run_worker(node->order(how_to_request()));
    }
    static void TearDownTestSuite() { node.reset(); }

    void SetUp() override { ASSERT_TRUE(run.result) << run.why(); }

    static fs::path tree() { return node->deployments().at(0); }

    static std::unique_ptr<TestNode> node;
    static std::string before;
    static WorkerRun run;
};

std::unique_ptr<TestNode> HowTo::node;
std::string HowTo::before;
WorkerRun HowTo::run;

} // namespace

TEST_F(HowTo, IsOneJobAndOneNewDeployment) {
    EXPECT_EQ(run.status, 0);
    ASSERT_EQ(node->deployments().size(), 2u);
    EXPECT_EQ(node->checksum(0), run.result->at("checksum"));
    EXPECT_EQ(node->checksum(1), before) << "the deployment before it stays as the way back";
}

TEST_F(HowTo, ThePackagesAreSwapped) {
    const auto packages = node->packages(0);
    for (const auto* name : {"core", "modules", "modules-extra"})
        EXPECT_THAT(packages, Contains(rt(name)));
    EXPECT_THAT(packages, Contains(new_microcode()));
    for (const auto& package : packages) {
        EXPECT_THAT(package, Not(StartsWith("kernel-core-")));
        EXPECT_THAT(package, Not(StartsWith("kernel-modules-")));
        EXPECT_THAT(package, Not(StartsWith("kernel-rt-6"))) << "the meta package must never come";
    }
    for (const auto& package : facts().at("base_packages").get<std::vector<std::string>>())
        if (!package.starts_with("kernel") && !package.starts_with("microcode_ctl")) {
            EXPECT_THAT(packages, Contains(package)) << "nothing else may change";
        }
}

TEST_F(HowTo, ThereIsExactlyOneKernelAndItsInitramfsHoldsItsModules) {
    std::vector<fs::path> kernels;
    for (const auto& folder : fs::directory_iterator(tree() / "usr/lib/modules"))
        if (fs::exists(folder.path() / "vmlinuz")) kernels.push_back(folder.path());
    ASSERT_EQ(kernels.size(), 1u);
    const auto kver = facts().at("kernels").at("rt_new").at("kver").get<std::string>();
    EXPECT_EQ(kernels.front().filename(), kver);
    EXPECT_FALSE(fs::exists(tree() / "usr/lib/modules" / facts().at("kernels").at("stock").at("kver")))
        << "what depmod left of the old kernel";
    EXPECT_TRUE(fs::exists(kernels.front() / "modules.dep.bin"));

    const auto listing = output_of({"lsinitrd", (kernels.front() / "initramfs.img").string()});
    EXPECT_THAT(listing, HasSubstr("usr/lib/modules/" + kver + "/kernel/"));
    EXPECT_THAT(listing, HasSubstr("ostree-prepare-root"));
    EXPECT_THAT(listing, HasSubstr("kernel/x86/microcode/AuthenticAMD.bin"));
}

TEST_F(HowTo, TheBootEntryHasTheArgumentsInOrder) {
    auto expected = facts().at("kernel_arguments").get<std::vector<std::string>>();
    expected.insert(expected.end(), how_to_arguments.begin(), how_to_arguments.end());
    EXPECT_THAT(node->kernel_arguments(0), ElementsAreArray(expected));
    EXPECT_THAT(node->kernel_arguments(1),
                ElementsAreArray(facts().at("kernel_arguments").get<std::vector<std::string>>()));
}

TEST_F(HowTo, TheOriginSaysWhatRpmOstreeWouldSay) {
    const auto origin = node->origin(0);
    EXPECT_THAT(origin, HasSubstr("baserefspec=")) << "layered, so no refspec";
    EXPECT_THAT(origin, Not(HasSubstr("\nrefspec=")));
    EXPECT_THAT(origin, HasSubstr("custom-url=" + facts().at("custom_url").get<std::string>()));
    EXPECT_THAT(origin, HasSubstr("custom-description=Managed by machine-config-operator"));
    EXPECT_THAT(origin, HasSubstr("remove=kernel;kernel-core;kernel-modules;kernel-modules-extra;"));
    EXPECT_THAT(origin, HasSubstr(":" + new_microcode() + ";"));
    EXPECT_THAT(origin, HasSubstr(":" + rt("core") + ";"));
}

TEST_F(HowTo, TheCommitHasEveryKeyThatRpmOstreeAssertsOn) {
    const auto commit = node->checksum(0);
    for (const auto* key : {"rpmostree.clientlayer", "rpmostree.rpmmd-repos", "rpmostree.packages", "rpmostree.modules",
                            "rpmostree.removed-base-packages", "rpmostree.replaced-base-packages",
                            "rpmostree.replaced-base-remote-packages", "rpmostree.rpmdb.pkglist",
                            "rpmostree.state-sha512", "version", "ostree.linux", "ostree.bootable"})
        EXPECT_NE(node->metadata(commit, key), "") << key;
    // `ostree show` prints numbers with their bytes swapped; rpm-ostree reads and writes them in native order.
    EXPECT_EQ(node->metadata(commit, "rpmostree.clientlayer_version"), fmt::format("uint32 {}", __builtin_bswap32(6)));
    EXPECT_THAT(output_of({"ostree", "--repo=" + (node->sysroot / "ostree/repo").string(), "log", commit}),
                HasSubstr("Parent:  " + before));
}

TEST_F(HowTo, BaseAndPackageRefsKeepWhatRpmOstreeNeeds) {
    const auto refs = node->refs();
    EXPECT_THAT(refs, HasSubstr("rpmostree/base/0\t" + before));
    for (const auto* ref : {"rpmostree/pkg/kernel-rt-core/", "rpmostree/pkg/kernel-rt-modules/",
                            "rpmostree/pkg/kernel-rt-modules-extra/", "rpmostree/pkg/microcode__ctl/4_3A"})
        EXPECT_THAT(refs, HasSubstr(ref));
    EXPECT_EQ(status_of({"ostree", "--repo=" + (node->sysroot / "ostree/repo").string(), "prune", "--refs-only"}), 0);
    node->expect_sound();
}

TEST_F(HowTo, EveryStructureIsToTheByteWhatAnIndependentDecoderExpects) {
    const auto repo = (node->sysroot / "ostree/repo").string();
    std::vector<std::string> packages{contract(), "packages", repo, package_path(new_microcode())};
    std::vector<std::string> origin{contract(),
                                    "origin",
                                    (node->deployments().at(1).string() + ".origin"),
                                    (node->deployments().at(0).string() + ".origin"),
                                    "--replace",
                                    package_path(new_microcode())};
    for (const auto* name : {"core", "modules", "modules-extra"}) {
        packages.push_back(package_path(rt(name)));
        origin.insert(origin.end(), {"--install", package_path(rt(name))});
    }
    for (const auto* name : {"kernel", "kernel-core", "kernel-modules", "kernel-modules-extra"})
        origin.insert(origin.end(), {"--remove", name});
    EXPECT_THAT(output_of(packages), HasSubstr("the same: 4 pkgcache commits"));
    EXPECT_THAT(output_of(origin), HasSubstr("the same"));
    EXPECT_THAT(output_of({contract(), "layered", repo, node->checksum(0), before, "--before", node->rpmdb(1).string(),
                           "--after", node->rpmdb(0).string(), "--version", facts().at("version"), "--repository",
                           "repo=" + (made_node() / "repo").string(), "--repository",
                           "repo2=" + (made_node() / "repo2").string()}),
                HasSubstr("the same"));
    EXPECT_THAT(output_of({contract(), "bases", repo, node->checksum(0)}), HasSubstr("the same: 1 base refs"));
}

TEST_F(HowTo, TellsTheHowTosStory) {
    for (const auto* step : {"Importing rpm-md", "Resolving dependencies", "Downloading packages",
                             "Generating initramfs", "Writing OSTree commit", "Writing deployment"})
        EXPECT_THAT(run.steps, Contains(step));
    EXPECT_THAT(run.log, Contains("Applying 5 overrides and 3 overlays"));
    EXPECT_THAT(run.result->at("upgraded").get<std::vector<std::string>>(), Contains(StartsWith("microcode_ctl 4:")));
    EXPECT_EQ(run.result->at("removed").size(), 4u);
    EXPECT_EQ(run.result->at("added").size(), 3u);
}

TEST_F(HowTo, TheBaseIsUntouchedAndNothingIsLeftBehind) {
    node->expect_sound();
    node->expect_no_leftovers();
    EXPECT_EQ(node->packages(1), facts().at("base_packages").get<std::vector<std::string>>());
}

// These change the node further, so they come last and in this order.

TEST_F(HowTo, AskedAgainThereIsNothingToDo) {
    const auto state = node->state();
    const auto again = run_worker(node->order(how_to_request()));
    ASSERT_TRUE(again.result) << again.why();
    EXPECT_EQ(again.result->at("nothing-to-do"), true);
    EXPECT_THAT(again.steps, Not(Contains("Generating initramfs")));
    EXPECT_EQ(node->state(), state);
}

TEST_F(HowTo, KernelArgumentsAloneDeployTheSameCommitWithoutRebuilding) {
    Request request;
    request.kind = JobKind::kernel_arguments;
    request.remove_kernel_arguments = {"mce", "nothere"};
    request.append_kernel_arguments = {"isolcpus=2-3"};
    const auto commit = node->checksum(0);
    const auto changed = run_worker(node->order(request));
    ASSERT_TRUE(changed.result) << changed.why();
    EXPECT_EQ(node->checksum(0), commit);
    EXPECT_EQ(node->kernel_arguments(0).back(), "isolcpus=2-3");
    EXPECT_THAT(node->kernel_arguments(0), Not(Contains("mce=off")));
    EXPECT_THAT(changed.steps, Not(Contains("Generating initramfs")));
    EXPECT_THAT(changed.steps, Not(Contains("Writing OSTree commit")));
    ASSERT_EQ(node->deployments().size(), 2u) << "the pending one is replaced, the one before it stays";
    node->expect_sound();
}

TEST_F(HowTo, AnOlderRtKernelCanBeChosenByItsFiles) {
    Request request;
    const auto evr = facts().at("kernels").at("rt_old").at("evr").get<std::string>();
    for (const auto* name : {"core", "modules", "modules-extra"})
        request.install.push_back(package_path("kernel-rt-" + std::string(name) + "-" + evr + ".x86_64"));
    const auto changed = run_worker(node->order(request));
    ASSERT_TRUE(changed.result) << changed.why();
    const auto packages = node->packages(0);
    EXPECT_THAT(packages, Contains("kernel-rt-core-" + evr + ".x86_64"));
    EXPECT_THAT(packages, Not(Contains(rt("core"))));
    EXPECT_THAT(packages, Contains(new_microcode())) << "what an earlier job wished stays";
    EXPECT_EQ(node->kernel_arguments(0).back(), "isolcpus=2-3") << "and the arguments too";
    node->expect_sound();
}

TEST_F(HowTo, GoingBackToTheStockKernelKeepsTheMicrocode) {
    Request request;
    request.kernel = "stock";
    const auto changed = run_worker(node->order(request));
    ASSERT_TRUE(changed.result) << changed.why();
    const auto packages = node->packages(0);
    EXPECT_THAT(packages, Contains(StartsWith("kernel-core-")));
    EXPECT_THAT(packages, Not(Contains(StartsWith("kernel-rt-"))));
    EXPECT_THAT(packages, Contains(new_microcode()));
    node->expect_sound();
}

TEST_F(HowTo, ResettingEverythingLeadsBackToTheBaseCommit) {
    Request request;
    request.kind = JobKind::reset_overrides;
    request.remove_kernel_arguments = {};
    const auto changed = run_worker(node->order(request));
    ASSERT_TRUE(changed.result) << changed.why();
    EXPECT_EQ(node->checksum(0), before);
    EXPECT_THAT(node->origin(0), HasSubstr("\nrefspec="));
    EXPECT_THAT(node->origin(0), Not(HasSubstr("replace-local")));
    EXPECT_THAT(node->refs(), Not(HasSubstr("rpmostree/pkg/"))) << "no deployment needs a cached package any more";
    node->expect_sound();
    node->expect_no_leftovers();
}
