// Callers' files: opened without following, blocking or believing.

#include "fetch/local.hpp"
#include "state/digest.hpp"
#include "state/error.hpp"
#include "temporary_folder.hpp"

#include <gtest/gtest.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace rtnode::fetch {
namespace {

namespace fs = std::filesystem;

Error refusal(const std::function<void()>& act) {
    try {
        act();
    } catch (const Error& error) {
        return error;
    }
    return fail(Reason::Internal, "nothing was refused");
}

struct LocalFile : testing::Test {
    TemporaryFolder folder;
    fs::path cache = folder.path() / "cache";
    std::size_t cached() const {
        std::size_t count = 0;
        if (fs::exists(cache / "packages"))
            for ([[maybe_unused]] const auto& entry : fs::directory_iterator(cache / "packages"))
                ++count;
        return count;
    }
};

TEST_F(LocalFile, IsCopiedIntoTheCacheByItsDigest) {
    const auto file = folder.write("x.rpm", "content");
    const auto copy = import_file(file, sha256_of("content"), cache);
    EXPECT_EQ(copy.sha256, sha256_of("content"));
    EXPECT_EQ(copy.path, cache / "packages" / (sha256_of("content") + ".rpm"));
    EXPECT_EQ(copy.size, 7U);
    EXPECT_EQ(TemporaryFolder::read(copy.path), "content");
    EXPECT_EQ(cached(), 1U) << "no temporary file stays";
    EXPECT_EQ(fs::status(cache / "packages").permissions(), fs::perms::owner_all);
}

TEST_F(LocalFile, WithAnotherDigestIsRefusedAndNotKept) {
    const auto file = folder.write("x.rpm", "content");
    const auto error = refusal([&] { import_file(file, std::string(64, '0'), cache); });
    EXPECT_EQ(error.reason(), Reason::DigestMismatch);
    EXPECT_EQ(cached(), 0U);
}

TEST_F(LocalFile, OfAnotherKindIsRefusedWithItsKind) {
    const auto target = folder.write("secret", "root:x");
    fs::create_symlink(target, folder.path() / "link");
    ASSERT_EQ(mkfifo((folder.path() / "fifo").c_str(), 0600), 0);
    for (const auto& [path, kind] : {std::pair<fs::path, std::string>{folder.path() / "link", "a symbolic link"},
                                     {folder.path() / "fifo", "a FIFO"},
                                     {folder.path(), "a folder"},
                                     {"/dev/null", "a device"},
                                     {folder.path() / "missing", "No such file"}}) {
        const auto error = refusal([&] { import_file(path, "", cache); });
        EXPECT_EQ(error.reason(), Reason::UnsafePath) << path;
        EXPECT_NE(std::string(error.what()).find(kind), std::string::npos) << error.what();
    }
    EXPECT_EQ(refusal([] { open_regular("relative"); }).reason(), Reason::UnsafePath);
}

TEST_F(LocalFile, FromADescriptorIsReadFromItsStartWithoutMovingIt) {
    const int fd = open(folder.write("x.rpm", "content").c_str(), O_RDONLY | O_CLOEXEC);
    ASSERT_EQ(lseek(fd, 3, SEEK_SET), 3);
    EXPECT_EQ(import_descriptor(fd, "fd:0", "", cache).sha256, sha256_of("content"));
    EXPECT_EQ(lseek(fd, 0, SEEK_CUR), 3);
    close(fd);
}

TEST_F(LocalFile, DescriptorsOfOtherKindsAreRefused) {
    int ends[2];
    ASSERT_EQ(pipe2(ends, O_CLOEXEC), 0);
    EXPECT_EQ(refusal([&] { import_descriptor(ends[0], "fd:0", "", cache); }).reason(), Reason::UnsafePath);
    close(ends[0]);
    close(ends[1]);
    EXPECT_EQ(refusal([&] { import_descriptor(ends[0], "fd:0", "", cache); }).reason(), Reason::UnsafePath);
    const int write_only = open(folder.write("x.rpm", "c").c_str(), O_WRONLY | O_CLOEXEC);
    EXPECT_EQ(refusal([&] { import_descriptor(write_only, "fd:0", "", cache); }).reason(), Reason::UnsafePath);
    close(write_only);
}

TEST_F(LocalFile, CopyingCanBeCanceled) {
    const auto file = folder.write("x.rpm", "content");
    EXPECT_EQ(refusal([&] { import_file(file, "", cache, [] { return true; }); }).reason(), Reason::Canceled);
    EXPECT_EQ(cached(), 0U);
}

} // namespace
} // namespace rtnode::fetch
