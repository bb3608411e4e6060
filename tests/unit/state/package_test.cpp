#include "state/package.hpp"

#include <gtest/gtest.h>

using namespace rtnode;

TEST(Package, IsAKernelByProvidesOrByContent) {
    PackageFileOnDisk package;
    EXPECT_FALSE(package.is_kernel());
    package.provides = {"kernel-rt-core"};
    EXPECT_TRUE(package.is_kernel());
    package.provides = {};
    package.files = {{.path = "/lib/modules/6.1.0/vmlinuz"}};
    EXPECT_TRUE(package.is_kernel()) << "a vendor's kernel with another name";
    package.files = {{.path = "/usr/lib/modules/6.1.0/kernel/x.ko"}};
    EXPECT_FALSE(package.is_kernel());
}

TEST(Package, CarriesMicrocodeByContent) {
    PackageFileOnDisk package;
    package.files = {{.path = "/usr/lib/firmware/amd-ucode/microcode_amd.bin"}};
    EXPECT_TRUE(package.has_microcode());
    package.files = {{.path = "/usr/lib/firmware/amdgpu/x.bin"}};
    EXPECT_FALSE(package.has_microcode());
}
