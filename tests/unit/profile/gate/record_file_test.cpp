#include "profile/gate/record_file.hpp"

#include "state/error.hpp"
#include "state/file_text.hpp"
#include "temp_folder.hpp"

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include <fstream>

namespace rtnode::profile {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

struct RecordFile : testing::Test {
    TempFolder temp;
    std::filesystem::path file = temp.path / "record.json";
    std::vector<std::string> warnings;

    std::string read() {
        std::string text = "none";
        read_record(file, warnings, [&](const nlohmann::json& json) { text = json.at("text").get<std::string>(); });
        return text;
    }
};

TEST_F(RecordFile, WhatWasWrittenLastIsRead) {
    write_record(file, {{"text", "a"}});
    write_record(file, {{"text", "b"}});
    EXPECT_EQ(read(), "b");
    EXPECT_THAT(warnings, IsEmpty());
}

TEST_F(RecordFile, NothingElseStaysInTheFolder) {
    write_record(file, {{"text", "a"}});
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(temp.path))
        names.push_back(entry.path().filename().string());
    EXPECT_THAT(names, ElementsAre("record.json"));
}

TEST_F(RecordFile, OnlyRootReadsIt) {
    write_record(file, {{"text", "a"}});
    using std::filesystem::perms;
    EXPECT_EQ(std::filesystem::status(file).permissions() & (perms::group_all | perms::others_all), perms::none);
}

TEST_F(RecordFile, AMissingFileIsNoRecordAndNoWarning) {
    EXPECT_EQ(read(), "none");
    EXPECT_THAT(warnings, IsEmpty());
}

TEST_F(RecordFile, ADamagedFileIsPutAsideAndSaid) {
    std::ofstream(file) << R"({"text": )";
    EXPECT_EQ(read(), "none");
    EXPECT_THAT(warnings, ElementsAre(HasSubstr("record.json is damaged and was put aside")));
    EXPECT_EQ(file_text(temp.path / "record.json.damaged"), R"({"text": )");
    EXPECT_FALSE(std::filesystem::exists(file));
}

TEST_F(RecordFile, AFileOfOtherContentIsDamagedToo) {
    std::ofstream(file) << R"({"number": 1})";
    EXPECT_EQ(read(), "none");
    EXPECT_THAT(warnings, ElementsAre(HasSubstr("text")));
}

TEST_F(RecordFile, AFileThatCantBeReadDoesntPassForAMissingOne) {
    std::filesystem::create_directory(file); // opens, and can't be read
    EXPECT_THROW(read(), Error);
    EXPECT_TRUE(std::filesystem::exists(file));
}

TEST_F(RecordFile, AWriteThatFailsLeavesTheOldFile) {
    write_record(file, {{"text", "a"}});
    std::filesystem::create_directory(temp.path / "record.json.tmp");
    EXPECT_THROW(write_record(file, {{"text", "b"}}), Error);
    EXPECT_EQ(read(), "a");
}

TEST_F(RecordFile, AMissingFolderIsNamed) {
    try {
        write_record(temp.path / "nowhere/record.json", {{"text", "a"}});
        FAIL() << "was written";
    } catch (const Error& error) {
        EXPECT_THAT(error.what(), HasSubstr("nowhere"));
    }
}

} // namespace
} // namespace rtnode::profile
