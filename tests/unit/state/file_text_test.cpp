#include "state/file_text.hpp"

#include "temp_folder.hpp"

#include <gtest/gtest.h>

using namespace rtnode;

TEST(FileText, IsAllOfAFile) {
    TempFolder temp;
    const std::string bytes("a\0b\r\n\xff", 6);
    std::ofstream(temp.path / "file", std::ios::binary) << bytes;
    EXPECT_EQ(file_text(temp.path / "file"), bytes);
    std::ofstream(temp.path / "empty").close();
    EXPECT_EQ(file_text(temp.path / "empty"), "");
    EXPECT_NE(file_text("/proc/self/status"), "") << "no size is known beforehand";
}

TEST(FileText, IsNothingOfWhatCannotBeRead) {
    TempFolder temp;
    EXPECT_EQ(file_text(temp.path / "missing"), "");
    EXPECT_EQ(file_text(temp.path), "") << "a folder can be opened, and not read";
    EXPECT_EQ(file_text("/proc/self/mem"), "") << "the read fails";
}
