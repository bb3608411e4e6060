// New base commits from real remotes: a repository behind nginx or in a folder, signed or not.

#include "fixture.hpp"

#include "ostree/deploy.hpp"
#include "ostree/origin.hpp"
#include "ostree/pull.hpp"
#include "state/error.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <cstdio>
#include <memory>
#include <vector>

namespace rtnode::ostree {
namespace fs = std::filesystem;
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

Origin origin_of(const std::string& keys) {
    return parse_origin("[origin]\n" + keys);
}

class PullTest : public SysrootTest {
  protected:
    void SetUp() override {
        SysrootTest::SetUp();
        run("ostree init --mode=archive --repo=" + upstream.string());
    }

    /// A commit of the fixture's tree in the remote repository, with one more file. @param more options of ostree
    /// commit
    std::string publish(const std::string& version, const std::string& more = "") {
        write(tree / "usr/lib/release", version);
        auto checksum = run("ostree commit --repo=" + upstream.string() + " --branch=" + from.ref +
                            " --bootable --owner-uid=0 --owner-gid=0 -s '' --add-metadata-string=version=" + version +
                            " " + more + " " + tree.string());
        checksum.erase(checksum.find_last_not_of('\n') + 1);
        return checksum;
    }
    void add_remote(const std::string& url, const std::string& more = "--no-gpg-verify") {
        ostree("remote add " + more + " " + from.remote + " " + url);
    }
    std::string ref(const std::string& refspec) {
        auto commit = run("ostree --repo=" + repo.string() + " rev-parse " + refspec + " || true");
        return commit.substr(0, commit.find('\n'));
    }
    std::unique_ptr<PulledBase> pulled() {
        return pull(*sysroot, from, "7", base, [this] { return canceled; });
    }
    Error refusal() {
        try {
            pulled();
        } catch (const Error& error) {
            return error;
        }
        return Error(Reason::Internal, "pulled");
    }
    void open_node() { sysroot = std::make_unique<Sysroot>(open()); }

    fs::path upstream = folder / "upstream";
    RemoteRef from{"updates", "os/x86_64/stable"};
    std::unique_ptr<Sysroot> sysroot;
    bool canceled = false;
};

/// URL of a real nginx that offers the folder until this program ends.
std::string serve(const fs::path& folder) {
    static std::vector<FILE*> open; // the script prints more, and ends with us
    open.push_back(popen(("exec " RTNODE_NODE_SCRIPTS "/serve " + folder.string() + " 0").c_str(), "r"));
    char line[256] = "";
    EXPECT_NE(fgets(line, sizeof line, open.back()), nullptr) << "nginx did not start";
    const std::string url = line;
    return url.substr(0, url.find('\n'));
}

} // namespace

TEST(RemoteOf, AnOriginIsTheRefspecInItsParts) {
    const auto of_remote = remote_of(origin_of("refspec=fedora:fedora/x86_64/coreos/stable\n"));
    EXPECT_EQ(of_remote.remote, "fedora");
    EXPECT_EQ(of_remote.ref, "fedora/x86_64/coreos/stable");
    EXPECT_EQ(of_remote.str(), "fedora:fedora/x86_64/coreos/stable");
    EXPECT_EQ(remote_of(origin_of("baserefspec=a:b\n")).str(), "a:b") << "of a layered deployment";
    EXPECT_EQ(remote_of(origin_of("refspec=local/branch\n")).remote, "");
}

TEST(RemoteOf, WhatCantBePulledForIsRefusedWithWhatToDoInstead) {
    const auto refusal = [](const std::string& keys) {
        try {
            remote_of(origin_of(keys));
        } catch (const Error& error) {
            EXPECT_EQ(error.reason(), Reason::UnusableOrigin);
            return std::string(error.what());
        }
        return std::string("taken");
    };
    EXPECT_THAT(refusal("refspec=" + std::string(64, 'a') + "\n"), AllOf(HasSubstr("commit"), HasSubstr("--no-pull")));
    EXPECT_THAT(refusal("container-image-reference=ostree-unverified-registry:quay.io/x@sha256:01\n"),
                AllOf(HasSubstr("container image"), HasSubstr("--no-pull")));
    EXPECT_THAT(refusal("custom-url=x\n"), HasSubstr("no refspec"));
}

TEST_F(PullTest, ANewCommitComesWholeAndTheRemotesOwnRefStaysWhereItIs) {
    add_remote("file://" + upstream.string());
    open_node();
    const auto first = publish("2.0");
    ostree("pull " + from.str());
    const auto second = publish("2.1");
    {
        const auto base_now = pulled();
        EXPECT_EQ(base_now->checksum(), second);
        EXPECT_EQ(ostree("cat " + second + " /usr/lib/release"), "2.1");
        EXPECT_EQ(ref(from.str()), first) << "only a deployment moves it";
        EXPECT_EQ(ref("rtnode/tmp/7/base"), second) << "so that a prune leaves it";
        EXPECT_THAT(ostree("refs"), Not(HasSubstr("rtnode-tmp")));
    }
    EXPECT_THAT(ostree("refs"), Not(HasSubstr("rtnode")));
    EXPECT_FALSE(fs::exists(repo / "refs/remotes/rtnode-tmp"));
}

TEST_F(PullTest, OverHttpToo) {
    add_remote(serve(upstream));
    open_node();
    const auto commit = publish("2.0");
    EXPECT_EQ(pulled()->checksum(), commit);
    EXPECT_EQ(pulled()->checksum(), commit) << "and again, from what is there";
    ostree("pull " + from.str());
    EXPECT_EQ(pulled()->checksum(), commit) << "the remote's own ref is there already";
}

TEST_F(PullTest, ABranchOfNoRemoteIsLookedUp) {
    from = {"", "fixture/host"};
    write(tree / "usr/lib/release", "2.0");
    const auto commit = commit_tree();
    open_node();
    EXPECT_EQ(pulled()->checksum(), commit);
    from.ref = "no/such";
    EXPECT_EQ(refusal().reason(), Reason::UnusableOrigin);
}

TEST_F(PullTest, AnOlderCommitIsNoUpdate) {
    add_remote("file://" + upstream.string());
    open_node();
    const auto commit = publish("0.9", "--timestamp='2001-01-01 00:00 +0000'");
    const auto before = observable();
    const auto error = refusal();
    EXPECT_EQ(error.reason(), Reason::OlderBase);
    EXPECT_THAT(error.what(), AllOf(HasSubstr(commit), HasSubstr(from.str()), HasSubstr("--allow-downgrade")));
    EXPECT_EQ(observable(), before);
}

TEST_F(PullTest, ASignatureIsCheckedAsTheRemotesConfigurationSays) {
    const auto home = folder / "gnupg";
    fs::create_directory(home);
    fs::permissions(home, fs::perms::owner_all);
    const std::string gpg = "gpg --homedir " + home.string() + " --batch --quiet ";
    run(gpg + "--passphrase '' --quick-gen-key signer@example.invalid ed25519 sign never");
    run(gpg + "--export --output " + (folder / "key").string());
    add_remote("file://" + upstream.string(), "--set=gpg-verify=true --gpg-import=" + (folder / "key").string());
    open_node();
    const auto before = observable();
    publish("2.0");
    const auto error = refusal();
    EXPECT_EQ(error.reason(), Reason::BadSignature) << error.what();
    EXPECT_THAT(error.what(), HasSubstr("gpg-import"));
    EXPECT_EQ(observable(), before);

    const auto good = publish("2.1", "--gpg-homedir=" + home.string() + " --gpg-sign=signer@example.invalid");
    EXPECT_EQ(pulled()->checksum(), good);
    run("gpgconf --homedir " + home.string() + " --kill all");
}

TEST_F(PullTest, WhatTheRemoteLacksLeavesTheNodeAsItWas) {
    add_remote("file://" + upstream.string());
    open_node();
    const auto before = observable();
    auto error = refusal(); // nothing was published
    EXPECT_EQ(error.reason(), Reason::DownloadFailed);
    EXPECT_THAT(error.what(), HasSubstr(from.str()));
    from.remote = "nobody";
    EXPECT_EQ(refusal().reason(), Reason::DownloadFailed);
    EXPECT_EQ(observable(), before);
}

TEST_F(PullTest, ADeploymentMovesTheRemotesRefAndAKillBeforeItIsTakenBack) {
    add_remote("file://" + upstream.string());
    const auto first = publish("2.0");
    ostree("pull " + from.str());
    const auto second = publish("2.1");
    open_node();
    const auto held = pulled();
    const auto lock = sysroot->lock(std::chrono::seconds(1));
    DeployRequest request{.stateroot = "host",
                          .checksum = second,
                          .origin = "[origin]\nrefspec=" + from.str() + "\n",
                          .kernel_arguments = KernelArguments::parse("root=UUID=1"),
                          .refs = {{from.str(), second}}};
    std::string at_the_last_moment;
    request.last_call = [&] {
        at_the_last_moment = ref(from.str());
        throw Error(Reason::Canceled, "stopped");
    };
    EXPECT_THROW(deploy(*sysroot, request), Error);
    EXPECT_EQ(at_the_last_moment, second);
    EXPECT_EQ(ref(from.str()), first) << "taken back";

    // As a kill at the last moment leaves it.
    ostree("refs --create=rtnode/tmp/moved/before/updates/" + from.ref + " " + first);
    ostree("refs --create=rtnode/tmp/moved/after/updates/" + from.ref + " " + second);
    ostree("refs --force --create=" + from.str() + " " + second);
    remove_leftovers(*sysroot);
    EXPECT_EQ(ref(from.str()), first);
    EXPECT_THAT(ostree("refs"), Not(HasSubstr("rtnode/tmp/moved")));

    const auto again = pulled();
    request.last_call = nullptr;
    deploy(*sysroot, request);
    EXPECT_EQ(ref(from.str()), second);
    EXPECT_THAT(ostree("refs"), Not(HasSubstr("rtnode/tmp/moved")));

    // A kill right after it: the notes are stale.
    ostree("refs --create=rtnode/tmp/moved/before/updates/" + from.ref + " " + first);
    ostree("refs --create=rtnode/tmp/moved/after/updates/" + from.ref + " " + second);
    remove_leftovers(*sysroot);
    EXPECT_EQ(ref(from.str()), second);
}

} // namespace rtnode::ostree
