#include "ostree/pkgcache.hpp"

#include <gtest/gtest.h>

#include <sys/stat.h>

namespace rtnode::ostree {
namespace {

TEST(PackageRef, IsQuotedAsRpmOstreeDoes) {
    EXPECT_EQ(package_ref({"microcode_ctl", 4, "20190918", "3.rhcos.1.el8", "x86_64"}),
              "rpmostree/pkg/microcode__ctl/4_3A20190918-3.rhcos.1.el8.x86__64");
    EXPECT_EQ(package_ref({"kernel-rt-core", 0, "4.18.0", "147.rt24.93.el8", "x86_64"}),
              "rpmostree/pkg/kernel-rt-core/4.18.0-147.rt24.93.el8.x86__64");
    EXPECT_EQ(package_ref({"libstdc++", 0, "1~rc^2", "1", "noarch"}),
              "rpmostree/pkg/libstdc_2B_2B/1_7Erc_5E2-1.noarch");
}

TEST(PackageRef, LeadsBackToThePackage) {
    for (const Nevra& nevra : {Nevra{"microcode_ctl", 4, "20190918", "3.rhcos.1.el8", "x86_64"},
                               Nevra{"libstdc++", 0, "1~rc^2", "1+b1", "noarch"}})
        EXPECT_EQ(package_of_ref(package_ref(nevra)), nevra);
}

TEST(PackageRef, OfAnotherFormIsNone) {
    for (const auto* ref : {"rpmostree/base/0", "rpmostree/pkg/x", "rpmostree/pkg/x/1-1",
                            "rpmostree/pkg/a_zz/1-1.noarch", "rpmostree/pkg/x/1.noarch"})
        EXPECT_FALSE(package_of_ref(ref)) << ref;
}

TEST(TranslatedPath, GoesWhereOstreeKeepsIt) {
    EXPECT_EQ(translated_path("/etc/ssh/x"), "usr/etc/ssh/x");
    EXPECT_EQ(translated_path("/etc"), "usr/etc");
    EXPECT_EQ(translated_path("/etcetera"), "etcetera");
    EXPECT_EQ(translated_path("/boot/vmlinuz-1"), "usr/lib/ostree-boot/vmlinuz-1");
    EXPECT_EQ(translated_path("/boot"), "boot") << "only what is in it moves";
    EXPECT_EQ(translated_path("/var/lib/selinux/targeted"), "var/lib/selinux/targeted");
    EXPECT_EQ(translated_path("/opt/x/y"), "usr/lib/opt/x/y");
    EXPECT_EQ(translated_path("/var/lib/selinux/targeted/active"), "usr/etc/selinux/targeted/active");
    EXPECT_EQ(translated_path("/var/lib/alternatives/x"), "usr/lib/alternatives/x");
    EXPECT_EQ(translated_path("/usr/lib/x/"), "usr/lib/x");
    EXPECT_EQ(translated_path("/lib/modules/1/vmlinuz"), "lib/modules/1/vmlinuz");
}

TEST(CarriedPath, IsUsrAndItsAliases) {
    for (const auto* path : {"usr", "usr/lib/x", "bin/sh", "lib64/y"})
        EXPECT_TRUE(carried_path(path)) << path;
    for (const auto* path : {"usr/local/x", "srv/x", "home", "var/x", "library", ""})
        EXPECT_FALSE(carried_path(path)) << path;
}

PackageFile folder(const char* path, unsigned mode) {
    return {.path = path, .mode = S_IFDIR | mode, .user = "root", .group = "disk"};
}

TEST(Tmpfiles, HaveALineForEachFolderAndLinkOfVarAndRun) {
    EXPECT_EQ(tmpfiles_line(folder("/var/lib/x", 0755)), "d /var/lib/x 0755 root disk - -");
    EXPECT_EQ(tmpfiles_line(folder("/var/tmp/x", 01777)), "d /var/tmp/x 1777 root disk - -");
    EXPECT_EQ(tmpfiles_line(folder("/var/run/x", 0700)), "d /run/x 0700 root disk - -");
    EXPECT_EQ(tmpfiles_line(folder("/var/lib/a b", 0700)), "d '/var/lib/a b' 0700 root disk - -");
    EXPECT_EQ(tmpfiles_line(folder("/var/lib/c++", 0700)), "d '/var/lib/c++' 0700 root disk - -");
    EXPECT_EQ(tmpfiles_line({.path = "/run/x", .mode = S_IFLNK | 0777, .link_target = "../y"}),
              "L /run/x - - - - ../y");
}

TEST(Tmpfiles, HaveNoLineForTheRest) {
    EXPECT_EQ(tmpfiles_line(folder("/usr/lib/x", 0755)), "");
    EXPECT_EQ(tmpfiles_line(folder("/var", 0755)), "");
    EXPECT_EQ(tmpfiles_line(folder("/var/lib/rpm", 0755)), "");
    EXPECT_EQ(tmpfiles_line(folder("/var/lib/rpm-state", 0755)), "") << "the importer looks at the begin only";
    EXPECT_EQ(tmpfiles_line(folder("/var/lib/selinux/x", 0755)), "");
    EXPECT_EQ(tmpfiles_line({.path = "/var/lib/x/file", .mode = S_IFREG | 0644}), "");
}

TEST(Tmpfiles, LinkOptAndAlternativesFirst) {
    auto ghost = folder("/var/lib/ghost", 0755);
    ghost.ghost = true;
    EXPECT_EQ(tmpfiles_snippet({folder("/opt/x", 0755), folder("/opt/x/y", 0755), folder("/var/lib/x", 0755), ghost,
                                folder("/var/lib/alternatives", 0755)}),
              "L /opt/x - - - - ../../usr/lib/opt/x\n"
              "L /var/lib/alternatives - - - - ../../usr/lib/alternatives\n"
              "d /var/lib/x 0755 root disk - -\n");
}

} // namespace
} // namespace rtnode::ostree
