#include "worker/package_diff.hpp"

#include <gmock/gmock.h>

using namespace rtnode;
using testing::ElementsAre;
using testing::IsEmpty;

namespace {

bool newer(const Nevra& left, const Nevra& right) {
    return left.evr() < right.evr();
}

Nevra package(const char* text) {
    return Nevra::parse(text);
}

} // namespace

TEST(PackageDiff, TellsTheHowTosStory) {
    const auto diff = worker::diff_packages(
        {package("microcode_ctl-4:1-1.x86_64"), package("kernel-core-1-1.x86_64"), package("bash-1-1.x86_64")},
        {package("microcode_ctl-4:2-1.x86_64"), package("kernel-rt-core-1-2.x86_64"), package("bash-1-1.x86_64")},
        newer);
    EXPECT_THAT(diff.upgraded, ElementsAre("microcode_ctl 4:1-1 -> 4:2-1"));
    EXPECT_THAT(diff.removed, ElementsAre("kernel-core-1-1.x86_64"));
    EXPECT_THAT(diff.added, ElementsAre("kernel-rt-core-1-2.x86_64"));
    EXPECT_THAT(diff.downgraded, IsEmpty());
}

TEST(PackageDiff, ADowngradeIsCalledOne) {
    const auto diff = worker::diff_packages({package("a-2-1.noarch")}, {package("a-1-1.noarch")}, newer);
    EXPECT_THAT(diff.downgraded, ElementsAre("a 2-1 -> 1-1"));
}

TEST(PackageDiff, SeveralVersionsOfOneNameComeAndGoByThemselves) {
    const auto diff = worker::diff_packages({package("gpg-pubkey-1-1.none"), package("gpg-pubkey-2-2.none")},
                                            {package("gpg-pubkey-2-2.none"), package("gpg-pubkey-3-3.none")}, newer);
    EXPECT_THAT(diff.removed, ElementsAre("gpg-pubkey-1-1.none"));
    EXPECT_THAT(diff.added, ElementsAre("gpg-pubkey-3-3.none"));
    EXPECT_THAT(diff.upgraded, IsEmpty());
}
