#include "worker/package_store.hpp"

#include <gtest/gtest.h>

#include <fstream>

namespace fs = std::filesystem;
using namespace rtnode;
using worker::PackageStore;

namespace {

struct PackageStoreTest : testing::Test {
    fs::path folder = fs::path(testing::TempDir()) / ("store-" + std::to_string(getpid()));

    PackageFileOnDisk package(const std::string& header, const std::string& content) {
        fs::create_directories(folder);
        const auto path = folder / (header + ".download");
        std::ofstream(path) << content;
        PackageFileOnDisk file;
        file.path = path;
        file.header_sha256 = header;
        return file;
    }

    void TearDown() override { fs::remove_all(folder); }
};

TEST_F(PackageStoreTest, KeepsAFileThatOutlivesItsDownload) {
    const PackageStore store(folder / "packages");
    const auto downloaded = package("aa", "content");
    store.keep(downloaded);
    fs::remove(downloaded.path);

    ASSERT_TRUE(store.find("aa"));
    EXPECT_EQ(fs::file_size(*store.find("aa")), 7u);
    EXPECT_FALSE(store.find("bb"));
}

TEST_F(PackageStoreTest, KeepingTwiceIsKeepingOnce) {
    const PackageStore store(folder / "packages");
    store.keep(package("aa", "content"));
    store.keep(package("aa", "content"));
    EXPECT_TRUE(store.find("aa"));
}

TEST_F(PackageStoreTest, RetainsOnlyWhatLiveDeploymentsNeed) {
    const PackageStore store(folder / "packages");
    store.keep(package("aa", "four"));
    store.keep(package("bb", "sixsix"));
    EXPECT_EQ(store.retain_only({"aa"}), 6u);
    EXPECT_TRUE(store.find("aa"));
    EXPECT_FALSE(store.find("bb"));
}

TEST_F(PackageStoreTest, RemovesWhatACrashLeftHalfWritten) {
    const PackageStore store(folder / "packages");
    std::ofstream(folder / "packages" / "cc.rpm.part") << "half";
    store.retain_only({"cc"});
    EXPECT_TRUE(fs::is_empty(folder / "packages"));
}

} // namespace
