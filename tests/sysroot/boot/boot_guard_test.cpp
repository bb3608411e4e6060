// rtnode-boot-guard on a /boot of its own, where the boot entries are switched as libostree before 2025.2 does it. What
// a boot loader would find after a power cut is read from the disk's image with its journal left alone (debugfs).

#include "boot/settle.hpp"
#include "disk.hpp"
#include "node.hpp"
#include "process.hpp"
#include "state/unique_fd.hpp"

#include <gmock/gmock.h>

#include <array>
#include <csignal>
#include <fstream>

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

namespace {

using namespace rtnode;
using rtnode::test::Process;
using testing::HasSubstr;
namespace fs = std::filesystem;

class BootGuard : public testing::Test {
  protected:
    BootGuard() {
        write_entries("loader.0");
        fs::create_symlink("loader.0", boot_ / "loader");
        settle();
        const sockaddr_un address = ready_address();
        notifications_ = UniqueFd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
        if (::bind(notifications_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
            throw std::runtime_error("bind");
    }

    void write_entries(const std::string& folder) const {
        fs::create_directories(boot_ / folder / "entries");
        std::ofstream(boot_ / folder / "entries/ostree-1-rhcos.conf") << "title " << folder << '\n';
    }

    UniqueFd open_boot() const { return UniqueFd(::open(boot_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)); }

    bool settle() const { return boot::settle(open_boot().get()); }

    /// Up to the place where libostree goes on to delete what the old entries lead to.
    void switch_entries(const std::string& from, const std::string& to) const {
        write_entries(to);
        fs::create_symlink(to, boot_ / "loader.tmp");
        settle();
        fs::rename(boot_ / "loader.tmp", boot_ / "loader");
        ASSERT_EQ(::fsync(open_boot().get()), 0);
        ASSERT_TRUE(fs::exists(boot_ / from));
    }

    /// Where /boot/loader leads in an image of the disk, for a reader that doesn't replay its journal.
    std::string on_medium(const fs::path& image) const {
        const auto said = test::run({"debugfs", "-R", "stat /loader", image.string()}).out;
        const std::string label = "Fast link dest: \"";
        const auto at = said.find(label);
        if (at == std::string::npos) return said;
        const auto start = at + label.size();
        return said.substr(start, said.find('"', start) - start);
    }
    std::string on_medium() const { return on_medium(disk_.image); }

    nlink_t names_of_link() const {
        struct stat facts {};
        return ::lstat((boot_ / "loader").c_str(), &facts) == 0 ? facts.st_nlink : 0;
    }

    /// Starts it and waits until it says that it is ready.
    Process& guard() {
        guard_ = std::make_unique<Process>(test::Words{RTNODE_BOOT_GUARD, boot_.string()}, log_.string(),
                                           test::Variables{{"NOTIFY_SOCKET", ready_address().sun_path}});
        std::array<char, 512> text{};
        const auto size = ::recv(notifications_.get(), text.data(), text.size(), 0);
        EXPECT_THAT(std::string(text.data(), size > 0 ? static_cast<std::size_t>(size) : 0), HasSubstr("READY=1"));
        return *guard_;
    }

    std::string log() const { return file_text(log_); }

    tests::Disk disk_{64U << 20};
    fs::path boot_ = disk_.folder;
    fs::path beside_ = disk_.image.parent_path();

  private:
    sockaddr_un ready_address() const {
        sockaddr_un address{.sun_family = AF_UNIX};
        const auto path = (beside_ / "ready").string();
        path.copy(address.sun_path, sizeof address.sun_path - 1);
        return address;
    }

    fs::path log_ = beside_ / "guard.log";
    UniqueFd notifications_;
    std::unique_ptr<Process> guard_;
};

TEST_F(BootGuard, WithoutItASwitchThatWasFsyncedIsInTheJournalAlone) {
    switch_entries("loader.0", "loader.1");
    EXPECT_EQ(fs::read_symlink(boot_ / "loader"), "loader.1");
    EXPECT_EQ(on_medium(), "loader.0") << "then the guard is for nothing";
}

TEST_F(BootGuard, NobodyOpensTheOldEntriesBeforeTheNewOnesAreOnTheMedium) {
    auto& process = guard();
    process.signal(SIGSTOP);
    switch_entries("loader.0", "loader.1");
    EXPECT_EQ(on_medium(), "loader.0");
    // Like the clean-up, which opens a folder to delete what is in it; the image is copied as it is right after.
    const auto started = beside_ / "started", seen = beside_ / "seen";
    ASSERT_EQ(::mkfifo(started.c_str(), 0600), 0);
    Process cleaner({"sh", "-c", R"(: >"$1"; exec 3<"$2"; cp "$3" "$4"; rm -r "$2")", "sh", started.string(),
                     (boot_ / "loader.0").string(), disk_.image.string(), seen.string()},
                    beside_ / "cleaner.log");
    std::ifstream(started).get();
    process.signal(SIGCONT);
    EXPECT_EQ(cleaner.wait(), 0);
    EXPECT_EQ(on_medium(seen), "loader.1");
    EXPECT_FALSE(fs::exists(boot_ / "loader.0"));
}

TEST_F(BootGuard, ItGuardsEachSwitchNotOnlyTheFirst) {
    auto& process = guard();
    for (const auto& [from, to] : {std::pair{"loader.0", "loader.1"}, std::pair{"loader.1", "loader.0"}}) {
        switch_entries(from, to);
        EXPECT_EQ(test::run({"rm", "-r", (boot_ / from).string()}).status, 0);
        EXPECT_EQ(on_medium(), to);
    }
    process.signal(SIGTERM);
    EXPECT_EQ(process.wait(), 0);
    EXPECT_THAT(log(), HasSubstr("the boot entries of loader.0 are current instead of loader.1's, and on the medium"));
}

TEST_F(BootGuard, TheOldLinkKeepsItsInodeUntilTheNewOneIsOnTheMedium) {
    auto& process = guard();
    EXPECT_EQ(names_of_link(), 2U);
    process.signal(SIGTERM);
    EXPECT_EQ(process.wait(), 0);
    EXPECT_EQ(names_of_link(), 1U) << "nothing of it is left behind";
}

TEST_F(BootGuard, WhatAKilledOneLeftIsReplaced) {
    guard().signal(SIGKILL);
    EXPECT_EQ(names_of_link(), 2U);
    switch_entries("loader.0", "loader.1");
    EXPECT_EQ(names_of_link(), 1U);
    guard();
    EXPECT_EQ(names_of_link(), 2U);
}

TEST_F(BootGuard, WhoWaitsGoesOnWhenItDies) {
    auto& process = guard();
    process.signal(SIGSTOP);
    switch_entries("loader.0", "loader.1");
    Process cleaner({"rm", "-r", (boot_ / "loader.0").string()}, beside_ / "cleaner.log");
    process.signal(SIGKILL);
    EXPECT_EQ(cleaner.wait(), 0);
}

TEST_F(BootGuard, AReadOnlyBootFolderIsWritableForItAlone) {
    ASSERT_EQ(::mount(nullptr, boot_.c_str(), nullptr, MS_REMOUNT | MS_RDONLY, nullptr), 0);
    guard();
    EXPECT_EQ(names_of_link(), 2U);
    EXPECT_NE(::mkdir((boot_ / "x").c_str(), 0755), 0);
}

TEST_F(BootGuard, EntriesThatLibostreeDoesntSwitchAreLeftAloneAndNoFailure) {
    fs::remove(boot_ / "loader");
    fs::create_directory(boot_ / "loader");
    EXPECT_EQ(guard().wait(), 0);
    EXPECT_THAT(log(), HasSubstr("loader is no link to loader.0 or loader.1"));
}

TEST_F(BootGuard, AFileSystemThatCantBeFrozenIsSynced) {
    EXPECT_TRUE(settle());
    ASSERT_EQ(::mount("tmpfs", boot_.c_str(), "tmpfs", 0, nullptr), 0);
    EXPECT_FALSE(settle());
    ::umount(boot_.c_str());
}

TEST(BootGuardByHand, WrongArgumentsGetItsUsage) {
    const auto ran = test::run({RTNODE_BOOT_GUARD, "boot"});
    EXPECT_EQ(ran.status, 2);
    EXPECT_THAT(ran.out, HasSubstr("usage: rtnode-boot-guard [FOLDER]"));
    const auto absent = test::run({RTNODE_BOOT_GUARD, "/nowhere"});
    EXPECT_EQ(absent.status, 1);
    EXPECT_THAT(absent.out, HasSubstr("cannot open /nowhere: No such file or directory"));
}

} // namespace
