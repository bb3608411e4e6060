#include "worker/kernel_checks.hpp"

#include "state/error.hpp"
#include "temp_folder.hpp"

#include <gmock/gmock.h>

#include <fstream>

using namespace rtnode;
using namespace rtnode::worker;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

namespace {

/// A kernel without signature, without digest, and with one module.
class NewKernel : public testing::Test {
  protected:
    NewKernel() { put("vmlinuz"), put("extra/dpdk-kmod.ko.xz"); }

    void put(const std::string& file) const {
        const auto path = temp.path / "usr/lib/modules/1-rt" / file;
        std::filesystem::create_directories(path.parent_path());
        std::ofstream(path) << "x";
    }
    /// "" or the refusal.
    std::string check(const KernelDemands& demands, const KernelChecks& checks, const std::string& argument = {}) {
        warnings.clear();
        try {
            check_new_kernel(demands, checks,
                             argument.empty() ? KernelArguments{} : KernelArguments{}.changed({argument}, {}),
                             temp.path, "1-rt", [&](const std::string& text) { warnings.push_back(text); });
        } catch (const Error& error) {
            EXPECT_EQ(error.reason(), Reason::UnsupportedBoot);
            return error.what();
        }
        return {};
    }

    TempFolder temp;
    std::vector<std::string> warnings;
};

} // namespace

TEST_F(NewKernel, IsTakenByAHostThatDemandsNothing) {
    EXPECT_EQ(check({}, {}), "");
    EXPECT_THAT(warnings, IsEmpty());
}

TEST_F(NewKernel, WithoutSignatureIsRefusedUnderSecureBoot) {
    EXPECT_THAT(check({.secure_boot = true}, {}), AllOf(HasSubstr("kernel 1-rt"), HasSubstr("no signature"),
                                                        HasSubstr("secure-boot in [kernel-checks]")));
    EXPECT_THAT(warnings, IsEmpty());
}

TEST_F(NewKernel, WithoutDigestIsRefusedInFipsModeAndWhenFipsIsAskedFor) {
    EXPECT_THAT(check({.fips = true}, {}), AllOf(HasSubstr(".vmlinuz.hmac"), HasSubstr("host is in FIPS mode")));
    EXPECT_THAT(check({}, {}, "fips=1"), HasSubstr("fips=1"));
    EXPECT_EQ(check({}, {}, "fips=0"), "");
    put(".vmlinuz.hmac");
    EXPECT_EQ(check({.fips = true}, {}, "fips=1"), "");
}

TEST_F(NewKernel, WithoutModulesThatAreLoadedIsSaid) {
    EXPECT_EQ(check({.out_of_tree_modules = {"dpdk_kmod", "nvidia"}}, {}), "");
    EXPECT_THAT(warnings, ElementsAre(AllOf(HasSubstr("nvidia"), Not(HasSubstr("dpdk")))));
    EXPECT_EQ(check({.out_of_tree_modules = {"dpdk_kmod"}}, {}), "");
    EXPECT_THAT(warnings, IsEmpty());
}

TEST_F(NewKernel, IsJudgedAsConfigured) {
    const KernelDemands all{.secure_boot = true, .fips = true, .out_of_tree_modules = {"nvidia"}};
    EXPECT_EQ(check(all, {Strictness::warn, Strictness::warn, Strictness::warn}), "");
    EXPECT_EQ(warnings.size(), 3U);
    EXPECT_EQ(check(all, {Strictness::ignore, Strictness::ignore, Strictness::ignore}), "");
    EXPECT_THAT(warnings, IsEmpty());
    EXPECT_THAT(check(all, {Strictness::ignore, Strictness::warn, Strictness::block}), HasSubstr("nvidia"));
    EXPECT_EQ(warnings.size(), 1U);
}
