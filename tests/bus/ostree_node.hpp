#pragma once
// The daemon for a real sysroot that the real `ostree admin` changes.

#include "fixture.hpp"

#include <fstream>

namespace rtnode::test {

class OstreeNode : public BusTest {
  protected:
    void SetUp() override {
        ostree_admin({"init-fs", "--modern", sysroot});
        ostree_admin({"os-init", "host", "--sysroot=" + sysroot.string()});
        must({"ostree", "config", "--repo=" + repo(), "set", "sysroot.bootloader", "none"});
        must({"ostree", "config", "--repo=" + repo(), "set", "core.fsync", "false"});
    }
    void TearDown() override { must({"chattr", "-R", "-f", "-i", (sysroot / "ostree/deploy").string()}, false); }

    static void must(const Words& words, bool succeeds = true) {
        const auto done = run(words);
        EXPECT_TRUE(done.status == 0 || !succeeds) << done.out;
    }
    static void ostree_admin(Words words) {
        words.insert(words.begin(), {"ostree", "admin"});
        must(words);
    }
    std::string repo() const { return (sysroot / "ostree/repo").string(); }

    /// A base whose kernel says in its configuration what it is.
    std::string commit(const std::string& kver, bool is_real_time, const std::string& day) const {
        const auto tree = temp.path / ("tree-" + kver + day);
        const auto modules = tree / "usr/lib/modules" / kver;
        std::filesystem::create_directories(modules);
        std::filesystem::create_directories(tree / "usr/etc");
        std::ofstream(tree / "usr/etc/os-release") << "NAME=fixture\nID=fixture\n";
        std::ofstream(modules / "vmlinuz") << kver;
        std::ofstream(modules / "initramfs.img") << kver;
        std::ofstream(modules / "config")
            << "#\nCONFIG_SMP=y\n"
            << (is_real_time ? "CONFIG_PREEMPT_RT=y\n" : "# CONFIG_PREEMPT_RT is not set\n") << "CONFIG_HZ=1000\n";
        const auto done =
            run({"ostree", "commit", "--repo=" + repo(), "--branch=host", "--bootable", "--owner-uid=0",
                 "--owner-gid=0", "-s", "", "--parent=none", "--timestamp=" + day + " 00:00 +0000", tree.string()});
        EXPECT_EQ(done.status, 0) << done.out;
        return done.out.substr(0, 64);
    }
    void deploy(const std::string& commit, const Words& arguments = {"root=UUID=1"}) const {
        Words words{"deploy", "--sysroot=" + sysroot.string(), "--os=host", "--retain"};
        for (const auto& argument : arguments)
            words.push_back("--karg=" + argument);
        words.push_back(commit);
        ostree_admin(words);
    }
};

} // namespace rtnode::test
