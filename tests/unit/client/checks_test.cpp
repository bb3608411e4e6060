#include "client/checks.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace rtnode::client {
namespace {

using testing::ElementsAre;

Json row(const char* check, const char* state, const char* expected, const char* actual, const char* remedy) {
    return {{"check", check}, {"state", state}, {"expected", expected}, {"actual", actual}, {"remedy", remedy}};
}

TEST(Checks, AreALineEachAndAFailedOneSaysWhatToDo) {
    const Json rows{
        row("kernel", "ok", "6.1-rt", "6.1-rt", ""), row("clocksource", "failed", "tsc", "hpet", "look at dmesg"),
        row("package x", "failed", "x-1", "", "ask again"), row("microcode", "not-applicable", "", "", "none there")};
    EXPECT_THAT(check_lines(rows, false),
                ElementsAre("ok             kernel      6.1-rt", "failed         clocksource hpet (should be tsc)",
                            "               look at dmesg", "failed         package x   nothing (should be x-1)",
                            "               ask again"));
    EXPECT_EQ(check_lines(rows, true).size(), 7U) << "and the one that doesn't apply, with why";
    EXPECT_EQ(check_summary(rows), "4 checks: 1 ok, 2 failed, 1 not-applicable");
    EXPECT_TRUE(any_failed(rows));
    EXPECT_FALSE(any_failed(Json::array()));
}

TEST(Checks, CantSteerTheTerminal) {
    EXPECT_THAT(check_lines(Json::array({row("a", "ok", "", "x\033[2J", "")}), false),
                ElementsAre("ok             a x?[2J"));
}

TEST(Explanations, NameTheStateOnlyWhereItMatters) {
    const Json rows{
        {{"argument", "nohz_full=2-3"}, {"state", "ok"}, {"why", "no tick"}, {"since", "3.10"}, {"remark", ""}},
        {{"argument", "mce=off"},
         {"state", "dangerous"},
         {"why", "no checks"},
         {"since", ""},
         {"remark", "hides faults"}}};
    EXPECT_THAT(explain_lines(rows), ElementsAre("nohz_full=2-3  no tick (since 3.10)",
                                                 "mce=off        dangerous: no checks", "    hides faults"));
}

} // namespace
} // namespace rtnode::client
