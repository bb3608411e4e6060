// Entries as ostree 2022.7 and systemd 252 leave them in the journal.

#include "state/shutdown_trace.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace rtnode {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

const std::string ours(64, 'a'), theirs(64, 'b');

FinalizationEntry said(const std::string& message, std::string_view id = {}, const std::string& checksum = {}) {
    return {.message = message, .message_id = std::string(id), .checksum = checksum, .unit_result = {}};
}

const FinalizationEntry stopping =
    said("Stopping ostree-finalize-staged.service - OSTree Finalize Staged Deployment...", unit_stopping_id);
const FinalizationEntry finalizing = said("Finalizing staged deployment", finalizing_id, ours);
const FinalizationEntry written =
    said("Bootloader updated; bootconfig swap: yes; bootversion: boot.0.1, deployment count change: 1",
         deployments_written_id);
const FinalizationEntry unit_failed{"ostree-finalize-staged.service: Failed with result 'exit-code'.",
                                    "d9b373ed55a64feb8242e02dbe79a49c", "", "exit-code"};

/// The fate of our commit, of a boot that the journal has.
std::string fate(const std::vector<FinalizationEntry>& entries) {
    auto trace = trace_of(entries);
    trace.boot_known = true;
    return fate_of(ours, trace);
}

TEST(ShutdownTrace, AFailureIsToldInOstreesOwnWordsOnce) {
    const std::string words = "During /etc merge: Modified config file newly defaults to directory 'x.d', cannot merge";
    const std::vector<FinalizationEntry> entries{stopping,
                                                 finalizing,
                                                 said("Copying /etc changes: 5 modified, 1 removed, 12 added"),
                                                 said("error: " + words),
                                                 said("error: " + words),
                                                 unit_failed};
    EXPECT_THAT(trace_of(entries).errors, ElementsAre(words));
    EXPECT_THAT(fate(entries), HasSubstr("failed: " + words));
    EXPECT_THAT(fate(entries), HasSubstr("then ask again"));
}

TEST(ShutdownTrace, AFailureWithoutWordsIsToldInSystemds) {
    auto timed_out = unit_failed;
    timed_out.unit_result = "timeout";
    EXPECT_THAT(fate({stopping, finalizing, timed_out}), HasSubstr("failed: ostree-finalize-staged.service ended with "
                                                                   "the result 'timeout'"));
}

TEST(ShutdownTrace, WhatANeighbourDroppedWasNotStagedAnyMore) {
    EXPECT_THAT(fate({stopping, said("No deployment staged for finalization")}), HasSubstr("somebody dropped it"));
    EXPECT_THAT(fate({stopping, said("No deployment staged for finalization or soft reboot")}),
                HasSubstr("somebody dropped it"));
}

TEST(ShutdownTrace, WhatANeighbourPutInItsPlaceIsNamed) {
    auto another = finalizing;
    another.checksum = theirs;
    EXPECT_THAT(fate({stopping, another, written}), HasSubstr(theirs));
    EXPECT_THAT(fate({stopping, another, written}), HasSubstr("replaced"));
    EXPECT_THAT(fate({stopping, said("Not finalizing; found /run/ostree/staged-deployment-locked")}),
                HasSubstr("locked"));
}

TEST(ShutdownTrace, WithoutAShutdownItWasAPowerCut) {
    EXPECT_THAT(fate({}), HasSubstr("without a shutdown"));
    EXPECT_THAT(fate({stopping, finalizing}), HasSubstr("while it was finalized"));
}

TEST(ShutdownTrace, WhatWasFinalizedIsNoFailure) {
    EXPECT_THAT(fate({stopping, finalizing, written}), HasSubstr("it was finalized"));
    EXPECT_THAT(fate({stopping, finalizing, written, said("error: Performing cleanup: x"), unit_failed}),
                HasSubstr("it was finalized"));
}

TEST(ShutdownTrace, AJournalThatIsGoneIsNoPowerCut) {
    EXPECT_THAT(fate_of(ours, ShutdownTrace{}), HasSubstr("journal of that boot isn't kept"));
    // What ostree-boot-complete.service repeats in the next boot needs no journal of the one before.
    EXPECT_THAT(fate_of(ours, ShutdownTrace{.errors = {"No space left on device"}}),
                HasSubstr("failed: No space left on device"));
}

} // namespace
} // namespace rtnode
