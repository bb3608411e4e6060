// Nodes that rtnode can't or mustn't change: refused before any work, with nothing changed.

#include "disk.hpp"
#include "node.hpp"
#include "worker_run.hpp"

#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <string>
#include <vector>

namespace fs = std::filesystem;
using namespace rtnode;
using namespace rtnode::tests;
using testing::Contains;
using testing::HasSubstr;
using testing::Not;

namespace {

Request tools() {
    Request request;
    request.replace = {"rtnode-tools"};
    return request;
}

Request arguments() {
    Request request;
    request.kind = JobKind::kernel_arguments;
    request.append_kernel_arguments = {"skew_tick=1"};
    return request;
}

void add_stateroot(const TestNode& node) {
    const auto sysroot = "--sysroot=" + node.sysroot.string();
    output_of({"ostree", "admin", "os-init", sysroot, "other"});
    output_of({"ostree", "admin", "deploy", sysroot, "--os=other", "--karg=root=UUID=2", node.checksum(0)});
}

struct Case {
    std::string name;
    Reason reason;
    std::string names;
    bool arguments_work; ///< kernel arguments alone can still be changed
    std::function<void(TestNode&)> make_odd;
};

fs::path tree(const TestNode& node) {
    return node.deployments().at(0);
}

/// A file of /usr, which a deployment shares with the object store: made anew, not written through.
void put(const fs::path& file, const std::string& text) {
    fs::create_directories(file.parent_path());
    fs::remove(file);
    std::ofstream(file) << text;
}

const std::vector<Case>& cases() {
    static const std::vector<Case> rows{
        {"PartialBase", Reason::PartialCommit, "pull it again", false,
         [](TestNode& node) { put(node.sysroot / "ostree/repo/state" / (node.checksum(0) + ".commitpartial"), "f"); }},
        {"LayeringLocked", Reason::LayeringLocked, "LockLayering", true,
         [](TestNode& node) { put(tree(node) / "etc/rpm-ostreed.conf", "[Daemon]\nLockLayering=true\n"); }},
        {"ComposefsRoot", Reason::UnsupportedRoot, "composefs", false,
         [](TestNode& node) { put(tree(node) / "usr/lib/ostree/prepare-root.conf", "[composefs]\nenabled=yes\n"); }},
        {"SealedRoot", Reason::UnsupportedRoot, "sealed", false,
         [](TestNode& node) { put(tree(node) / "usr/lib/ostree/prepare-root.conf", "[composefs]\nenabled=signed\n"); }},
        {"TransientRoot", Reason::UnsupportedRoot, "transient", false,
         [](TestNode& node) { put(tree(node) / "usr/lib/ostree/prepare-root.conf", "[root]\ntransient=true\n"); }},
        {"ComposefsRepository", Reason::UnsupportedRoot, "composefs", false,
         [](TestNode& node) {
             output_of({"ostree", "config", "--repo=" + (node.sysroot / "ostree/repo").string(), "set",
                        "ex-integrity.composefs", "true"});
         }},
        {"OriginWithoutRefspec", Reason::UnusableOrigin, "rebase", false,
         [](TestNode& node) { put(tree(node).string() + ".origin", "[origin]\ncustom-url=pivot://x\n"); }},
        {"ForeignOverrideWithoutItsFile", Reason::ForeignLayering, "foreign-1-1.x86_64", true,
         [](TestNode& node) {
             std::ofstream(tree(node).string() + ".origin", std::ios::app)
                 << "\n[packages]\nrequested-local=" << std::string(64, 'a') << ":foreign-1-1.x86_64;\n";
         }},
        {"SeveralStateroots", Reason::AmbiguousStateroot, "other, rhcos", false, add_stateroot},
    };
    return rows;
}

class Odd : public testing::TestWithParam<Case> {};

} // namespace

TEST_P(Odd, IsRefusedAndStaysAsItIs) {
    Disk disk;
    TestNode node(disk.folder);
    GetParam().make_odd(node);
    const auto before = node.state();

    const auto refused = run_worker(node.order(tools()));
    ASSERT_TRUE(refused.failure) << refused.why();
    EXPECT_EQ(dbus_name(refused.failure->reason), dbus_name(GetParam().reason)) << refused.why();
    EXPECT_THAT(refused.failure->message, HasSubstr(GetParam().names));
    EXPECT_THAT(refused.steps, testing::ElementsAre("Checking the node")) << "refused before any work";
    EXPECT_EQ(node.state(), before);

    const auto changed = run_worker(node.order(arguments()));
    EXPECT_EQ(changed.result.has_value(), GetParam().arguments_work) << changed.why();
    if (!GetParam().arguments_work) {
        EXPECT_EQ(node.state(), before);
    }
    node.expect_no_leftovers();
}

INSTANTIATE_TEST_SUITE_P(Node, Odd, testing::ValuesIn(cases()), [](const auto& row) { return row.param.name; });

TEST(SeveralStateroots, TheNamedOneIsChangedAndTheOtherStays) {
    Disk disk;
    TestNode node(disk.folder);
    add_stateroot(node);
    const auto entry_of = [&](const std::string& stateroot) {
        std::string entries;
        for (std::size_t index = 0; index < node.deployments().size(); ++index)
            if (const auto entry = node.boot_entry(index); entry.find("/" + stateroot + "/") != std::string::npos)
                entries += entry.substr(entry.find("\noptions"));
        return entries;
    };
    for (const std::string name : {"rhcos", "other"}) {
        const auto other = entry_of(name == "rhcos" ? "other" : "rhcos");
        auto request = tools();
        request.os = name;
        request.append_kernel_arguments = {"of=" + name};
        const auto changed = run_worker(node.order(request));
        ASSERT_TRUE(changed.result) << changed.why();
        EXPECT_EQ(node.deployments().at(0).parent_path().parent_path().filename(), name);
        EXPECT_THAT(node.packages(0), Contains("rtnode-tools-1.1-1.el9.noarch"));
        EXPECT_THAT(entry_of(name), HasSubstr("of=" + name));
        EXPECT_THAT(entry_of(name == "rhcos" ? "other" : "rhcos"), Not(HasSubstr("of=" + name)));
        node.expect_sound();
    }
    EXPECT_EQ(node.deployments().size(), 4u) << "of each the new one and the way back";
}
