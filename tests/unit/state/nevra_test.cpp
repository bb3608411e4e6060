#include "state/error.hpp"
#include "state/nevra.hpp"

#include <gtest/gtest.h>

using namespace rtnode;

TEST(Nevra, PrintsTheEpochOnlyWhenThereIsOne) {
    EXPECT_EQ((Nevra{"microcode_ctl", 4, "20190918", "3.rhcos.1.el8", "x86_64"}.str()),
              "microcode_ctl-4:20190918-3.rhcos.1.el8.x86_64");
    EXPECT_EQ((Nevra{"kernel-rt-core", 0, "4.18.0", "147.rt24.93.el8", "x86_64"}.str()),
              "kernel-rt-core-4.18.0-147.rt24.93.el8.x86_64");
}

TEST(Nevra, ReadsWhatItPrints) {
    for (const auto* text : {"microcode_ctl-4:20190918-3.rhcos.1.el8.x86_64", "a-b-c-1~rc1-2^git.noarch"})
        EXPECT_EQ(Nevra::parse(text).str(), text);
}

TEST(Nevra, RefusesWhatIsNoIdentity) {
    for (const auto* text : {"", "kernel", "kernel-1", "kernel-1-2", "-1-2.x86_64", "a-x:1-2.x86_64", "a-1-2."})
        EXPECT_THROW(Nevra::parse(text), Error) << text;
}
