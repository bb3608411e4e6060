// What the worker commits from its overlay is, to the checksum, what rpm makes of a full copy of the base.

#include "disk.hpp"
#include "node.hpp"
#include "worker_run.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

namespace fs = std::filesystem;
using namespace rtnode;
using namespace rtnode::tests;
using testing::AllOf;
using testing::Contains;
using testing::HasSubstr;

namespace {

class OverlayCommit : public testing::Test {
  protected:
    std::string repo() const { return "--repo=" + (node.sysroot / "ostree/repo").string(); }

    /// Every path of a commit's /usr with type, mode, owner, size, attributes and checksums. Without the RPM database,
    /// which no two transactions write alike, and therefore without the content checksum of folders: what is in them
    /// is listed. Their own metadata's checksum stays.
    std::vector<std::string> listing(const std::string& commit, const char* path = "/usr") const {
        std::istringstream lines(output_of({"ostree", repo(), "ls", "-RCX", commit, path}));
        std::vector<std::string> found;
        for (std::string line; std::getline(lines, line);) {
            if (line.find(" /usr/share/rpm/") != std::string::npos) continue;
            if (line.starts_with('d')) {
                std::istringstream words(line);
                std::string mode, user, group, size, content;
                words >> mode >> user >> group >> size >> content;
                line.erase(line.find(content), content.size());
            }
            found.push_back(line);
        }
        return found;
    }

    /// The commit that the worker makes of an update by this file.
    std::string by_worker(const std::string& rpm, bool replace = true) {
        Request request;
        (replace ? request.replace : request.install) = {rpm};
        request.allow_unsigned = true;
        const auto run = run_worker(node.order(request));
        EXPECT_TRUE(run.result) << run.why();
        return run.result ? run.result->at("checksum").get<std::string>() : "";
    }

    /// The same by rpm itself in a full copy of the base's files (no hard links to the repository), then a commit of
    /// the whole copy.
    std::string by_hand(const std::string& rpm) {
        const auto tree = node.folder / "by-hand";
        output_of({"ostree", repo(), "checkout", "--force-copy", base, tree.string()});
        fs::rename(tree / "usr/etc", tree / "etc");
        const auto file = tree / "run/by-hand.rpm";
        fs::copy_file(rpm, file);
        output_of({"unshare", "--mount", "--pid", "--fork", "--net", "chroot", tree.string(), "rpm", "--upgrade",
                   "--nosignature", "--noplugins", "/run/by-hand.rpm"});
        fs::remove(file);
        fs::rename(tree / "etc", tree / "usr/etc");
        auto commit = output_of(
            {"ostree", repo(), "commit", "--orphan", "--parent=none", "--subject=", "--tree=dir=" + tree.string()});
        commit.erase(commit.find_last_not_of('\n') + 1);
        return commit;
    }

    /// An RPM with these files and this scriptlet, made now.
    std::string package(const std::string& install, const std::string& post, const std::string& files) {
        const auto spec = node.folder / "hard.spec";
        std::ofstream(spec) << "Name: hard\nVersion: 1\nRelease: 1\nSummary: x\nLicense: x\nBuildArch: noarch\n"
                            << "%define _build_id_links none\n%description\nx\n%install\nmkdir -p %{buildroot}\n"
                            << "cd %{buildroot}\n"
                            << install << "\n%post\n"
                            << post << "\n%files\n"
                            << files << "\n";
        const auto top = node.folder / "rpmbuild";
        output_of({"rpmbuild", "--quiet", "-bb", "--define", "_topdir " + top.string(), "--define",
                   "_rpmdir " + top.string(), "--define", "__os_install_post %{nil}", spec.string()});
        return (top / "noarch/hard-1-1.noarch.rpm").string();
    }

    /// @return the listing of the worker's commit
    std::vector<std::string> expect_same(const std::string& rpm, bool replace) {
        const auto ours = by_worker(rpm, replace), theirs = by_hand(rpm);
        if (HasFailure()) return {};
        const auto mine = listing(ours);
        EXPECT_NE(mine, listing(base)) << "something must have changed at all";
        EXPECT_EQ(mine, listing(theirs));
        node.expect_sound();
        return mine;
    }

    Disk disk;
    TestNode node{disk.folder};
    std::string base = node.checksum(0);
};

std::string layout_update() {
    for (const auto& package : facts().at("repo2"))
        if (package.at("name") == "rtnode-layout") return package_path(package.at("nevra"));
    return {};
}

} // namespace

TEST_F(OverlayCommit, OfAnUpdateThatChangesShape) {
    expect_same(layout_update(), true);
}

TEST_F(OverlayCommit, OfLinksModesOwnersAndConfiguration) {
    const auto mine = expect_same(
        package("mkdir -p etc/hard.d usr/lib/hard/sub usr/bin\n"
                "echo one > usr/lib/hard/one; ln usr/lib/hard/one usr/lib/hard/two\n"
                "ln -s one usr/lib/hard/link; : > usr/lib/hard/empty\n"
                "for name in suid sgid caps; do echo $name > usr/bin/hard-$name; done\n"
                "echo a=1 > etc/hard.d/hard.conf",
                "echo from the scriptlet >> /etc/hard.d/hard.conf",
                "%attr(0750,daemon,games) %dir /usr/lib/hard\n%attr(1777,root,root) %dir /usr/lib/hard/sub\n"
                "/usr/lib/hard/one\n/usr/lib/hard/two\n/usr/lib/hard/link\n%attr(0000,root,root) "
                "/usr/lib/hard/empty\n%attr(4755,root,root) /usr/bin/hard-suid\n"
                "%attr(2711,root,games) /usr/bin/hard-sgid\n"
                "%caps(cap_net_raw=ep) /usr/bin/hard-caps\n%config /etc/hard.d/hard.conf\n%dir /etc/hard.d"),
        false);
    EXPECT_THAT(mine, Contains(AllOf(HasSubstr("/usr/bin/hard-caps"), HasSubstr("security.capability"))));
    EXPECT_THAT(mine, Contains(AllOf(testing::StartsWith("-04755 0 0"), testing::EndsWith("/usr/bin/hard-suid"))));
}

// Scriptlets do what packages' files can't: rename the base's folders, change it in place, put things in others' stead.
TEST_F(OverlayCommit, OfWhatScriptletsDoToTheBase) {
    expect_same(package("mkdir -p usr/lib/hard",
                        "set -e\ncd /usr/share/rtnode-layout\n"
                        "mv old-folder-name renamed\n"
                        "mv renamed/sub moved-up; mkdir -p old-folder-name/sub; echo again > old-folder-name/sub/file\n"
                        "rm -r removed-folder; mkdir removed-folder; echo opaque > removed-folder/new\n"
                        "rm -r folder-to-file; echo file > folder-to-file\n"
                        "rm -r folder-to-symlink; ln -s kept folder-to-symlink\n"
                        "rm file-to-folder; mkdir file-to-folder; echo in > file-to-folder/in\n"
                        "rm symlink-to-folder; mkdir symlink-to-folder\n"
                        "rm symlink-to-file; echo file > symlink-to-file\n"
                        "rm removed-file; rmdir removed-empty\n"
                        "echo more >> links-a; ln kept/file kept/hard-link; echo through >> kept/hard-link\n"
                        "chmod 4711 bits-change; chown 7:8 mode-changes; chmod 0750 same-name\n"
                        "chown -h 5:6 kept; truncate -s 1000 same-name/only-in-1\n"
                        "echo changed >> /etc/hostname; rm /etc/shells; mv /etc/default /etc/default-renamed\n"
                        "ln -sf ../usr/share/rtnode-layout/kept/file /etc/fstab",
                        "%dir /usr/lib/hard"),
                false);
}

// The comparison must see what it is for.
TEST_F(OverlayCommit, TheListingTellsModesAttributesContentAndFoldersApart) {
    const auto tree = node.folder / "changed";
    const auto after = [&](const std::string& change) {
        output_of(
            {"ostree", repo(), "checkout", "--force-copy", "--subpath=/usr/share/rtnode-layout", base, tree.string()});
        output_of({"sh", "-c", "cd " + tree.string() + " && " + change});
        auto commit = output_of(
            {"ostree", repo(), "commit", "--orphan", "--parent=none", "--subject=", "--tree=dir=" + tree.string()});
        fs::remove_all(tree);
        commit.erase(commit.find_last_not_of('\n') + 1);
        return listing(commit, "/");
    };
    const auto before = after("true");
    EXPECT_EQ(after("touch links-a"), before) << "times are no part of a commit";
    for (const auto* change :
         {"chmod 0700 kept", "chmod u+s bits-change", "chown 1:1 links-a", "rm removed-file", "echo y > removed-file",
          "mkdir empty", "setcap cap_net_raw+ep bits-change", "rmdir removed-empty",
          "ln -sfn elsewhere symlink-to-file", "mv old-folder-name renamed"})
        EXPECT_NE(after(change), before) << change;
}
