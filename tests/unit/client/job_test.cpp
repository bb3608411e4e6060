// What rtnodectl prints of a job, against the lines of the RHCOS-RT how-to.

#include "client/job.hpp"

#include <gmock/gmock.h>

using namespace rtnode::client;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

namespace {

Json how_to_result() {
    return {
        {"freed", "36.1 MB (pkgcache branches: 2)"},
        {"upgraded", Json::array({"microcode_ctl 4:20190618-1.20190918.2.el8_1 -> 4:20190918-3.rhcos.1.el8"})},
        {"downgraded", Json::array()},
        {"removed",
         {"kernel-4.18.0-147.el8.x86_64", "kernel-core-4.18.0-147.el8.x86_64", "kernel-modules-4.18.0-147.el8.x86_64",
          "kernel-modules-extra-4.18.0-147.el8.x86_64"}},
        {"added",
         {"kernel-rt-core-4.18.0-147.rt24.93.el8.x86_64", "kernel-rt-modules-4.18.0-147.rt24.93.el8.x86_64",
          "kernel-rt-modules-extra-4.18.0-147.rt24.93.el8.x86_64"}},
    };
}

} // namespace

TEST(JobResult, PrintsTheHowTosPackageDiff) {
    EXPECT_THAT(result_lines(how_to_result()),
                ElementsAre("Freed: 36.1 MB (pkgcache branches: 2)", //
                            "Upgraded:", "microcode_ctl 4:20190618-1.20190918.2.el8_1 -> 4:20190918-3.rhcos.1.el8",
                            "Removed:", "kernel-4.18.0-147.el8.x86_64", "kernel-core-4.18.0-147.el8.x86_64",
                            "kernel-modules-4.18.0-147.el8.x86_64", "kernel-modules-extra-4.18.0-147.el8.x86_64",
                            "Added:", "kernel-rt-core-4.18.0-147.rt24.93.el8.x86_64",
                            "kernel-rt-modules-4.18.0-147.rt24.93.el8.x86_64",
                            "kernel-rt-modules-extra-4.18.0-147.rt24.93.el8.x86_64"));
}

TEST(JobResult, PrintsFreedOnceWhenTheLogSaidIt) {
    EXPECT_THAT(result_lines({{"freed", "36.1 MB"}}, true), IsEmpty());
    EXPECT_THAT(result_lines({{"freed", 36'100'000}}), ElementsAre("Freed: 36.1 MB"));
    EXPECT_THAT(result_lines({{"freed", 0}}), IsEmpty());
}

TEST(JobResult, PrintsTheNewKernelCommandLineWholeAndWhatChangedInIt) {
    const Json result{{"kernel-arguments-before", {"rw", "quiet", "root=UUID=1"}},
                      {"kernel-arguments", {"rw", "root=UUID=1", "nohz=on", "audit=0"}}};
    EXPECT_THAT(result_lines(result), ElementsAre("Kernel command line:", "rw root=UUID=1 nohz=on audit=0",
                                                  "  added: nohz=on audit=0", "  removed: quiet"));
}

TEST(JobResult, LeavesOutAKernelCommandLineThatStays) {
    const Json list = Json::array({"rw"});
    EXPECT_THAT(result_lines({{"kernel-arguments-before", list}, {"kernel-arguments", list}}), IsEmpty());
}

TEST(JobResult, SaysWhenOnlyTheOrderOfKernelArgumentsChanged) {
    const Json before = Json::array({"a", "b"}), after = Json::array({"b", "a"});
    EXPECT_THAT(result_lines({{"kernel-arguments-before", before}, {"kernel-arguments", after}}),
                ElementsAre("Kernel command line:", "b a", "  only their order changed"));
}

TEST(JobResult, ShowsThePlanOfADryRun) {
    const Json plan{
        {"plan", "abc"},
        {"packages", Json::array({{{"change", "replace"}, {"before", "m-4:1-1.x86_64"}, {"after", "m-4:2-1.x86_64"}},
                                  {{"change", "remove"}, {"before", "kernel-1-1.x86_64"}},
                                  {{"change", "install"}, {"after", "kernel-rt-core-1-1.x86_64"}}})},
        {"kernel-arguments-before", Json::array({"rw"})},
        {"kernel-arguments-after", Json::array({"rw", "nohz=on"})},
        {"warnings", Json::array({"bootc upgrade will refuse layered changes"})}};
    for (const Json& result : {Json{{"dry-run", true}, {"plan", plan}}, plan}) // nested, or in the result itself
        EXPECT_THAT(result_lines(result),
                    ElementsAre("Replaced:", "m 4:1-1 -> 4:2-1", "Removed:", "kernel-1-1.x86_64",
                                "Added:", "kernel-rt-core-1-1.x86_64", "Kernel command line:", "rw nohz=on",
                                "  added: nohz=on", "Warning: bootc upgrade will refuse layered changes"));
}

TEST(JobResult, PrintsNothingOfWhatIsAbsentOrOfAnotherType) {
    EXPECT_THAT(result_lines(Json::object()), IsEmpty());
    EXPECT_THAT(result_lines(Json()), IsEmpty());
    EXPECT_THAT(result_lines({{"upgraded", "no list"}, {"removed", Json::array({1, 2})}, {"plan", 7}}), IsEmpty());
}

TEST(JobResult, DoesNotLetPackagesSteerTheTerminal) {
    EXPECT_THAT(result_lines({{"added", Json::array({"\033[2Jx-1-1.noarch"})}}),
                ElementsAre("Added:", "?[2Jx-1-1.noarch"));
}

TEST(NextSteps, AreTheHowTosRebootLine) {
    EXPECT_THAT(next_steps({{"Result", how_to_result()}}, true),
                ElementsAre("Run \"systemctl reboot\" to start a reboot"));
    EXPECT_THAT(next_steps({{"Result", how_to_result()}}, false), IsEmpty());
}

TEST(NextSteps, SayThatTheRebootWasRequestedOrWhyNot) {
    EXPECT_THAT(next_steps({{"Result", {{"reboot", "requested"}}}}, true), ElementsAre("The node reboots now"));
    EXPECT_THAT(next_steps({{"Result", {{"reboot", "inhibited by backup"}}}}, true),
                ElementsAre("No reboot: inhibited by backup"));
}

TEST(NextSteps, SayThatThereWasNothingToDo) {
    EXPECT_THAT(next_steps({{"Result", {{"nothing-to-do", true}}}}, false),
                ElementsAre("Nothing to do: the node is as was asked already"));
}

TEST(NextSteps, OfADryRunNameItsPlan) {
    for (const Json& plan : {Json("0123abc"), Json{{"plan", "0123abc"}}})
        EXPECT_THAT(next_steps({{"Result", {{"dry-run", true}, {"plan", plan}}}}, true),
                    ElementsAre("Nothing was changed: this was a dry run", HasSubstr("--expected-plan 0123abc")));
}

TEST(NextSteps, OfAPlanAreTheApplyThatDoesIt) {
    const Json result{{"dry-run", true}, {"plan", "0123abc"}, {"profile", "worker-rt"}};
    EXPECT_THAT(next_steps({{"Result", result}}, true),
                ElementsAre("Nothing was changed: this was a dry run",
                            "To do exactly this: rtnodectl apply worker-rt --expected-plan 0123abc"));
}

TEST(FailureLine, HoldsTheJobsOwnMessage) {
    EXPECT_EQ(failure_line({{"Id", 7}, {"State", "failed"}, {"ErrorMessage", "no space in /boot: free 20 MB"}}),
              "job 7 failed: no space in /boot: free 20 MB");
    EXPECT_EQ(failure_line({{"Id", 7}, {"State", "interrupted"}, {"ErrorMessage", "the daemon was restarted"}}),
              "job 7 was interrupted: the daemon was restarted");
}

TEST(ProgressBar, FillsWithThePercentage) {
    EXPECT_EQ(progress_bar(0, "", 80), "[>                   ]   0% ");
    EXPECT_EQ(progress_bar(42, "Generating initramfs", 80), "[========>           ]  42% Generating initramfs");
    EXPECT_EQ(progress_bar(100, "Staging deployment", 80), "[====================] 100% Staging deployment");
    EXPECT_EQ(progress_bar(4200, "x", 80), "[====================] 100% x");
    EXPECT_EQ(progress_bar(42, "Generating initramfs", 30), "[========>           ]  42% Ge");
}

TEST(JobList, IsATable) {
    const std::string list =
        format_job_list({{{"Id", 7},
                          {"Kind", "override"},
                          {"State", "done"},
                          {"Created", 1572976080000000},
                          {"Ended", 1572976092500000},
                          {"Caller", "uid 0, pid 4711"}},
                         {{"Id", 8}, {"Kind", "kernel-arguments"}, {"State", "running"}, {"Percent", 42}}});
    EXPECT_EQ(list, "  JOB  KIND              STATE        CREATED                SECONDS  CALLER\n"
                    "    7  override          done         2019-11-05T17:48:00Z      12.5  uid 0, pid 4711\n"
                    "    8  kernel-arguments  running 42%  -                            -  \n");
    EXPECT_EQ(format_job_list({}), "No jobs\n");
}

TEST(JobShow, AlignsItsKeysAndEndsWithTheResult) {
    const std::string shown = format_job({{"Id", 7},
                                          {"Kind", "override"},
                                          {"State", "failed"},
                                          {"ErrorName", "org.rtnode1.Error.NoSpace"},
                                          {"ErrorMessage", "/boot is full"},
                                          {"Result", {{"added", Json::array({"a-1-1.noarch"})}}}});
    EXPECT_EQ(shown, "    Job: 7\n"
                     "   Kind: override\n"
                     "Created: -\n"
                     "  State: failed\n"
                     "  Error: org.rtnode1.Error.NoSpace\n"
                     "Message: /boot is full\n"
                     "Added:\n"
                     "a-1-1.noarch\n");
}

TEST(LeftRunning, SaysHowToFollowAndCancel) {
    EXPECT_THAT(left_running(7), Contains(HasSubstr("rtnodectl jobs follow 7")));
    EXPECT_THAT(left_running(7), Contains(HasSubstr("rtnodectl jobs cancel 7")));
}

TEST(SizeText, CountsInThousands) {
    EXPECT_EQ(size_text(999), "999 bytes");
    EXPECT_EQ(size_text(36'100'000), "36.1 MB");
    EXPECT_EQ(size_text(999'960), "1.0 MB");
}
