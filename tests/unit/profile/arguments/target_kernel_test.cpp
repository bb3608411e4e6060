#include "profile/arguments/target_kernel.hpp"
#include "state/error.hpp"

#include <gtest/gtest.h>

namespace rtnode::profile {
namespace {

struct Release {
    const char* name;
    unsigned major, minor, el, build;
    bool real_time;
};

TEST(TargetKernel, IsReadFromItsRelease) {
    for (const auto& [name, major_, minor_, el, build, real_time] : {
             Release{"5.14.0-427.el9.x86_64", 5, 14, 9, 427, false},
             Release{"5.14.0-427.13.1.el9_4.x86_64+rt", 5, 14, 9, 427, true},
             Release{"4.18.0-147.rt24.93.el8.x86_64", 4, 18, 8, 147, true},
             Release{"4.18.0-147.0.3.el8_1.x86_64", 4, 18, 8, 147, false},
             Release{"6.12.0-55.9.1.el10_0.x86_64", 6, 12, 10, 55, false},
             Release{"6.1.0-56-rt-amd64", 6, 1, 0, 56, true},
             Release{"6.1.0-56-amd64", 6, 1, 0, 56, false},
             Release{"6.6.0-rt15", 6, 6, 0, 0, true},
             Release{"5.15.0-1032-realtime", 5, 15, 0, 1032, true},
             Release{"6.8.0-start-port", 6, 8, 0, 0, false},
             Release{"6.9.7-200.fc40.x86_64", 6, 9, 0, 200, false},
         }) {
        const auto kernel = TargetKernel::parse(name);
        EXPECT_EQ(kernel.release, name);
        EXPECT_EQ(kernel.major, major_) << name;
        EXPECT_EQ(kernel.minor, minor_) << name;
        EXPECT_EQ(kernel.el, el) << name;
        EXPECT_EQ(kernel.build, build) << name;
        EXPECT_EQ(kernel.real_time, real_time) << name;
    }
}

TEST(TargetKernel, RefusesWhatIsNoRelease) {
    for (const auto* text : {"", "linux", "5", "5.", ".5", "-5.14", "v6.1"})
        EXPECT_THROW(TargetKernel::parse(text), Error) << text;
}

TEST(TargetKernel, UnderstandsWhatCameWithItsVersionOrEarlier) {
    const auto kernel = TargetKernel::parse("5.14.0-427.el9.x86_64");
    EXPECT_TRUE(kernel.understands({}));
    EXPECT_TRUE(kernel.understands({5, 14}));
    EXPECT_TRUE(kernel.understands({4, 20}));
    EXPECT_FALSE(kernel.understands({5, 15}));
    EXPECT_FALSE(kernel.understands({6, 0}));
}

TEST(TargetKernel, UnderstandsWhatRedHatBroughtToItsOlderOnes) {
    const Since since{6, 4, 9, 362, {}};
    EXPECT_TRUE(TargetKernel::parse("5.14.0-362.8.1.el9_3.x86_64").understands(since));
    EXPECT_FALSE(TargetKernel::parse("5.14.0-284.30.1.el9_2.x86_64").understands(since));
    EXPECT_FALSE(TargetKernel::parse("4.18.0-553.el8_10.x86_64").understands(since)) << "another release";
    EXPECT_FALSE(TargetKernel::parse("6.1.0-500-amd64").understands(since)) << "another distribution";
    EXPECT_TRUE(TargetKernel::parse("6.4.0").understands(since));
}

TEST(Since, IsWrittenForPeople) {
    EXPECT_EQ(Since{}.text(), "before 4.18");
    EXPECT_EQ((Since{6, 11, 0, 0, {}}.text()), "6.11");
    EXPECT_EQ((Since{5, 6, 8, 193, {}}.text()), "5.6 (el8: build 193)");
    EXPECT_EQ((Since{5, 6, 8, 193, "systemd 245"}.text()), "systemd 245");
}

} // namespace
} // namespace rtnode::profile
