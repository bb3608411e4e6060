#include "assemble/outside_usr.hpp"

#include <gmock/gmock.h>

#include <sys/stat.h>

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
                                    "L /var/a\\x20b - - - - ../run/a%%b\n");
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
    EXPECT_THAT(left_out_of(package), ElementsAre("/var/lib/x/state", "/boot/config-1", "/usr/local/bin/x"));
}
