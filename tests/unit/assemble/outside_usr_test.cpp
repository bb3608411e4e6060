#include "assemble/outside_usr.hpp"

#include "temp_folder.hpp"

#include <gmock/gmock.h>

#include <sys/stat.h>

#include <cstdlib>
#include <fstream>

using namespace rtnode;
using namespace rtnode::assemble;
using testing::ElementsAre;

namespace {

PackageFileOnDisk package_with(std::vector<PackageFile> files) {
    PackageFileOnDisk package;
    package.files = std::move(files);
    return package;
}

} // namespace

TEST(OutsideUsr, FoldersAndLinksOfVarAreMadeAtBoot) {
    const auto package = package_with({
        {.path = "/var/lib/x", .mode = S_IFDIR | 0750, .user = "root", .group = "x"},
        {.path = "/var/run/x", .mode = S_IFDIR | 01777, .user = "root", .group = "root"},
        {.path = "/var/a b", .mode = S_IFLNK | 0777, .link_target = "../run/a%b"},
        {.path = "/var/lib/rpm/x", .mode = S_IFDIR | 0755, .user = "root", .group = "root"},
        {.path = "/var/log/x", .mode = S_IFDIR | 0755, .user = "root", .group = "root", .ghost = true},
        {.path = "/usr/lib/x", .mode = S_IFDIR | 0755, .user = "root", .group = "root"},
        {.path = "/variety", .mode = S_IFDIR | 0755, .user = "root", .group = "root"},
    });
    EXPECT_EQ(tmpfiles_of(package), "d /var/lib/x 0750 root x - -\n"
                                    "d /run/x 1777 root root - -\n"
                                    "L \"/var/a b\" - - - - ../run/a%%b\n");
}

TEST(OutsideUsr, OddNamesAreWhatSystemdMakesOfThem) {
    const std::vector<std::string> names{"a b", "q\"uo'te", "back\\x20slash", "per%cent", "tab\tx", "\"", "plain"};
    std::vector<PackageFile> files;
    for (const auto& name : names)
        files.push_back({.path = "/var/" + name, .mode = S_IFLNK | 0777, .link_target = "to/" + name});
    TempFolder temp;
    std::ofstream(temp.path / "odd.conf") << tmpfiles_of(package_with(files));
    std::filesystem::create_directories(temp.path / "root/var");
    const auto command =
        "systemd-tmpfiles --create --root=" + (temp.path / "root ").string() + (temp.path / "odd.conf").string();
    ASSERT_EQ(std::system(command.c_str()), 0);
    for (const auto& name : names)
        EXPECT_EQ(std::filesystem::read_symlink(temp.path / "root/var" / name), "to/" + name);
}

TEST(OutsideUsr, FilesThereAreLeftOut) {
    const auto package = package_with({
        {.path = "/var/lib/x/state", .mode = S_IFREG | 0644},
        {.path = "/boot/config-1", .mode = S_IFREG | 0644},
        {.path = "/boot/vmlinuz-1", .mode = S_IFREG | 0644, .ghost = true},
        {.path = "/usr/local/bin/x", .mode = S_IFREG | 0755},
        {.path = "/lib/modules/1/vmlinuz", .mode = S_IFREG | 0644},
        {.path = "/etc/x.conf", .mode = S_IFREG | 0644},
    });
    EXPECT_THAT(left_out_of(package), ElementsAre("/var/lib/x/state", "/usr/local/bin/x"));
    EXPECT_THAT(boot_files_of(package), ElementsAre("/boot/config-1"));
}

TEST(OutsideUsr, FoldersOfOptAreLinkedThereAtBoot) {
    const auto package = package_with({
        {.path = "/opt", .mode = S_IFDIR | 0755},
        {.path = "/opt/a b", .mode = S_IFDIR | 0755},
        {.path = "/opt/x/bin/tool", .mode = S_IFREG | 0755},
        {.path = "/opt/x/ghost", .mode = S_IFREG | 0644, .ghost = true},
        {.path = "/opt/gone/file", .mode = S_IFREG | 0644, .ghost = true},
        {.path = "/opt/file", .mode = S_IFREG | 0644},
    });
    EXPECT_THAT(opt_folders_of(package), ElementsAre("a b", "x"));
    EXPECT_EQ(tmpfiles_of(package), "L \"/opt/a b\" - - - - ../../usr/lib/opt/a b\n"
                                    "L /opt/x - - - - ../../usr/lib/opt/x\n");
    EXPECT_THAT(left_out_of(package), ElementsAre("/opt/file"));
}
