#include "profile/gate/acceptance_record.hpp"

#include "temp_folder.hpp"

#include <gmock/gmock.h>

#include <fstream>

namespace rtnode::profile {
namespace {

using testing::ElementsAre;
using testing::Field;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

AcceptanceEntry entry(const std::string& plan, Outcome outcome) {
    return {.plan = plan,
            .profile = "worker-rt",
            .deployment = "4711",
            .outcome = outcome,
            .reasons = {"why"},
            .measurement = 12,
            .boot_id = "b",
            .time_us = 1'700'000'000'000'000};
}

Deployment deployment(const std::string& checksum, bool pinned) {
    Deployment made;
    made.stateroot = "rhcos";
    made.checksum = checksum;
    made.pinned = pinned;
    return made;
}

auto called(const std::string& checksum) {
    return Field(&Deployment::checksum, checksum);
}

} // namespace

TEST(AcceptanceRecord, OfAnUnknownPlanNothingIsKnown) {
    EXPECT_EQ(AcceptanceRecord().failed_before("p"), std::nullopt);
}

TEST(AcceptanceRecord, RemembersPlansThatFailed) {
    AcceptanceRecord record;
    record.add(entry("good", Outcome::accepted));
    record.add(entry("bad", Outcome::failed));
    record.add(entry("back", Outcome::rolled_back));
    EXPECT_EQ(record.failed_before("good"), std::nullopt);
    EXPECT_EQ(record.failed_before("bad"), entry("bad", Outcome::failed));
    EXPECT_EQ(record.failed_before("back"), entry("back", Outcome::rolled_back));
}

TEST(AcceptanceRecord, TheLastVerdictOnAPlanCounts) {
    AcceptanceRecord record;
    record.add(entry("p", Outcome::failed));
    record.add(entry("p", Outcome::accepted));
    EXPECT_EQ(record.failed_before("p"), std::nullopt);
    EXPECT_THAT(record.entries(), SizeIs(1));
    record.add(entry("p", Outcome::rolled_back));
    EXPECT_NE(record.failed_before("p"), std::nullopt);
}

TEST(AcceptanceRecord, APlanThatFailedMayBeTriedAgainWhenSomebodySaysSo) {
    AcceptanceRecord record;
    record.add(entry("p", Outcome::rolled_back));
    record.add(entry("q", Outcome::failed));
    record.add(entry("r", Outcome::accepted));
    EXPECT_TRUE(record.may_try_again("p"));
    EXPECT_FALSE(record.may_try_again("p"));
    EXPECT_FALSE(record.may_try_again("r")) << "it didn't fail";
    EXPECT_EQ(record.failed_before("p"), std::nullopt);
    EXPECT_NE(record.failed_before("q"), std::nullopt);
    EXPECT_THAT(record.entries(), SizeIs(2));
}

TEST(AcceptanceRecord, KeepsTheNewestEntries) {
    AcceptanceRecord record;
    for (int i = 0; i < 40; ++i)
        record.add(entry(std::to_string(i), Outcome::failed));
    ASSERT_THAT(record.entries(), SizeIs(AcceptanceRecord::most_entries));
    EXPECT_EQ(record.entries().front().plan, "8");
    EXPECT_EQ(record.entries().back().plan, "39");
}

TEST(AcceptanceRecord, OnlyWhatWePinnedIsUnpinned) {
    AcceptanceRecord record;
    record.note_pin(deployment("old", false));
    record.note_pin(deployment("theirs", true));
    record.note_pin(deployment("good", false));
    const std::vector deployments{deployment("good", true), deployment("old", true), deployment("theirs", true)};
    EXPECT_THAT(record.to_unpin(deployments, deployments[0]), ElementsAre(called("old")));
}

TEST(AcceptanceRecord, WhatIsntPinnedAnyMoreIsNotUnpinned) {
    AcceptanceRecord record;
    record.note_pin(deployment("old", false));
    EXPECT_THAT(record.to_unpin({deployment("old", false)}, deployment("good", true)), IsEmpty());
    record.note_unpinned(deployment("old", false));
    EXPECT_THAT(record.to_unpin({deployment("old", true)}, deployment("good", true)), IsEmpty())
        << "somebody pinned it since";
}

TEST(AcceptanceRecord, TwoDeploymentsOfOneCommitAreTwo) {
    AcceptanceRecord record;
    auto first = deployment("same", true), second = first;
    second.serial = 1;
    second.pinned = false;
    record.note_pin(second);
    second.pinned = true;
    EXPECT_THAT(record.to_unpin({first, second}, deployment("good", true)),
                ElementsAre(Field(&Deployment::serial, 1U)));
}

TEST(AcceptanceRecord, TheWayBackIsTheNewestThatWePinnedAndThatIsntBooted) {
    AcceptanceRecord record;
    record.note_pin(deployment("older", false));
    record.note_pin(deployment("newer", false));
    record.note_pin(deployment("booted", false));
    auto booted = deployment("booted", true);
    booted.booted = true;
    const auto back =
        record.way_back({booted, deployment("theirs", true), deployment("older", true), deployment("newer", true)});
    ASSERT_TRUE(back);
    EXPECT_EQ(back->checksum, "newer");
    EXPECT_FALSE(record.way_back({booted, deployment("newer", false)})) << "a power cut before it was pinned";
    EXPECT_FALSE(record.way_back({booted}));
}

TEST(AcceptanceRecord, PinsOfDeploymentsThatAreGoneAreForgotten) {
    AcceptanceRecord record;
    record.note_pin(deployment("gone", false));
    record.note_pin(deployment("there", false));
    record.forget_pins_except({deployment("there", true)});
    EXPECT_THAT(record.to_unpin({deployment("gone", true), deployment("there", true)}, deployment("good", true)),
                ElementsAre(called("there")));
}

TEST(AcceptanceRecord, SurvivesOnDisk) {
    const TempFolder temp;
    std::vector<std::string> warnings;
    AcceptanceRecord record;
    record.add(entry("good", Outcome::accepted));
    record.add(entry("bad", Outcome::failed));
    record.add(entry("back", Outcome::rolled_back));
    record.note_pin(deployment("old", false));
    record.set_baseline({12, "deployment 4711\nkernel 5.14\n"});
    record.save(temp.path);

    const auto read = AcceptanceRecord::load(temp.path, warnings);
    EXPECT_EQ(read.entries(), record.entries());
    EXPECT_EQ(read.baseline(), record.baseline());
    EXPECT_THAT(read.to_unpin({deployment("old", true)}, deployment("good", true)), SizeIs(1));
    EXPECT_THAT(warnings, IsEmpty());
}

TEST(AcceptanceRecord, AMissingOrDamagedFileIsAnEmptyRecord) {
    const TempFolder temp;
    std::vector<std::string> warnings;
    EXPECT_THAT(AcceptanceRecord::load(temp.path, warnings).entries(), IsEmpty());
    EXPECT_THAT(warnings, IsEmpty());

    AcceptanceRecord record;
    record.add(entry("p", Outcome::failed));
    record.save(temp.path);
    {
        std::ifstream in(temp.path / AcceptanceRecord::file_name);
        std::string text(std::istreambuf_iterator<char>(in), {});
        text.replace(text.find("\"failed\""), 8, "\"dunno\"");
        std::ofstream(temp.path / AcceptanceRecord::file_name) << text;
    }
    EXPECT_THAT(AcceptanceRecord::load(temp.path, warnings).entries(), IsEmpty());
    EXPECT_THAT(warnings, ElementsAre(HasSubstr("dunno")));
}

} // namespace rtnode::profile
