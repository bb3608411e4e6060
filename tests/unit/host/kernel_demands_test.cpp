#include "host/kernel_demands.hpp"

#include "temp_folder.hpp"

#include <gmock/gmock.h>

#include <fstream>

using namespace rtnode;
using namespace rtnode::host;
using testing::ElementsAre;
using testing::IsEmpty;

namespace {

class Demands : public testing::Test {
  protected:
    void write(const std::string& file, const std::string& text) const {
        const auto path = temp.path / file;
        std::filesystem::create_directories(path.parent_path());
        std::ofstream(path, std::ios::binary) << text;
    }
    KernelDemands demands() const { return kernel_demands(temp.path); }

    TempFolder temp;
    const std::string variable = "sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c";
};

} // namespace

TEST_F(Demands, AreNoneWhereNothingSaysSo) {
    EXPECT_EQ(demands(), KernelDemands{});
}

TEST_F(Demands, SecureBootIsTheValueBehindTheAttributes) {
    write(variable, std::string("\6\0\0\0\1", 5));
    EXPECT_TRUE(demands().secure_boot);
    write(variable, std::string("\6\0\0\0\0", 5));
    EXPECT_FALSE(demands().secure_boot);
    write(variable, "\1");
    EXPECT_FALSE(demands().secure_boot);
}

TEST_F(Demands, FipsIsWhatTheKernelSays) {
    write("proc/sys/crypto/fips_enabled", "0\n");
    EXPECT_FALSE(demands().fips);
    write("proc/sys/crypto/fips_enabled", "1\n");
    EXPECT_TRUE(demands().fips);
}

TEST_F(Demands, ModulesFromElsewhereAreThoseWithTheTaint) {
    write("sys/module/ext4/taint", "\n");
    write("sys/module/nvidia/taint", "POE\n");
    write("sys/module/local/taint", "E\n");
    write("sys/module/staging/taint", "C\n");
    write("sys/module/kernel/parameters/x", "1\n"); // built in: no taint file
    EXPECT_THAT(demands().out_of_tree_modules, ElementsAre("local", "nvidia"));
}
