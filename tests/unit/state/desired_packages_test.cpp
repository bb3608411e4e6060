#include "state/desired_packages.hpp"
#include "state/error.hpp"

#include <gmock/gmock.h>

using namespace rtnode;
using testing::ElementsAre;

namespace {

Origin how_to_origin() {
    Origin origin;
    origin.overrides_remove = {"kernel", "kernel-core", "kernel-modules", "kernel-modules-extra"};
    origin.overrides_replace_local = {std::string(64, 'a') + ":microcode_ctl-4:20190918-3.rhcos.1.el8.x86_64"};
    origin.requested_local = {std::string(64, 'b') + ":kernel-rt-core-4.18.0-147.rt24.93.el8.x86_64",
                              std::string(64, 'c') + ":kernel-rt-modules-4.18.0-147.rt24.93.el8.x86_64",
                              std::string(64, 'd') + ":kernel-rt-modules-extra-4.18.0-147.rt24.93.el8.x86_64"};
    return origin;
}

} // namespace

TEST(DesiredPackages, ReadsAnOriginAsTheHowToLeavesIt) {
    const auto desired = DesiredPackages::of(how_to_origin());
    EXPECT_EQ(desired.remove.size(), 4u);
    EXPECT_EQ(desired.replace.at("microcode_ctl").nevra.evr(), "4:20190918-3.rhcos.1.el8");
    EXPECT_EQ(desired.install.at("kernel-rt-core").header_sha256, std::string(64, 'b'));
    EXPECT_EQ(desired.summary(), "5 overrides and 3 overlays");
}

TEST(DesiredPackages, ResettingNothingInParticularResetsAll) {
    auto desired = DesiredPackages::of(how_to_origin());
    EXPECT_THAT(desired.reset({}), ElementsAre());
    EXPECT_TRUE(desired.empty());
}

TEST(DesiredPackages, ResettingANameForgetsItWhereverItStands) {
    auto desired = DesiredPackages::of(how_to_origin());
    EXPECT_THAT(desired.reset({"kernel", "microcode_ctl", "bash"}), ElementsAre("bash"));
    EXPECT_FALSE(desired.remove.contains("kernel"));
    EXPECT_TRUE(desired.replace.empty());
    EXPECT_EQ(desired.install.size(), 3u);
}

TEST(DesiredPackages, APinReadsWhatItPrints) {
    const auto text = std::string(64, '0') + ":a-1:2-3.noarch";
    EXPECT_EQ(PinnedPackage::parse(text).str(), text);
}

TEST(DesiredPackages, AnUnreadablePinIsAnErrorThatShowsIt) {
    for (const auto& text :
         {std::string("abc:a-1-2.x86_64"), std::string(64, 'G') + ":a-1-2.x86_64", std::string(64, 'a')})
        EXPECT_THROW(PinnedPackage::parse(text), Error) << text;
}
