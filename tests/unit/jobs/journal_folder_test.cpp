#include "jobs/journal_folder.hpp"

#include "temp_folder.hpp"

#include <gtest/gtest.h>

#include <fstream>

using namespace rtnode;
using namespace rtnode::jobs;

namespace {

Job sample(std::uint32_t id) {
    Job job;
    job.id = id;
    job.kind = "override";
    job.caller = "uid 0";
    job.request = R"({"kind":"override"})";
    job.state = State::failed;
    job.created_us = 1;
    job.ended_us = 2;
    job.percent = 40;
    job.error_name = "org.rtnode1.Error.NoSpace";
    job.error_message = "no room \"here\"";
    job.boot_id = "b";
    return job;
}

class JournalFolderTest : public testing::Test {
  protected:
    TempFolder temp;
    std::filesystem::path folder = temp.path / "state/jobs";
};

} // namespace

TEST_F(JournalFolderTest, AJobSurvives) {
    JournalFolder(folder).store(sample(7));
    const auto jobs = JournalFolder(folder).load();
    ASSERT_EQ(jobs.size(), 1U);
    EXPECT_EQ(jobs[0].id, 7U);
    EXPECT_EQ(jobs[0].state, State::failed);
    EXPECT_EQ(jobs[0].error_message, "no room \"here\"");
    EXPECT_EQ(jobs[0].request, R"({"kind":"override"})");
    EXPECT_EQ(jobs[0].percent, 40U);
}

TEST_F(JournalFolderTest, NumbersAreNeverUsedTwice) {
    EXPECT_EQ(JournalFolder(folder).take_number(), 1U);
    {
        JournalFolder again(folder); // job 1 was never stored
        EXPECT_EQ(again.take_number(), 2U);
        again.store(sample(2));
        again.remove(2);
    }
    EXPECT_EQ(JournalFolder(folder).take_number(), 3U);
}

TEST_F(JournalFolderTest, ALostCounterIsMadeUpForByTheJobs) {
    {
        JournalFolder journal(folder);
        journal.store(sample(41));
    }
    std::filesystem::remove(folder / "next");
    EXPECT_EQ(JournalFolder(folder).take_number(), 42U);
}

TEST_F(JournalFolderTest, ADamagedRecordIsPutAsideAndTheOthersStay) {
    JournalFolder journal(folder);
    journal.store(sample(1));
    journal.store(sample(2));
    std::ofstream(folder / "1.json") << "{ \"id\": 1";
    const auto jobs = journal.load();
    ASSERT_EQ(jobs.size(), 1U);
    EXPECT_EQ(jobs[0].id, 2U);
    EXPECT_TRUE(std::filesystem::exists(folder / "1.json.damaged"));
    EXPECT_EQ(JournalFolder(folder).take_number(), 3U);
}

TEST_F(JournalFolderTest, WhatACrashLeftIsRemoved) {
    JournalFolder first(folder);
    std::ofstream(folder / "5.json.tmp") << "half";
    const JournalFolder again(folder);
    EXPECT_FALSE(std::filesystem::exists(folder / "5.json.tmp"));
    EXPECT_TRUE(again.load().empty());
}

TEST_F(JournalFolderTest, LogsAreReadFromAnyLine) {
    const JournalFolder journal(folder);
    for (const auto* line : {"one", "two\nstill two", "three"})
        journal.append(3, line);
    EXPECT_EQ(journal.count_log_lines(3), 3U);
    EXPECT_EQ(journal.read_log(3, 1, 10), (std::vector<std::string>{"two still two", "three"}));
    EXPECT_EQ(journal.read_log(3, 0, 1), (std::vector<std::string>{"one"}));
    EXPECT_TRUE(journal.read_log(3, 3, 10).empty());
    EXPECT_TRUE(journal.read_log(4, 0, 10).empty());
}

TEST_F(JournalFolderTest, ASymbolicLinkInPlaceOfTheFolderIsRefused) {
    std::filesystem::create_directories(temp.path / "elsewhere");
    std::filesystem::create_directories(folder.parent_path());
    std::filesystem::create_directory_symlink(temp.path / "elsewhere", folder);
    EXPECT_THROW(JournalFolder{folder}, Error);
}
